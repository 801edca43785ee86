//! `rebuttal contest`: what is checked before anything is sent, how each outcome is told, and with which exit code.

use std::fs::File;
use std::process::Stdio;

use rebuttal_testbed::samples;

use crate::common::{Ended, Shell};
use crate::terminal::Terminal;

#[test]
fn a_contest_is_done_and_told() {
    let shell = Shell::start();
    let no = shell.fixture.dispute();
    let (receipt, refund) = (shell.receipt(), shell.file(&samples::refund(1)));
    let words = [
        "contest",
        &no,
        "--refund",
        &refund,
        "--receipt",
        &receipt,
        "--name",
        "Transaction receipt",
        "--yes",
    ];
    let ended = shell.run(&words);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.starts_with(&format!("✓ {no} is contested with 2 pieces of evidence.\n")), "{ended:?}");
    assert_eq!(ended.err, "", "without a terminal and with --yes there is nothing to say but the outcome");

    let dispute = shell.fixture.operator.show(&no);
    assert_eq!(dispute["status"], "UNDER_REVIEW");
    let evidence = dispute["submissions"][0]["evidence"].as_array().unwrap();
    let told: Vec<_> = evidence.iter().map(|item| (&item["type"], &item["name"])).collect();
    assert!(told.iter().any(|(kind, name)| *kind == "RECEIPT" && *name == "Transaction receipt"), "{told:?}");
    assert!(told.iter().any(|(kind, name)| *kind == "REFUND" && refund.ends_with(name.as_str().unwrap())));
}

#[test]
fn json_holds_the_outcome_the_addresses_and_the_proof() {
    let shell = Shell::start();
    let no = shell.fixture.dispute();
    let ended = shell.run(&["contest", &no, "--receipt", &shell.receipt(), "--yes", "--json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let json = ended.json();
    assert_eq!(
        (&json["outcome"], &json["disputeNo"], &json["code"]),
        (&"done".into(), &no.as_str().into(), &"OK".into())
    );
    assert_eq!(json["proof"]["url"], format!("{}/pg/v2/dispute/contest", shell.url));
    assert_eq!(
        json["proof"]["answer"]["body"],
        r#"{"code":"OK","errorMessage":null,"data":{"result":true}}"#
    );

    let url = json["evidenceList"][0]["url"].as_str().unwrap();
    let name = json["evidenceList"][0]["name"].as_str().unwrap();
    let again = shell.run(&["contest", &no, "--receipt", url, "--name", name, "--yes", "--json"]);
    assert_eq!(
        (again.code, &again.json()["outcome"]),
        (0, &"done".into()),
        "a repetition is done, too: {again:?}"
    );
}

#[test]
fn a_refusal_tells_the_gateways_words_and_exits_with_3() {
    let shell = Shell::start();
    let no = shell.fixture.dispute();
    let _ = shell.fixture.accept(&no).ok();
    let ended = shell.run(&["contest", &no, "--receipt", &shell.receipt(), "--yes"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.err.starts_with("✗ the gateway refused: Dispute.InvalidState: "), "{ended:?}");
    let ended = shell.run(&["contest", "NOPE", "--receipt", &shell.receipt(), "--yes", "--json"]);
    assert_eq!((ended.code, &ended.json()["code"]), (3, &"Dispute.NotFound".into()), "{ended:?}");
}

#[test]
fn every_faulty_file_is_told_at_once_and_nothing_is_sent() {
    let shell = Shell::start();
    let no = shell.fixture.dispute();
    let lie = shell.file_named("lie.pdf", &samples::png(7));
    let large = shell.file_named("large.png", &samples::png_of_size(2_097_153));
    let words = [
        "contest",
        &no,
        "--receipt",
        &lie,
        "--refund",
        &large,
        "--other",
        "/nope.png",
        "--default",
        "/etc/passwd",
        "--yes",
    ];
    // Nobody listens at this address: whatever were sent would be told as a failure to connect.
    let mut command = shell.command(&words);
    command.env("REBUTTAL_URL", "http://127.0.0.1:1");
    let ended = Ended::run(command);
    assert_eq!(ended.code, 1, "{ended:?}");
    let lines: Vec<_> = ended.err.lines().collect();
    assert_eq!(lines[0], "✗ nothing was submitted:");
    assert!(
        lines[1].contains("lie.pdf: The file is named .pdf, but its content is a PNG image."),
        "{ended:?}"
    );
    assert!(lines[2].contains("large.png: evidence must have at most 2097152 bytes"), "{ended:?}");
    assert!(lines[3].contains("--other /nope.png: there is no such file"), "{ended:?}");
    assert!(
        lines[4].contains("/etc/passwd: evidence must be a file that ends in one of jpg, jpeg"),
        "{ended:?}"
    );
}

#[test]
fn without_a_terminal_nobody_is_asked_and_nothing_submitted() {
    let shell = Shell::start();
    let no = shell.fixture.dispute();
    let ended = shell.run(&["contest", &no, "--receipt", &shell.receipt()]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("Disputed   USD 100.05 of 100.05"), "the summary is shown: {ended:?}");
    assert!(ended.err.contains("in 6 days 23 hours"), "{ended:?}");
    assert!(ended.err.ends_with("pass --yes to go on without a question\n"), "{ended:?}");
    assert_eq!(shell.status(&no), "NEEDS_RESPONSE");
}

#[test]
fn wrong_usage_exits_with_2() {
    let shell = Shell::start();
    for words in [
        ["contest", "D1"].as_slice(),
        &["contest", "no such number", "--receipt", "a.png"],
        &["contest", "D1", "--name", "Receipt", "--receipt", "a.png"],
        &["contest", "D1", "--receipt", "a.png", "--colour"],
    ] {
        assert_eq!(shell.run(words).code, 2, "{words:?}");
    }
}

#[test]
fn a_gateway_that_nobody_reaches_exits_with_5() {
    let shell = Shell::start();
    let mut command = shell.command(&["contest", "D1", "--receipt", &shell.receipt(), "--yes", "--json"]);
    command.env("REBUTTAL_URL", "http://127.0.0.1:1");
    let ended = Ended::run(command);
    assert_eq!((ended.code, &ended.json()["outcome"]), (5, &"unavailable".into()), "{ended:?}");
}

#[test]
fn answers_that_prove_nothing_exit_with_6_and_tell_what_to_check() {
    let shell = Shell::start();
    let no = shell.fixture.dispute();
    for (variable, value, check) in [
        ("REBUTTAL_APP_SECRET", "0".repeat(32), "Check REBUTTAL_APP_SECRET"),
        ("REBUTTAL_APP_ID", "0".repeat(32), "Check REBUTTAL_APP_ID"),
        ("REBUTTAL_SCHEME", "V2_HMAC_SHA256".to_owned(), "leave REBUTTAL_SCHEME out"),
    ] {
        let mut command = shell.command(&["contest", &no, "--receipt", &shell.receipt(), "--yes"]);
        command.env(variable, value);
        let ended = Ended::run(command);
        assert_eq!(ended.code, 6, "{variable}: {ended:?}");
        assert!(ended.err.contains(check), "{variable}: {ended:?}");
    }
    assert_eq!(shell.status(&no), "NEEDS_RESPONSE");
}

#[test]
fn what_is_missing_to_reach_a_gateway_is_told() {
    let shell = Shell::start();
    for variable in ["REBUTTAL_URL", "REBUTTAL_APP_ID", "REBUTTAL_APP_SECRET"] {
        let mut command = shell.command(&["contest", "D1", "--receipt", &shell.receipt(), "--yes"]);
        command.env_remove(variable);
        let ended = Ended::run(command);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.err.contains(variable), "{ended:?}");
    }
}

#[test]
fn the_secret_may_lie_in_a_file() {
    let shell = Shell::start();
    let no = shell.fixture.dispute();
    let file = shell.file_named("app.secret", format!("{}\n", shell.fixture.signer.app_secret).as_bytes());
    let mut command = shell.command(&["contest", &no, "--receipt", &shell.receipt(), "--yes"]);
    command.env_remove("REBUTTAL_APP_SECRET").env("REBUTTAL_APP_SECRET_FILE", file);
    assert_eq!(Ended::run(command).code, 0);
}

/// A standard output that takes nothing: a full disk, or a pipe that nobody reads.
fn lossy_outputs() -> [Stdio; 2] {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    [File::options().write(true).open("/dev/full").unwrap().into(), writer.into()]
}

#[test]
fn a_proof_that_could_not_be_written_is_told_with_an_exit_code_of_its_own() {
    let shell = Shell::start();
    for words in [["--yes", "--json"].as_slice(), &["--yes"]] {
        for output in lossy_outputs() {
            let no = shell.fixture.dispute();
            let receipt = shell.receipt();
            let mut command = shell.command(&[&["contest", &no, "--receipt", &receipt], words].concat());
            command.stdout(output);
            let ended = Ended::run(command);
            assert_eq!((ended.code, shell.status(&no).as_str()), (7, "UNDER_REVIEW"), "{ended:?}");
            let told =
                format!("{no} is contested, but the signed answer could not be written to standard output");
            assert!(ended.err.contains(&told), "{ended:?}");

            let again = shell.paste(ended.err.lines().last().unwrap().trim());
            assert_eq!(again.code, 0, "{again:?}");
        }
    }
}

#[test]
fn a_refusal_that_could_not_be_written_is_told_all_the_same() {
    let shell = Shell::start();
    for output in lossy_outputs() {
        let mut command =
            shell.command(&["contest", "NOPE", "--receipt", &shell.receipt(), "--yes", "--json"]);
        command.stdout(output);
        let ended = Ended::run(command);
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(ended.err.contains("the gateway refused: Dispute.NotFound"), "{ended:?}");
    }
}

#[test]
fn a_flag_wins_over_the_variable_of_its_pair() {
    let shell = Shell::start();
    let secret = shell.fixture.signer.app_secret.clone();
    let file = shell.file_named("app.secret", secret.as_bytes());
    let receipt = shell.receipt();
    for (flag, value, variable, wrong) in [
        ("--app-secret-file", file.as_str(), "REBUTTAL_APP_SECRET", "0"),
        ("--app-secret", &secret, "REBUTTAL_APP_SECRET_FILE", "/nope"),
    ] {
        let no = shell.fixture.dispute();
        let mut command = shell.command(&["contest", &no, "--receipt", &receipt, "--yes", flag, value]);
        command.env_remove("REBUTTAL_APP_SECRET").env(variable, wrong);
        let ended = Ended::run(command);
        assert_eq!(ended.code, 0, "{flag}: {ended:?}");
    }
}

#[test]
fn a_file_to_trust_without_a_certificate_is_named() {
    let shell = Shell::start();
    let key = shell.file_named("key.pem", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let ended = shell.run(&["contest", "D1", "--receipt", &shell.receipt(), "--yes", "--trust", &key]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains(&format!("{key} holds no certificate to trust")), "{ended:?}");
}

#[test]
fn variables_that_mean_nothing_are_warned_of() {
    let shell = Shell::start();
    let mut command = shell.command(&["contest", "D1", "--receipt", &shell.receipt(), "--yes"]);
    command.env("REBUTTAL_APP_SECERT", "00112233445566778899aabbccddeeff");
    let ended = Ended::run(command);
    let told = "! the variable REBUTTAL_APP_SECERT is not known and has no effect; did you mean REBUTTAL_APP_SECRET?\n";
    assert!(ended.err.starts_with(told), "{ended:?}");
    assert!(!ended.err.contains("00112233"), "{ended:?}");
}

#[test]
fn the_question_is_answered_with_yes_or_nothing_is_submitted() {
    let shell = Shell::start();
    let (no, receipt) = (shell.fixture.dispute(), shell.receipt());
    let question = "Submit? It is done once and cannot be changed. [y/N]";
    let ask = |words: &[&str]| {
        let mut terminal = Terminal::run(&shell.command(words), 100);
        terminal.wait_for(question);
        terminal
    };
    let words = ["contest", &no, "--receipt", &receipt];

    let mut terminal = ask(&words);
    terminal.interrupt();
    let (code, said) = terminal.end();
    assert_eq!(code, 1, "{said}");
    assert!(said.trim_end().ends_with("✗ interrupted: nothing was submitted"), "{said}");

    let mut terminal = ask(&words);
    terminal.type_in("n\n");
    let (code, said) = terminal.end();
    assert!(code == 1 && said.contains("✗ nothing was submitted: not confirmed"), "{said}");
    assert_eq!(shell.status(&no), "NEEDS_RESPONSE");

    let mut terminal = ask(&words);
    terminal.type_in("y\n");
    let (code, said) = terminal.end();
    assert!(code == 0 && said.contains("is contested with 1 piece of evidence."), "{said}");
    assert_eq!(shell.status(&no), "UNDER_REVIEW");
}

#[test]
fn an_address_with_the_wrong_scheme_is_told_at_once() {
    let shell = Shell::start();
    let mut command = shell.command(&["contest", "D1", "--receipt", &shell.receipt(), "--yes"]);
    command.env("REBUTTAL_URL", shell.url.replace("http://", "https://"));
    let ended = Ended::run(command);
    assert_eq!(ended.code, 5, "{ended:?}");
    assert!(ended.err.contains("(tried once)"), "{ended:?}");
    assert!(ended.err.contains("the address must start with http://\n  Nothing was submitted."), "{ended:?}");
}
