//! The log: it names every request by the id that its answer carried, and holds nothing that must stay secret.

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::scene::QUERY;
use rebuttal_testbed::{Item, Scene, samples};
use serde_json::json;
use std::time::Duration;

use crate::ground::gateway;

#[test]
fn requests_are_found_by_their_id_and_secrets_not_at_all() {
    let scene = Scene::of(gateway().env("REBUTTAL_LOG_FILTER", "trace").env("REBUTTAL_LOG_FORMAT", "json"));
    let at = scene.address();
    let ticket = scene.ticket("receipt.pdf");
    let file = samples::pdf_of("% Jane Cardholder 4111111111111111\n", "");
    let form = ticket.form(&file);
    assert_eq!(form.send(form.address().unwrap_or(at)).status, 204);
    let contest = scene.contest_call(&scene.dispute(), &[Item::receipt(&ticket.storage_uri)]);
    let calls = [
        contest,
        scene.call(QUERY, &json!({ "disputeNo": "D" })),
        scene.call(QUERY, &json!({ "disputeNo": "D" })).badly_signed(),
        scene.raw_call(QUERY, "[\"4111111111111111\"]"),
    ];
    let answers = calls.each_ref().map(|call| call.send(at));
    let id = |answer: &rebuttal_testbed::Answer| answer.response.header("x-request-id").unwrap().to_owned();
    let ids = answers.each_ref().map(id);
    wait_for("the log", Duration::from_secs(5), || {
        let log = scene.gateway.stderr();
        ids.iter().all(|id| log.contains(id)).then_some(())
    });
    let log = scene.gateway.stderr();
    let field = |name: &str| ticket.fields.iter().find(|(n, _)| n == name).unwrap().1.clone();
    let mut secrets = vec![
        ("app secret", scene.signer.app_secret.clone()),
        ("operator token", scene.gateway.operator_token()),
        ("file or body", "4111111111111111".to_owned()),
        ("upload signature", field("x-amz-signature")),
        ("upload policy", field("policy")),
    ];
    secrets.extend(calls.iter().map(|call| ("sign", call.sign())));
    let headers = answers.iter().map(|answer| answer.response.header("authorization").unwrap().to_owned());
    secrets.extend(headers.map(|header| ("answer's header", header)));
    for (what, secret) in secrets {
        assert!(!log.contains(&secret), "the log holds a {what}: {secret}");
    }
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "not structured: {line}");
    }
}

#[test]
fn no_word_of_others_disrupts_the_log() {
    // The name of a variable that nobody knows is told as it is.
    let name = "REBUTTAL_\u{202e}\u{9b}\u{2028}\u{200f}\rX";
    for (format, escaped) in [("text", "\\u{202e}"), ("json", "\\u202e")] {
        let gateway = gateway().env(name, "1").env("REBUTTAL_LOG_FORMAT", format).start();
        let log = gateway.stderr();
        let line = log.lines().find(|line| line.contains("REBUTTAL_")).unwrap();
        assert!(line.contains(escaped), "{line:?}");
        let turns = ['\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202e}'];
        assert!(!line.contains(char::is_control) && !line.contains(turns), "{line:?}");
        if format == "json" {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(line["message"].as_str().unwrap().contains(name), "{line}");
        }
    }
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let full = gateway()
        .embedded()
        .wrapper(["sh", "-c", "exec \"$0\" \"$@\" 2>/dev/full"])
        .args(["--log-filter", "trace"]);
    let mut scene = Scene::of(full);
    let url = scene.upload(&samples::receipt(1));
    scene.contest(&scene.dispute(), &[Item::receipt(&url)]).is("OK");
    let (dispute, database) = (scene.dispute(), scene.gateway.data().join("rebuttal.db"));
    let away = database.with_extension("away");
    std::fs::rename(&database, &away).unwrap();
    // Every part that could tell of it tries to: the request, the committer, the chores.
    scene.contest(&dispute, &[Item::receipt(&url)]).is("Common.System.Unavailable");
    std::fs::rename(&away, &database).unwrap();
    scene.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    scene.gateway.terminate();
    assert!(scene.gateway.wait().success());
}
