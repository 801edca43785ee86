//! Responses that never arrive: the outcome is never guessed, and the output says how to learn it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::commands::lossy_proxy::{LossyProxy, ResponseFault};
use crate::common::{CommandOutput, MerchantShell, pasted, rebuttal, without_rebuttal_env};

fn shell_behind(proxy: &LossyProxy) -> MerchantShell {
    let shell = MerchantShell::with_public_url(&proxy.url);
    proxy.set_upstream(shell.fixture.address());
    shell
}

#[test]
fn lost_responses_exit_with_4_and_the_rerun_resolves_them() {
    let proxy = LossyProxy::start(ResponseFault::Close, usize::MAX);
    let shell = shell_behind(&proxy);
    let no = shell.fixture.dispute();
    let words = ["contest", &no, "--receipt", &shell.receipt(), "--name", "Ann's receipt", "--yes", "--json"];
    let output = shell.run(&words);
    let json = output.json();
    assert_eq!((output.code, &json["outcome"]), (4, &"unknown".into()), "{output:?}");
    assert_eq!(shell.status(&no), "UNDER_REVIEW", "it took effect without a response");

    proxy.forward_all();
    let again = shell.paste(json["again"].as_str().unwrap());
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(shell.fixture.operator.show(&no)["submissions"].as_array().unwrap().len(), 1);
}

#[test]
fn interrupt_while_waiting_is_an_unknown_outcome() {
    let proxy = LossyProxy::start(ResponseFault::Stall, usize::MAX);
    let shell = shell_behind(&proxy);
    let no = shell.fixture.dispute();
    let mut command = shell.command(&["contest", &no, "--receipt", &shell.receipt(), "--yes"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    proxy.wait_for_fault();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = CommandOutput::from_output(child.wait_with_output().unwrap());
    assert_eq!(output.code, 4, "{output:?}");
    assert!(output.stderr.starts_with("✗ interrupted before the gateway answered\n"), "{output:?}");
    let again = format!("rebuttal contest {no} --yes --receipt s3://uploaded/");
    assert!(output.stderr.contains(&again), "{output:?}");
}

#[test]
fn rerun_command_uses_the_same_profile_and_masks_a_secret() {
    let proxy = LossyProxy::start(ResponseFault::Close, usize::MAX);
    let shell = shell_behind(&proxy);
    let folder = tempfile::tempdir().unwrap();
    let signer = &shell.fixture.signer;
    let at_home = |mut command: Command| {
        command.env("REBUTTAL_PROFILES", folder.path().join("profiles.toml"));
        command
    };
    let mut add =
        at_home(rebuttal(&["profile", "add", "prod", "--url", &shell.url, "--app-id", &signer.app_id]));
    add.env("REBUTTAL_APP_SECRET", &signer.app_secret);
    assert_eq!(CommandOutput::run(add).code, 0);
    let by_flags = ["--url", &shell.url, "--app-id", &signer.app_id, "--app-secret", &signer.app_secret];
    for access in [["--profile", "prod"].as_slice(), &by_flags] {
        let no = shell.fixture.dispute();
        let output = CommandOutput::run(at_home(rebuttal(&[&["accept", &no, "--yes"], access].concat())));
        assert_eq!(output.code, 4, "{output:?}");
        assert!(!output.stderr.contains(&signer.app_secret), "{output:?}");
        let printed = output.stderr.lines().last().unwrap().trim().replace('…', &signer.app_secret);
        proxy.forward_all();
        let again = CommandOutput::run(at_home(pasted(without_rebuttal_env(Path::new("sh")), &printed)));
        assert_eq!(again.code, 0, "{printed}: {again:?}");
        proxy.drop_all();
    }
}
