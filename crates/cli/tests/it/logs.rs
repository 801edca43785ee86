//! The log: names every request by the id in its response, and contains no secret.

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::signer::fresh_nonce;
use rebuttal_testbed::test_gateway::QUERY;
use rebuttal_testbed::{Connection, Item, Request, TestGateway, samples};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{becomes_ready, each, gateway};

#[test]
fn log_has_request_ids_and_no_secrets() {
    let fixture = TestGateway::with_builder(
        gateway().env("REBUTTAL_LOG_FILTER", "trace").env("REBUTTAL_LOG_FORMAT", "json"),
    );
    let at = fixture.address();
    let ticket = fixture.ticket("receipt.pdf");
    let file = samples::pdf_of("% Jane Cardholder 4111111111111111\n", "");
    let form = ticket.form(&file);
    assert_eq!(form.send(form.address().unwrap_or(at)).status, 204);
    let contest = fixture.contest_call(&fixture.dispute(), &[Item::receipt(&ticket.storage_uri)]);
    let calls = [
        contest,
        fixture.call(QUERY, &json!({ "disputeNo": "D" })),
        fixture.call(QUERY, &json!({ "disputeNo": "D" })).badly_signed(),
        fixture.raw_call(QUERY, "[\"4111111111111111\"]"),
    ];
    let answers = calls.each_ref().map(|call| call.send(at));
    let id = |answer: &rebuttal_testbed::Answer| answer.response.header("x-request-id").unwrap().to_owned();
    let ids = answers.each_ref().map(id);
    wait_for("the log", || {
        let log = fixture.gateway.stderr();
        ids.iter().all(|id| log.contains(id)).then_some(())
    });
    let log = fixture.gateway.stderr();
    let field = |name: &str| ticket.fields.iter().find(|(n, _)| n == name).unwrap().1.clone();
    let mut secrets = vec![
        ("app secret", fixture.signer.app_secret.clone()),
        ("operator token", fixture.gateway.operator_token()),
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
fn foreign_text_cannot_forge_log_lines() {
    // The name of an unknown variable is logged as it is.
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
fn unwritable_log_does_not_stop_the_gateway() {
    let full = gateway()
        .built_in()
        .wrapper(["sh", "-c", "exec \"$0\" \"$@\" 2>/dev/full"])
        .args(["--log-filter", "trace"]);
    let mut fixture = TestGateway::with_builder(full);
    let url = fixture.upload(&samples::receipt(1));
    fixture.contest(&fixture.dispute(), &[Item::receipt(&url)]).is("OK");
    let (dispute, database) = (fixture.dispute(), fixture.gateway.data().join("rebuttal.db"));
    let away = database.with_extension("away");
    std::fs::rename(&database, &away).unwrap();
    // Every part that could log it tries to: the request, the committer, the background jobs.
    fixture.contest(&dispute, &[Item::receipt(&url)]).is("Common.System.Unavailable");
    std::fs::rename(&away, &database).unwrap();
    fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
}

/// Log lines that one kind of call by unauthenticated callers may cause: one in ten seconds, with a margin.
const LINES_MAX: usize = 5;

#[test]
fn unauthenticated_callers_cannot_flood_the_log() {
    const TRIES: usize = 40;
    let fixture = TestGateway::with_builder(gateway().built_in());
    let (at, dispute) = (fixture.address(), fixture.dispute());
    fixture.query(&dispute).is("OK");
    let database = fixture.gateway.data().join("rebuttal.db");
    let away = database.with_extension("away");
    // Lookups of unknown apps and tokens fail, and so do changes.
    let run_sql = |sql| rusqlite::Connection::open(&database).unwrap().execute_batch(sql).unwrap();
    run_sql("ALTER TABLE apps RENAME TO apps_away; ALTER TABLE tokens RENAME TO tokens_away");
    std::fs::rename(&database, &away).unwrap();
    becomes_ready(at, 503);
    let made_up = AtomicUsize::new(1);
    let unknown_app = || {
        let mut call = fixture.call(QUERY, &json!({ "disputeNo": "D" }));
        call.signer.app_id = format!("{:032x}", made_up.fetch_add(1, Ordering::Relaxed));
        call.bytes()
    };
    let list = || {
        let token = format!("Bearer {}", fresh_nonce());
        Request::new("GET", "/operator/v1/disputes", "").header("Authorization", token).bytes()
    };
    let ready = || Request::new("GET", "/readyz", "").bytes();
    let cases: [(&str, &dyn Fn() -> Vec<u8>); 3] =
        [("an app", &unknown_app), ("an operator", &list), ("whether it is ready", &ready)];
    each(cases, |request| {
        let before = fixture.gateway.stderr().lines().count();
        let mut connection = Connection::open(at).unwrap();
        for _ in 0..TRIES {
            let answer = connection.exchange(&request()).unwrap();
            assert_eq!(answer.status, 503, "{}", answer.text());
        }
        let lines = fixture.gateway.stderr().lines().count() - before;
        assert!(lines <= LINES_MAX, "{lines} lines: {}", fixture.gateway.stderr());
    });
    std::fs::rename(&away, &database).unwrap();
    run_sql("ALTER TABLE apps_away RENAME TO apps; ALTER TABLE tokens_away RENAME TO tokens");
    fixture.query(&dispute).is("OK");
    std::fs::rename(&database, &away).unwrap();
    let accept = |_| fixture.accept(&dispute).expect("Common.System.Unavailable");
    let refused: Vec<_> = (0..TRIES).map(accept).collect();
    std::fs::rename(&away, &database).unwrap();
    wait_for("each answer's line in the log", || {
        let log = fixture.gateway.stderr();
        let is_there = |id: Option<&str>| id.is_some_and(|id| log.contains(id));
        refused.iter().all(|answer| is_there(answer.response.header("x-request-id"))).then_some(())
    });
}
