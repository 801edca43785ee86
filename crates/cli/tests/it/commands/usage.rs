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
            "Usage: rebuttal query [OPTIONS] <DISPUTE_NO|--payment-no <NO>|--merchant-trade-no <NO>>\n",
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
