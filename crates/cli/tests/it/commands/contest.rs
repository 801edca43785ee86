//! `rebuttal contest`: what is checked before anything is sent, how each outcome is reported, and its exit code.

use std::fs::File;
use std::process::Stdio;

use rebuttal_testbed::samples;

use crate::commands::terminal::Terminal;
use crate::common::{CommandOutput, LARGEST_FILE_BYTES, MerchantShell};

#[test]
fn contest_succeeds_and_prints_the_outcome() {
    let shell = MerchantShell::start();
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
    let output = shell.run(&words);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stdout.starts_with(&format!("✓ {no} is contested with 2 pieces of evidence.\n")),
        "{output:?}"
    );
    assert_eq!(
        output.stderr, "",
        "without a terminal and with --yes there is nothing to say but the outcome"
    );

    let dispute = shell.fixture.operator.show(&no);
    assert_eq!(dispute["status"], "UNDER_REVIEW");
    let evidence = dispute["submissions"][0]["evidence"].as_array().unwrap();
    let printed: Vec<_> = evidence.iter().map(|item| (&item["type"], &item["name"])).collect();
    assert!(
        printed.iter().any(|(kind, name)| *kind == "RECEIPT" && *name == "Transaction receipt"),
        "{printed:?}"
    );
    assert!(printed.iter().any(|(kind, name)| *kind == "REFUND" && refund.ends_with(name.as_str().unwrap())));
}

#[test]
fn json_contains_outcome_storage_uris_and_proof() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let output = shell.run(&["contest", &no, "--receipt", &shell.receipt(), "--yes", "--json"]);
    assert_eq!(output.code, 0, "{output:?}");
    let json = output.json();
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
fn rejection_prints_the_gateways_message_and_exits_with_3() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let _ = shell.fixture.accept(&no).ok();
    let output = shell.run(&["contest", &no, "--receipt", &shell.receipt(), "--yes"]);
    assert_eq!(output.code, 3, "{output:?}");
    assert!(output.stderr.starts_with("✗ the gateway refused: Dispute.InvalidState: "), "{output:?}");
    let output = shell.run(&["contest", "NOPE", "--receipt", &shell.receipt(), "--yes", "--json"]);
    assert_eq!((output.code, &output.json()["code"]), (3, &"Dispute.NotFound".into()), "{output:?}");
}

#[test]
fn invalid_files_are_all_reported_and_nothing_is_sent() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let mismatched = shell.file_named("mismatched.pdf", &samples::png(7));
    let large = shell.file_named("large.png", &samples::png_of_size(LARGEST_FILE_BYTES + 1));
    let words = [
        "contest",
        &no,
        "--receipt",
        &mismatched,
        "--refund",
        &large,
        "--other",
        "/nope.png",
        "--default",
        "/etc/passwd",
        "--yes",
    ];
    // Nothing listens at this address: anything sent would be reported as a failure to connect.
    let mut command = shell.command(&words);
    command.env("REBUTTAL_URL", "http://127.0.0.1:1");
    let output = CommandOutput::run(command);
    assert_eq!(output.code, 1, "{output:?}");
    let lines: Vec<_> = output.stderr.lines().collect();
    assert_eq!(lines[0], "✗ nothing was submitted:");
    assert!(
        lines[1].contains("mismatched.pdf: The file is named .pdf, but its content is a PNG image."),
        "{output:?}"
    );
    let too_large = format!("large.png: evidence must have at most {LARGEST_FILE_BYTES} bytes");
    assert!(lines[2].contains(&too_large), "{output:?}");
    assert!(lines[3].contains("--other /nope.png: there is no such file"), "{output:?}");
    assert!(
        lines[4].contains("/etc/passwd: evidence must be a file with one of the extensions jpg, jpeg"),
        "{output:?}"
    );
}

#[test]
fn no_prompt_and_no_submission_without_a_terminal() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let output = shell.run(&["contest", &no, "--receipt", &shell.receipt()]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("Disputed   USD 100.05 of 100.05"), "the summary is shown: {output:?}");
    assert!(output.stderr.contains("in 7 days"), "{output:?}");
    assert!(output.stderr.ends_with("pass --yes to continue without it\n"), "{output:?}");
    assert_eq!(shell.status(&no), "NEEDS_RESPONSE");
}

#[test]
fn unreachable_gateway_exits_with_5() {
    let shell = MerchantShell::start();
    let mut command = shell.command(&["contest", "D1", "--receipt", &shell.receipt(), "--yes", "--json"]);
    command.env("REBUTTAL_URL", "http://127.0.0.1:1");
    let output = CommandOutput::run(command);
    assert_eq!((output.code, &output.json()["outcome"]), (5, &"unavailable".into()), "{output:?}");
}

#[test]
fn unverified_responses_exit_with_6_and_advice() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    for (variable, value, check) in [
        ("REBUTTAL_APP_SECRET", "0".repeat(32), "Check REBUTTAL_APP_SECRET"),
        ("REBUTTAL_APP_ID", "0".repeat(32), "Check REBUTTAL_APP_ID"),
        ("REBUTTAL_SCHEME", "V2_HMAC_SHA256".to_owned(), "remove REBUTTAL_SCHEME"),
    ] {
        let mut command = shell.command(&["contest", &no, "--receipt", &shell.receipt(), "--yes"]);
        command.env(variable, value);
        let output = CommandOutput::run(command);
        assert_eq!(output.code, 6, "{variable}: {output:?}");
        assert!(output.stderr.contains(check), "{variable}: {output:?}");
    }
    assert_eq!(shell.status(&no), "NEEDS_RESPONSE");
}

/// A standard output that cannot be written: a full disk, or a closed pipe.
fn lossy_outputs() -> [Stdio; 2] {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    [File::options().write(true).open("/dev/full").unwrap().into(), writer.into()]
}

#[test]
fn unwritable_proof_file_has_its_own_exit_code() {
    let shell = MerchantShell::start();
    for words in [["--yes", "--json"].as_slice(), &["--yes"]] {
        for output in lossy_outputs() {
            let no = shell.fixture.dispute();
            let receipt = shell.receipt();
            let mut command = shell.command(&[&["contest", &no, "--receipt", &receipt], words].concat());
            command.stdout(output);
            let output = CommandOutput::run(command);
            assert_eq!((output.code, shell.status(&no).as_str()), (7, "UNDER_REVIEW"), "{output:?}");
            let expected =
                format!("{no} is contested, but the signed answer could not be written to standard output");
            assert!(output.stderr.contains(&expected), "{output:?}");

            let again = shell.paste(output.stderr.lines().last().unwrap().trim());
            assert_eq!(again.code, 0, "{again:?}");
        }
    }
}

#[test]
fn rejection_is_reported_even_if_stdout_fails() {
    let shell = MerchantShell::start();
    for output in lossy_outputs() {
        let mut command =
            shell.command(&["contest", "NOPE", "--receipt", &shell.receipt(), "--yes", "--json"]);
        command.stdout(output);
        let output = CommandOutput::run(command);
        assert_eq!(output.code, 3, "{output:?}");
        assert!(output.stderr.contains("the gateway refused: Dispute.NotFound"), "{output:?}");
    }
}

#[test]
fn flag_overrides_the_variable_of_its_pair() {
    let shell = MerchantShell::start();
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
        let output = CommandOutput::run(command);
        assert_eq!(output.code, 0, "{flag}: {output:?}");
    }
}

#[test]
fn trust_file_without_certificate_is_reported() {
    let shell = MerchantShell::start();
    let key = shell.file_named("key.pem", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let output = shell.run(&["contest", "D1", "--receipt", &shell.receipt(), "--yes", "--trust", &key]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains(&format!("{key} contains no certificate")), "{output:?}");
}

#[test]
fn unknown_variables_are_warnings() {
    let shell = MerchantShell::start();
    let mut command = shell.command(&["contest", "D1", "--receipt", &shell.receipt(), "--yes"]);
    command.env("REBUTTAL_APP_SECERT", "00112233445566778899aabbccddeeff");
    let output = CommandOutput::run(command);
    let expected = "! the variable REBUTTAL_APP_SECERT is unknown and has no effect; did you mean REBUTTAL_APP_SECRET?\n";
    assert!(output.stderr.starts_with(expected), "{output:?}");
    assert!(!output.stderr.contains("00112233"), "{output:?}");
}

#[test]
fn nothing_is_submitted_without_yes() {
    let shell = MerchantShell::start();
    let (no, receipt) = (shell.fixture.dispute(), shell.receipt());
    let question = "Submit? A submission cannot be changed. [y/N]";
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
