//! `rebuttal operator token`: tokens of further operators, and their roles.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::commands::terminal::Terminal;
use crate::common::{CommandOutput, MerchantShell};

impl MerchantShell {
    /// A command with another token.
    fn operator_with(&self, token: &str, words: &[&str]) -> CommandOutput {
        let mut command = self.operator_command(words);
        command.env("REBUTTAL_OPERATOR_TOKEN", token);
        CommandOutput::run(command)
    }
}

#[test]
fn token_is_created_used_and_revoked() {
    let shell = MerchantShell::start();
    let made = shell.operator(&["token", "create", "--name", "night-shift", "--role", "viewer", "--json"]);
    let json = made.json();
    assert_eq!((made.code, &json["name"], &json["role"]), (0, &"night-shift".into(), &"viewer".into()));
    let token = json["token"].as_str().unwrap();
    assert_eq!(shell.operator_with(token, &["dispute", "list"]).code, 0);
    let refused = shell.operator_with(token, &["merchant", "create", "--name", "m", "--time-zone", "UTC"]);
    assert!(refused.code == 3 && refused.stderr.contains("Operator.Forbidden"), "{refused:?}");
    assert!(refused.stderr.contains("role is viewer, but the operation requires admin"), "{refused:?}");

    let listed = shell.operator(&["token", "list"]);
    assert!(listed.stdout.contains("night-shift  viewer") && !listed.stdout.contains(token), "{listed:?}");
    let asked = shell.operator(&["token", "revoke", "night-shift"]);
    assert!(asked.code == 1 && asked.stderr.contains("pass --yes"), "{asked:?}");
    let mut terminal = Terminal::run(&shell.operator_command(&["token", "revoke", "night-shift"]), 100);
    terminal.wait_for("This cannot be undone. [y/N]");
    terminal.type_in("y\n");
    let (code, said) = terminal.end();
    assert!(code == 0 && said.contains("token night-shift is revoked."), "{said}");
    let refused = shell.operator_with(token, &["dispute", "list"]);
    assert!(refused.code == 3 && refused.stderr.contains("Operator.Unauthorized"), "{refused:?}");
    let again = shell.operator(&["token", "revoke", "night-shift", "--yes", "--json"]);
    assert!(again.code == 0 && again.json()["revokedTime"].is_string(), "{again:?}");
}

#[test]
fn new_token_can_be_written_to_a_file_only() {
    let shell = MerchantShell::start();
    let file = shell.fixture.gateway.scratch().join("ci.token");
    let at = file.to_str().unwrap();
    let create = ["token", "create", "--name", "50%/ci", "--role", "admin", "--secret-file", at, "--json"];
    let output = shell.operator(&create);
    assert_eq!((output.code, &output.json()["token"]), (0, &Value::Null), "{output:?}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let listed = shell.operator(&["--operator-token-file", at, "token", "list"]);
    assert!(listed.code == 0 && listed.stdout.contains("50%/ci"), "{listed:?}");
    assert_eq!(shell.operator(&create).code, 1, "the file is there already");
    assert_eq!(shell.operator(&["token", "revoke", "50%/ci", "--yes"]).code, 0);
}

#[test]
fn invalid_arguments_are_reported_before_sending() {
    let shell = MerchantShell::start();
    let output = shell.operator(&["token", "create", "--name", "n", "--role", "root"]);
    assert!(
        output.code == 2 && output.stderr.contains("[possible values: viewer, operator, admin]"),
        "{output:?}"
    );
    let output = shell.operator(&["token", "create", "--name", "night shift", "--role", "viewer"]);
    assert!(output.code == 2 && output.stderr.contains("visible ASCII"), "{output:?}");
    let turned = shell.operator(&["token", "create", "--name", "n\u{202e}x", "--role", "viewer"]);
    assert!(turned.code == 2 && turned.stderr.contains("'n\u{fffd}x'"), "{turned:?}");
    let long = shell.operator(&["token", "create", "--name", &"n".repeat(10_000), "--role", "viewer"]);
    assert!(long.code == 2 && long.stderr.len() < 1000 && long.stderr.contains("n…'"), "{long:?}");
    let first = shell.operator(&["token", "revoke", "operator", "--yes"]);
    assert!(first.code == 3 && first.stderr.contains("Operator.Conflict"), "{first:?}");
}
