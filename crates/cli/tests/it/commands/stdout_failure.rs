//! Standard output that cannot be written: the change is reported as done, and its response, secrets included, can be
//! printed again.

use std::fs::File;
use std::process::Stdio;

use crate::common::{CommandOutput, MerchantShell, rebuttal};

fn full_disk() -> Stdio {
    Stdio::from(File::options().write(true).open("/dev/full").unwrap())
}

fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Stdio::from(writer)
}

fn run_with_stdout(shell: &MerchantShell, words: &[&str], stdout: Stdio) -> CommandOutput {
    let mut command = shell.operator_command(words);
    command.stdout(stdout);
    CommandOutput::run(command)
}

/// The rerun command at the end of the output.
fn message(output: &CommandOutput) -> &str {
    output.stderr.lines().last().unwrap().trim()
}

#[test]
fn closed_pipe_is_success_and_full_disk_is_an_error() {
    let shell = MerchantShell::start();
    let list = ["merchant", "list"];
    let read = run_with_stdout(&shell, &list, closed_pipe());
    assert_eq!((read.code, read.stderr.as_str()), (0, ""), "{read:?}");
    assert_eq!(run_with_stdout(&shell, &list, full_disk()).code, 7);
}

#[test]
fn output_only_command_fails_on_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str], output: Stdio| {
        let mut command = rebuttal(words);
        command.env("REBUTTAL_PROFILES", folder.path().join("profiles.toml")).current_dir(folder.path());
        command.stdout(output);
        CommandOutput::run(command)
    };
    for words in [
        ["--help"].as_slice(),
        &["-h"],
        &["--version"],
        &["help", "operator"],
        &["contest", "--help"],
        &["completions", "zsh"],
        &["man", "--out", "."],
        &["config", "default"],
        &["profile", "list"],
    ] {
        let full = run(words, full_disk());
        // As the help of each says.
        let code = if words[0] == "profile" { 7 } else { 1 };
        assert!(full.code == code && full.stderr.lines().count() == 1, "{words:?}: {full:?}");
        assert_eq!(full.stderr.contains("the version"), words == ["--version"], "{full:?}");
        let expected = "could not be written to standard output: No space left on device";
        assert!(full.stderr.starts_with("✗ the ") && full.stderr.contains(expected), "{words:?}: {full:?}");
        let closed = run(words, closed_pipe());
        assert_eq!((closed.code, closed.stderr.as_str()), (0, ""), "{words:?}");
    }
}

#[test]
fn response_lost_to_a_full_disk_can_be_printed_again() {
    let shell = MerchantShell::start();
    for (name, stdout) in [("Second", closed_pipe()), ("Third", full_disk())] {
        let made =
            run_with_stdout(&shell, &["merchant", "create", "--name", name, "--time-zone", "UTC"], stdout);
        assert!(made.code == 7 && made.stderr.contains("it is done, but the answer"), "{made:?}");
        assert!(shell.paste_operator(message(&made)).stdout.contains(name), "{made:?}");
        let merchants = shell.operator(&["merchant", "list"]).stdout;
        assert_eq!(merchants.matches(name).count(), 1, "{merchants}");
    }
}

#[test]
fn secret_is_not_lost_if_stdout_fails() {
    let shell = MerchantShell::start();
    let (id, app) = (shell.fixture.merchant_id.to_string(), shell.fixture.signer.app_id.clone());
    for (words, member) in [
        (&["app", "create", "--merchant", &id][..], "appSecret"),
        (&["app", "rotate", &app, "--merchant", &id, "--overlap", "1h", "--yes"], "appSecret"),
        (&["token", "create", "--name", "night", "--role", "viewer"], "token"),
        (&["token", "create", "--name", "day", "--role", "viewer", "--json"], "token"),
    ] {
        let made = run_with_stdout(&shell, words, full_disk());
        assert!(
            made.code == 7 && made.stderr.contains("could not be written to standard output"),
            "{made:?}"
        );
        assert!(made.stderr.contains("To get the same secret again"), "{made:?}");
        let again = || {
            let json = if words.contains(&"--json") { "" } else { " --json" };
            let output = shell.paste_operator(&format!("{}{json}", message(&made)));
            assert_eq!(output.code, 0, "{output:?}");
            output.json()[member].as_str().unwrap().to_owned()
        };
        assert_eq!(again(), again(), "one secret: {made:?}");
    }
    let apps = shell.operator(&["app", "list", "--merchant", &id, "--json"]).json();
    assert_eq!(apps["items"].as_array().unwrap().len(), 2, "the first one, and the one that was made");
}

#[test]
fn lost_output_with_a_stored_secret_asks_for_another_file() {
    let shell = MerchantShell::start();
    let at = |name: &str| shell.fixture.gateway.scratch().join(name).to_str().unwrap().to_owned();
    let create = ["token", "create", "--name", "n", "--role", "viewer", "--secret-file", &at("one")];
    let made = run_with_stdout(&shell, &create, full_disk());
    assert!(made.code == 7 && made.stderr.contains("A --secret-file is not overwritten"), "{made:?}");
    assert_eq!(shell.paste_operator(&message(&made).replace(&at("one"), &at("two"))).code, 0);
    assert_eq!(std::fs::read(at("one")).unwrap(), std::fs::read(at("two")).unwrap());
}
