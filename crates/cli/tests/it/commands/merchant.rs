//! `rebuttal upload`, `query` and `accept`: effect, output and exit code of each.

use rebuttal_testbed::samples;
use serde_json::json;

use crate::commands::terminal::Terminal;
use crate::common::MerchantShell;

#[test]
fn uploaded_files_are_contested_by_their_storage_uris() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let (receipt, refund) = (shell.receipt(), shell.file(&samples::refund(1)));
    let output = shell.run(&["upload", &receipt, &refund]);
    assert_eq!(output.code, 0, "{output:?}");
    let printed: Vec<_> = output.stdout.lines().map(|line| line.split_once("  ").unwrap()).collect();
    assert_eq!((printed[0].1, printed[1].1), (receipt.as_str(), refund.as_str()));
    let words = ["contest", &no, "--receipt", printed[0].0, "--refund", printed[1].0, "--yes"];
    assert_eq!(shell.run(&words).code, 0);

    let json = shell.run(&["upload", &receipt, "--json"]).json();
    assert_eq!((&json["outcome"], &json["files"][0]["file"]), (&"done".into(), &receipt.as_str().into()));
    assert!(json["files"][0]["storageUri"].as_str().unwrap().starts_with("s3://uploaded/m/"));
}

#[test]
fn query_finds_a_dispute_by_each_of_its_numbers() {
    let shell = MerchantShell::start();
    let dispute = json!({ "paymentNo": "PAY-1", "merchantTradeNo": "MTU-1", "rrn": "413314208817" });
    let no = shell.fixture.dispute_with(&dispute);
    for key in [[no.as_str()].as_slice(), &["--payment-no", "PAY-1"], &["--merchant-trade-no", "MTU-1"]] {
        let output = shell.run(&[&["query"], key].concat());
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
        assert!(output.stdout.contains(&format!("Dispute    {no}\n")), "{output:?}");
        assert!(output.stdout.contains("Payment    PAY-1 (your MTU-1)\n"), "{output:?}");
        assert!(output.stdout.contains("in 7 days"), "{output:?}");
        let json = shell.run(&[&["query", "--json"], key].concat()).json();
        assert_eq!((&json["code"], &json["dispute"]["disputeNo"]), (&"OK".into(), &no.as_str().into()));
        assert!(json["proof"]["answer"]["authorization"].as_str().unwrap().starts_with("V2_SHA256 appId="));
    }
    let output = shell.run(&["query", "NOPE", "--json"]);
    assert_eq!((output.code, &output.json()["code"]), (3, &"Dispute.NotFound".into()), "{output:?}");
    for wrong in [["query"].as_slice(), &["query", "a", "--payment-no", "b"]] {
        assert_eq!(shell.run(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn accept_asks_for_confirmation() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let output = shell.run(&["accept", &no]);
    assert_eq!((output.code, shell.status(&no).as_str()), (1, "NEEDS_RESPONSE"), "{output:?}");
    assert!(output.stderr.contains("Disputed   USD 100.05 of 100.05"), "{output:?}");
    assert!(output.stderr.ends_with("pass --yes to continue without it\n"), "{output:?}");

    let mut terminal = Terminal::run(&shell.command(&["accept", &no]), 100);
    terminal.wait_for("This cannot be undone. [y/N]");
    terminal.interrupt();
    let (code, said) = terminal.end();
    assert!(code == 1 && said.trim_end().ends_with("✗ interrupted: nothing was accepted"), "{said}");
    assert_eq!(shell.status(&no), "NEEDS_RESPONSE");

    for _ in 0..2 {
        let output = shell.run(&["accept", &no, "--yes"]);
        assert_eq!(output.code, 0, "{output:?}");
        assert!(output.stdout.starts_with(&format!("✓ {no} is accepted.\n")), "{output:?}");
        assert_eq!(shell.status(&no), "ACCEPTED");
    }
    let accepted = shell.run(&["query", &no]).stdout;
    let deadline = accepted.lines().find(|line| line.trim_start().starts_with("Deadline"));
    assert!(deadline.is_none_or(|line| !line.contains(" in ")), "nothing is due: {accepted}");
    let json = shell.run(&["accept", &no, "--yes", "--json"]).json();
    assert_eq!((&json["outcome"], &json["disputeNo"]), (&"done".into(), &no.as_str().into()));
}

#[test]
fn text_wraps_between_words_on_a_narrow_terminal() {
    let shell = MerchantShell::start();
    let (code, said) = Terminal::run(&shell.command(&["query", "NOPE"]), 40).end();
    assert!(code == 3 && said.lines().all(|line| line.chars().count() <= 40), "{said}");
}

#[test]
fn control_characters_in_file_names_are_escaped() {
    let shell = MerchantShell::start();
    let (no, content) = (shell.fixture.dispute(), samples::receipt(1).bytes);
    let name = "a\n\u{1b}[31mred \u{202e}gnp.png";
    let unusual = shell.file_named(name, &content);
    let output = shell.run(&["upload", &unusual]);
    assert_eq!((output.code, output.stdout.lines().count()), (0, 1), "{output:?}");
    assert!(!output.stdout.contains(['\u{1b}', '\u{202e}']), "{output:?}");
    let quoted = output.stdout.trim_end().split_once("  ").unwrap().1;
    let read =
        std::process::Command::new("bash").args(["-c", &format!("printf %s {quoted}")]).output().unwrap();
    assert_eq!(String::from_utf8(read.stdout).unwrap(), unusual, "a shell reads the name that it was");
    assert_eq!(shell.run(&["upload", &unusual, "--json"]).json()["files"][0]["file"], unusual.as_str());

    let empty = shell.file_named(&format!("empty{name}"), b"");
    let receipt = ["contest", &no, "--receipt", &unusual];
    for words in [&["upload", &empty][..], &[&receipt[..], &["--refund", &empty]].concat(), &receipt] {
        let output = shell.run(words);
        assert_eq!(output.code, 1, "{output:?}");
        assert!(!output.stderr.contains(['\u{1b}', '\u{202e}']), "{output:?}");
    }
}

#[test]
fn non_local_file_argument_is_reported() {
    let shell = MerchantShell::start();
    for (file, expected) in [
        ("", "✗ nothing was uploaded:\n  the name of the file is empty\n"),
        ("https://x/y.png", "https://x/y.png: must be a local file, not a URL; download it first\n"),
    ] {
        let output = shell.run(&["upload", file]);
        assert!(output.code == 1 && output.stderr.ends_with(expected), "{output:?}");
    }
}
