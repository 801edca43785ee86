//! Responses that never arrive: the outcome is never guessed, and the output says how to learn it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rebuttal_testbed::{Action, Operator};
use serde_json::json;

use crate::commands::lossy_proxy::{LossyProxy, ResponseFault};
use crate::common::{CommandOutput, MerchantShell, pasted, rebuttal, without_rebuttal_env};

fn shell_behind(proxy: &LossyProxy) -> MerchantShell {
    let shell = MerchantShell::with_public_url(&proxy.url);
    proxy.set_upstream(shell.fixture.address());
    shell
}

#[test]
fn ingress_errors_during_a_rollout_are_retried() {
    let answered = AtomicUsize::new(0);
    let proxy = rebuttal_testbed::FaultProxy::on_response(move |request, answer| {
        let page = |status| format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\n404").into_bytes();
        if !request.starts_with(b"POST /pg/v2/dispute/contest ") {
            return Action::Forward(answer);
        }
        match answered.fetch_add(1, Ordering::SeqCst) {
            0 => Action::Close,
            1 => Action::Forward(page("404 Not Found")),
            2 => Action::Forward(page("302 Found\r\nLocation: https://status.example/")),
            _ => Action::Forward(answer),
        }
    });
    let shell = MerchantShell::with_public_url(&proxy.url);
    proxy.set_upstream(shell.fixture.address());
    let no = shell.fixture.dispute();
    let output = shell.run(&["contest", &no, "--receipt", &shell.receipt(), "--yes"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(shell.fixture.operator.show(&no)["submissions"].as_array().unwrap().len(), 1);
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
fn rejection_after_a_lost_response_settles_nothing() {
    let during_the_call = Arc::new(Mutex::new(None::<(Operator, String)>));
    let between = Arc::clone(&during_the_call);
    let proxy = rebuttal_testbed::FaultProxy::on_response(move |request, answer| {
        let counts = request.starts_with(b"POST /pg/v2/dispute/contest ");
        let Some((operator, app)) = counts.then(|| between.lock().unwrap().take()).flatten() else {
            return Action::Forward(answer);
        };
        assert_eq!(operator.patch(&app, &json!({ "enabled": false })).status, 200);
        Action::Close
    });
    let shell = MerchantShell::with_public_url(&proxy.url);
    proxy.set_upstream(shell.fixture.address());
    let (no, operator) = (shell.fixture.dispute(), &shell.fixture.operator);
    let app = format!("/merchants/{}/apps/{}", shell.fixture.merchant_id, shell.fixture.signer.app_id);
    *during_the_call.lock().unwrap() = Some((operator.clone(), app.clone()));
    let output = shell.run(&["contest", &no, "--receipt", &shell.receipt(), "--yes", "--json"]);
    let printed = output.json();
    let was = (output.code, &printed["outcome"], &printed["notice"]["code"]);
    assert_eq!(was, (4, &"unknown".into(), &"Common.Auth.AppDisabled".into()), "{output:?}");
    assert_eq!(operator.show(&no)["status"], "UNDER_REVIEW", "it took effect without a response");

    assert_eq!(operator.patch(&app, &json!({ "enabled": true })).status, 200);
    let again = shell.paste(printed["again"].as_str().unwrap());
    assert_eq!(again.code, 0, "{again:?}");
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
    assert!(output.stderr.starts_with("✗ interrupted before the gateway's answer came\n"), "{output:?}");
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
