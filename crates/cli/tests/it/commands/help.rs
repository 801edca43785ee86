//! Help texts and usage errors. The help of every command is pinned in `src/tests/help.rs`.

use crate::common::{CommandOutput, rebuttal};

#[test]
fn help_is_printed_on_standard_output() {
    for words in [["help", "contest"], ["contest", "--help"]] {
        let output = CommandOutput::run(rebuttal(&words));
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
        let says =
            ["Contest a dispute with evidence", "Example:\n  rebuttal contest", "Exit codes:\n  0  done"];
        assert!(says.iter().all(|says| output.stdout.contains(says)), "{output:?}");
    }
}

#[test]
fn help_never_prints_values_of_variables() {
    let mut command = rebuttal(&["contest", "--help"]);
    command.env("REBUTTAL_APP_SECRET", "00112233445566778899aabbccddeeff").env("REBUTTAL_URL", "http://here");
    let output = CommandOutput::run(command);
    assert!(!output.stdout.contains("00112233") && !output.stdout.contains("http://here"), "{output:?}");
}

#[test]
fn invalid_value_is_reported_with_its_variable() {
    let query = |words: &[&str]| {
        let mut command = rebuttal(&[&["query", "D1"], words].concat());
        command.env("REBUTTAL_APP_ID", "xyz");
        CommandOutput::run(command)
    };
    let expected = "tip: the value comes from the variable REBUTTAL_APP_ID";
    let output = query(&[]);
    assert!(output.code == 2 && output.stderr.contains(expected), "{output:?}");
    let output = query(&["--app-id", "xyz"]);
    assert!(output.code == 2 && !output.stderr.contains(expected), "{output:?}");
}

#[test]
fn usage_errors_are_json_with_the_json_flag() {
    for (words, expected) in [
        (["query", "--json"].as_slice(), "the following required arguments were not provided: <DISPUTE_NO"),
        (&["accept", "a b", "--json"], "invalid value 'a b' for '<DISPUTE_NO>': must be 1 to 32 characters"),
        (&["operator", "merchant", "lst", "--json"], "unrecognized subcommand 'lst'"),
    ] {
        let output = CommandOutput::run(rebuttal(words));
        assert_eq!((output.code, output.json()["outcome"].as_str()), (2, Some("usage")), "{output:?}");
        let message = output.json()["errorMessage"].as_str().unwrap().to_owned();
        assert!(message.starts_with(expected) && !message.contains("Usage"), "{message}");
        assert!(output.stderr.starts_with("error: "), "people read it, too: {output:?}");
        let without_rebuttal_env: Vec<_> = words.iter().copied().filter(|word| *word != "--json").collect();
        let output = CommandOutput::run(rebuttal(&without_rebuttal_env));
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    }
}

const HEADER: &str = "V2_SHA256 appId=00000000000000000000000000000000,sign=0000000000000000000000000000000000000000000000000000000000000000,timestamp=1700000000000,nonce=0000000000000000";

#[test]
fn local_errors_are_json_with_the_json_flag() {
    for words in [
        ["sign", "/x", "--json"].as_slice(),
        &["verify", "http://h/x", "--authorization", HEADER, "--json"],
        &["config", "show", "--config", "/nope.toml", "--json"],
        &["profile", "list", "--json"],
    ] {
        let mut command = rebuttal(words);
        // A folder in the place of the file.
        command.env("REBUTTAL_PROFILES", "/");
        let output = CommandOutput::run(command);
        assert_eq!((output.code, output.json()["outcome"].as_str()), (1, Some("local")), "{output:?}");
        assert!(!output.json()["errorMessage"].as_str().unwrap().is_empty(), "{output:?}");
    }
}

/// Each is an error of the arguments, found without a gateway; none is running.
#[test]
fn mistyped_arguments_are_usage_errors() {
    let app = "00000000000000000000000000000000";
    let open =
        "operator dispute open --merchant 1 --payment-no P --merchant-trade-no T --reason R --deadline 7d";
    let open: Vec<_> = open.split(' ').collect();
    let (files, urls) = (vec!["a.png"; 21], vec!["--other"; 42]);
    let url = "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png";
    let many: Vec<_> =
        urls.iter().enumerate().map(|(at, flag)| if at % 2 == 0 { *flag } else { "a.png" }).collect();
    for (words, expected) in [
        (["operator", "merchant", "change", "1"].to_vec(), "--name <NAME>|--time-zone <ZONE>"),
        (
            ["operator", "app", "change", app, "--merchant", "1"].to_vec(),
            "--notify-url <URL>|--no-notify-url",
        ),
        (
            [&open[..], &["--payment-amount", "1.234", "--currency", "USD"]].concat(),
            "--payment-amount <AMOUNT>",
        ),
        (
            [&open[..], &["--payment-amount", "1", "--dispute-amount", "1,5", "--currency", "USD"]].concat(),
            "--dispute-amount <AMOUNT>",
        ),
        (
            [&open[..], &["--payment-amount", "1", "--currency", "USD", "--type", "chargeback"]].concat(),
            "CHARGEBACK",
        ),
        (["operator", "dispute", "advance", "D", "INQUIRY", "--deadline", "7d"].to_vec(), "PRE_ARBITRATION"),
        (["operator", "dispute", "list", "--limit", "0"].to_vec(), "1..=10000"),
        (["operator", "dispute", "evidence", "D", "1/../2"].to_vec(), "such as 1-2"),
        ([&["upload"], &files[..]].concat(), "at most 20 files"),
        ([&["contest", "D"], &many[..]].concat(), "at most 20 pieces"),
        (["contest", "D", "--refund", "s3://elsewhere/x"].to_vec(), "--refund s3://elsewhere/x: "),
        (["contest", "D", "--refund", url, "--receipt", url].to_vec(), "given twice"),
        (["contest", "D", "--refund", "a.png", "--name", ""].to_vec(), "must have 1 to 128"),
        (["profile", "add", "shop", "--app-id", app].to_vec(), "--url"),
        (
            ["operator", "merchant", "list", "--operator-url", "localhost"].to_vec(),
            "must start with https://",
        ),
        (["query", "D", "--url", "http://h", "--app-id", app, "--app-secret", "short"].to_vec(), "32"),
        (
            [
                "upload",
                "a",
                "--app-secret",
                app,
                "--app-secret-file",
                "f",
                "--url",
                "http://h",
                "--app-id",
                app,
            ]
            .to_vec(),
            "not both",
        ),
    ] {
        let mut command = rebuttal(&words);
        command.env("REBUTTAL_OPERATOR_TOKEN", "t").env("REBUTTAL_OPERATOR_URL", "http://127.0.0.1:1");
        let output = CommandOutput::run(command);
        assert!(output.code == 2 && output.stderr.contains(expected), "{words:?}: {output:?}");
        assert!(output.stderr.starts_with("error: "), "{output:?}");
    }
}
