//! Responses that never arrive: the outcome is never guessed, and the output says how to learn it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rebuttal_testbed::{Action, Operator};
use serde_json::json;
use tempfile::TempDir;

use crate::common::{CommandOutput, MerchantShell, pasted, rebuttal, without_rebuttal_env};
use crate::lossy_proxy::{LossyProxy, ResponseFault};

fn shell_behind(proxy: &LossyProxy) -> MerchantShell {
    let shell = MerchantShell::with_public_url(&proxy.url);
    proxy.set_upstream(shell.fixture.address());
    shell
}

#[test]
fn one_lost_answer_is_healed_by_itself() {
    let proxy = LossyProxy::start(ResponseFault::Close, 1);
    let shell = shell_behind(&proxy);
    let no = shell.fixture.dispute();
    let output = shell.run(&["contest", &no, "--receipt", &shell.receipt(), "--yes"]);
    assert_eq!(output.code, 0, "{output:?}");
    let submissions = shell.fixture.operator.show(&no)["submissions"].as_array().unwrap().len();
    assert_eq!((shell.status(&no).as_str(), submissions), ("UNDER_REVIEW", 1));
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
    assert_eq!(shell.status(&no), "UNDER_REVIEW", "it took effect, which nobody was told");

    proxy.forward_all();
    let again = shell.paste(json["again"].as_str().unwrap());
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(shell.fixture.operator.show(&no)["submissions"].as_array().unwrap().len(), 1);
}

#[test]
fn a_refusal_after_a_lost_answer_settles_nothing() {
    let meanwhile = Arc::new(Mutex::new(None::<(Operator, String)>));
    let between = Arc::clone(&meanwhile);
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
    *meanwhile.lock().unwrap() = Some((operator.clone(), app.clone()));
    let output = shell.run(&["contest", &no, "--receipt", &shell.receipt(), "--yes", "--json"]);
    let printed = output.json();
    let was = (output.code, &printed["outcome"], &printed["notice"]["code"]);
    assert_eq!(was, (4, &"unknown".into(), &"Common.Auth.AppDisabled".into()), "{output:?}");
    assert_eq!(operator.show(&no)["status"], "UNDER_REVIEW", "it took effect, which nobody was told");

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
    let again = format!("rebuttal contest {no} --yes --url {} --app-id ", shell.url);
    assert!(
        output.stderr.contains(&again) && output.stderr.contains(" --receipt s3://uploaded/"),
        "{output:?}"
    );
}

/// A merchant of two gateways, each kept as a profile; answers of the one that is meant get lost.
struct TwoGateways {
    meant: MerchantShell,
    other: MerchantShell,
    proxy: LossyProxy,
    folder: TempDir,
}

impl TwoGateways {
    fn new() -> Self {
        let proxy = LossyProxy::start(ResponseFault::Close, usize::MAX);
        let gateways = Self {
            meant: shell_behind(&proxy),
            other: MerchantShell::start(),
            proxy,
            folder: tempfile::tempdir().unwrap(),
        };
        for (name, shell) in [("prod", &gateways.meant), ("default", &gateways.other)] {
            let signer = &shell.fixture.signer;
            let words = ["profile", "add", name, "--url", &shell.url, "--app-id", &signer.app_id];
            let mut add = gateways.at_home(rebuttal(&words));
            assert_eq!(
                CommandOutput::run({
                    add.env("REBUTTAL_APP_SECRET", &signer.app_secret);
                    add
                })
                .code,
                0
            );
        }
        gateways
    }

    fn at_home(&self, mut command: Command) -> Command {
        command.env("REBUTTAL_PROFILES", self.folder.path().join("profiles.toml"));
        command
    }

    /// The same dispute's number at both gateways.
    fn dispute(&self, no: &str) {
        for shell in [&self.meant, &self.other] {
            let _ = shell.fixture.dispute_with(&serde_json::json!({ "disputeNo": no }));
        }
    }

    /// Runs a command whose outcome stays unknown; returns the rerun command that it prints.
    fn run(&self, words: &[&str]) -> String {
        self.run_with(words, &[])
    }

    fn run_with(&self, words: &[&str], variables: &[(&str, &String)]) -> String {
        let mut command = self.at_home(rebuttal(words));
        command.envs(variables.iter().copied());
        let output = CommandOutput::run(command);
        assert_eq!(output.code, 4, "{output:?}");
        let has_secret = variables.iter().any(|(name, _)| *name == "REBUTTAL_APP_SECRET");
        let needs = "It takes the secret from REBUTTAL_APP_SECRET, as it is set here.";
        assert_eq!(output.stderr.contains(needs) || output.stdout.contains(needs), has_secret, "{output:?}");
        match words.contains(&"--json") {
            true => output.json()["again"].as_str().unwrap().to_owned(),
            false => output.stderr.lines().last().unwrap().trim().to_owned(),
        }
    }

    fn paste(&self, hint: &str) -> Command {
        self.at_home(pasted(without_rebuttal_env(Path::new("bash")), hint))
    }
}

#[test]
fn rerun_command_targets_the_same_gateway_from_any_shell() {
    let gateways = TwoGateways::new();
    let meant = gateways.meant.fixture.signer.clone();
    let file = gateways.meant.file_named("meant.secret", meant.app_secret.as_bytes());
    let (url, app_id, secret) = (&gateways.meant.url, &meant.app_id, &meant.app_secret);
    let by_file = [("REBUTTAL_URL", url), ("REBUTTAL_APP_ID", app_id), ("REBUTTAL_APP_SECRET_FILE", &file)];
    let by_profile = [("REBUTTAL_PROFILE", &"prod".to_owned())];
    let elsewhere = |printed: &str| {
        let other = &gateways.other.fixture.signer;
        let mut shell = gateways.paste(printed);
        shell.env("REBUTTAL_URL", &gateways.other.url).env("REBUTTAL_APP_ID", &other.app_id);
        shell.env("REBUTTAL_APP_SECRET", &other.app_secret);
        shell
    };
    for (n, variables) in [by_profile.as_slice(), &by_file].iter().enumerate() {
        let no = format!("D-{n}");
        gateways.dispute(&no);
        let printed = gateways.run_with(&["accept", &no, "--yes", "--json"], variables);
        gateways.proxy.forward_all();
        let again = CommandOutput::run(elsewhere(&printed));
        assert_eq!(again.code, 0, "{printed}: {again:?}");
        assert_eq!(
            (gateways.meant.status(&no), gateways.other.status(&no)),
            ("ACCEPTED".into(), "NEEDS_RESPONSE".into())
        );
        gateways.proxy.drop_all();
    }
    // A secret in a variable is not printed: without it, the command does nothing, on either gateway.
    let by_secret = [("REBUTTAL_URL", url), ("REBUTTAL_APP_ID", app_id), ("REBUTTAL_APP_SECRET", secret)];
    let beside_profile = [("REBUTTAL_PROFILE", &"prod".to_owned()), ("REBUTTAL_APP_SECRET", secret)];
    for (n, variables) in [by_secret.as_slice(), &beside_profile].iter().enumerate() {
        let no = format!("S-{n}");
        gateways.dispute(&no);
        let printed = gateways.run_with(&["accept", &no, "--yes"], variables);
        assert!(
            printed.contains(&format!(" --url {url} --app-id {app_id}")) && !printed.contains("--profile"),
            "{printed}"
        );
        gateways.proxy.forward_all();
        assert_ne!(CommandOutput::run(elsewhere(&printed)).code, 0, "{printed}");
        assert_eq!(gateways.other.status(&no), "NEEDS_RESPONSE", "{printed}");
        let mut with_secret = elsewhere(&printed);
        with_secret.env("REBUTTAL_APP_SECRET", secret);
        assert_eq!(CommandOutput::run(with_secret).code, 0, "{printed}");
        gateways.proxy.drop_all();
    }
}

#[test]
fn rerun_command_targets_the_same_gateway_and_app() {
    let gateways = TwoGateways::new();
    let signer = &gateways.meant.fixture.signer;
    let secret = gateways.meant.file_named("the app's\nsecret", signer.app_secret.as_bytes());
    let receipt = gateways.meant.receipt();
    let by_flags =
        ["--url", &gateways.meant.url, "--app-id", &signer.app_id, &format!("--app-secret-file={secret}")];
    for (n, gateway) in [["--profile", "prod"].as_slice(), &["--profile=prod"], &by_flags].iter().enumerate()
    {
        for (call, json) in [("accept", true), ("contest", false)] {
            let no = format!("D-{n}-{call}-{json}");
            gateways.dispute(&no);
            let evidence: &[&str] = if call == "contest" { &["--receipt", &receipt] } else { &[] };
            let json: &[&str] = if json { &["--json"] } else { &[] };
            let printed = gateways.run(&[&[call, &no, "--yes"], json, evidence, gateway].concat());
            assert!(printed.contains(" --yes") && printed.contains("--json") != json.is_empty(), "{printed}");

            gateways.proxy.forward_all();
            let again = CommandOutput::run(gateways.paste(&printed));
            assert_eq!(again.code, 0, "{printed}: {again:?}");
            assert_ne!(gateways.meant.status(&no), "NEEDS_RESPONSE", "{printed}");
            assert_eq!(gateways.other.status(&no), "NEEDS_RESPONSE", "{printed}");
            gateways.proxy.drop_all();
        }
    }
}

#[test]
fn a_typed_secret_is_not_repeated_and_said_to_be_needed_again() {
    let gateways = TwoGateways::new();
    let signer = &gateways.meant.fixture.signer;
    gateways.dispute("D-1");
    let typed =
        ["--url", &gateways.meant.url, "--app-id", &signer.app_id, "--app-secret", &signer.app_secret];
    let output = CommandOutput::run(
        gateways.at_home(rebuttal(&[&["accept", "D-1", "--yes"], typed.as_slice()].concat())),
    );
    assert!(!output.stderr.contains(&signer.app_secret), "{output:?}");
    assert!(output.stderr.contains("First set REBUTTAL_APP_SECRET, or add --app-secret-file"), "{output:?}");
    gateways.proxy.forward_all();
    let printed = output.stderr.lines().last().unwrap().trim();
    assert_eq!(CommandOutput::run(gateways.paste(printed)).code, 1, "there is no secret to sign with");
    let mut again = gateways.paste(printed);
    again.env("REBUTTAL_APP_SECRET", &signer.app_secret);
    assert_eq!(CommandOutput::run(again).code, 0, "{printed}");
}
