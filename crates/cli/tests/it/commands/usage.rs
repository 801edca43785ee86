//! Command lines that cannot be parsed: what is named, what is not shown, and what to write instead.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use rebuttal_testbed::samples;

use crate::common::{CommandOutput, MerchantShell, rebuttal};

/// A Latin-1 name, which is not valid UTF-8.
fn cafe() -> &'static OsStr {
    OsStr::from_bytes(b"caf\xe9.png")
}

fn message(mut command: Command) -> String {
    let output = CommandOutput::run({
        command.env("HOME", "/nope");
        command
    });
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    output.stderr
}

#[test]
fn usage_line_does_not_depend_on_variables() {
    for (words, usage) in [
        (
            ["query"].as_slice(),
            "Usage: rebuttal query [OPTIONS] <--dispute-no <NO>|--payment-no <NO>|--merchant-trade-no <NO>>\n",
        ),
        (&["accept"], "Usage: rebuttal accept [OPTIONS] <DISPUTE_NO>\n"),
        (
            &["operator", "token", "create"],
            "Usage: rebuttal operator token create [OPTIONS] --name <NAME> --role <ROLE>\n",
        ),
    ] {
        let mut command = rebuttal(words);
        command.env("REBUTTAL_URL", "http://h").env("REBUTTAL_APP_SECRET", "Geheim7");
        command.env("REBUTTAL_OPERATOR_TOKEN", "Geheim7").env("REBUTTAL_TRUST", "ca.pem");
        let printed = message(command);
        assert!(printed.contains(usage) && !printed.contains("Geheim7"), "{printed}");
    }
}

#[test]
fn non_utf8_file_name_is_accepted() {
    let shell = MerchantShell::start();
    let path = shell.fixture.gateway.scratch().join(cafe());
    std::fs::write(&path, samples::receipt(1).bytes).unwrap();
    let mut upload = shell.command(&["upload", "--json"]);
    upload.arg(&path);
    let output = CommandOutput::run(upload);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.json()["files"][0]["file"].as_str().unwrap().ends_with("caf\u{fffd}.png"), "{output:?}");
    let no = shell.fixture.dispute();
    let mut contest = shell.command(&["contest", &no, "--yes", "--receipt"]);
    contest.arg(&path).args(["--name", "Receipt"]);
    let output = CommandOutput::run(contest);
    assert_eq!(output.code, 0, "{output:?}");
}

#[test]
fn non_utf8_text_argument_is_named() {
    let value = r#"its value "caf\xE9.png" must be UTF-8"#;
    for (words, named) in [
        (["query", "--dispute-no"].as_slice(), "--dispute-no <NO>"),
        (&["accept", "--trust", "x"], "<DISPUTE_NO>"),
        (&["contest", "D", "--receipt", "a.png", "--url"], "--url <URL>"),
    ] {
        let mut command = rebuttal(words);
        command.arg(cafe());
        let printed = message(command);
        assert!(printed.starts_with(&format!("error: {named}: {value}\n")), "{printed}");
    }
    let mut joined = rebuttal(&["query"]);
    joined.arg(OsStr::from_bytes(b"--dispute-no=caf\xe9.png"));
    assert!(message(joined).starts_with(&format!("error: --dispute-no <NO>: {value}\n")));
    let mut variable = rebuttal(&["query", "--dispute-no", "D"]);
    variable.env("REBUTTAL_SCHEME", cafe());
    assert!(message(variable).starts_with(&format!("error: REBUTTAL_SCHEME: {value}\n")));
    // The error is in another argument; a path may be invalid UTF-8.
    let mut other = rebuttal(&["query", "--dispute-no", "", "--trust"]);
    other.arg(cafe());
    assert!(message(other).contains("'--dispute-no <NO>'"));
}

#[test]
fn file_name_like_an_option_gets_advice() {
    for words in [
        ["upload", "-dash.png"].as_slice(),
        &["contest", "D", "--receipt", "-dash.png"],
        &["sign", "/pg/v2/dispute/query", "--body-file", "-dash.png"],
    ] {
        let printed = message(rebuttal(words));
        assert!(printed.starts_with("error: unexpected argument '-dash.png' found\n"), "{printed}");
        assert!(printed.contains("tip: a file of this name is given as ./-dash.png\n"), "{printed}");
        assert!(!printed.contains("-- -d"), "{printed}");
    }
    let other = message(rebuttal(&["query", "--dispute-nr", "D"]));
    assert!(other.contains("--dispute-no") && !other.contains("./"), "{other}");
}
