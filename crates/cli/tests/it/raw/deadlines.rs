//! Contract §6, time: the arrival of a request decides, the sweeper acts between five and six seconds after a deadline,
//! and a gateway that was down catches up.

use rebuttal_testbed::clock::{now_ms, wait_for, wait_until_ms};
use rebuttal_testbed::operator::{in_days, in_ms};
use rebuttal_testbed::{Connection, Item, TestGateway, samples};
use serde_json::json;

use crate::common::test_gateway;

const COMMIT_LIMIT_MS: i64 = 5_000;
const SWEEP_WITHIN_MS: i64 = 1_000;
/// Tolerance for polling and a busy machine, in addition to the gateway's second.
const SLACK_MS: i64 = 10_000;
const PASSED: &str = "Dispute.DeadlinePassed";

/// Waits for the state to change and returns the time at which that was seen.
fn left_state(fixture: &TestGateway, dispute: &str, state: &str) -> i64 {
    wait_for("the sweeper", || (fixture.status(dispute) != state).then(now_ms))
}

#[test]
fn disputes_expire_5_to_6_seconds_after_the_deadline() {
    let fixture = test_gateway();
    let cases: Vec<_> = [600, 1_050, 1_900].map(in_ms).into_iter().collect();
    let opened: Vec<_> =
        cases.iter().map(|(text, at)| (fixture.dispute_with(&json!({ "deadline": text })), *at)).collect();
    for (dispute, deadline_ms) in &opened {
        let seen_ms = left_state(&fixture, dispute, "NEEDS_RESPONSE");
        assert_eq!(fixture.status(dispute), "EXPIRED");
        let after_ms = seen_ms - deadline_ms;
        let allowed = COMMIT_LIMIT_MS..=COMMIT_LIMIT_MS + SWEEP_WITHIN_MS + SLACK_MS;
        assert!(allowed.contains(&after_ms), "{after_ms} ms after the deadline");
        assert_eq!(fixture.history(dispute).len(), 2);
    }
}

#[test]
fn expired_evidence_request_returns_to_review() {
    let fixture = test_gateway();
    let urls = [1, 2].map(|seed| fixture.upload(&samples::receipt(seed)));
    let dispute = fixture.dispute();
    fixture.contest(&dispute, &[Item::receipt(&urls[0])]).is("OK");
    let (deadline, deadline_ms) = in_ms(700);
    fixture.operator.does(&dispute, "requestEvidence", &json!({ "deadline": deadline, "note": "more" }));
    wait_until_ms(deadline_ms + 1);
    fixture.contest(&dispute, &[Item::receipt(&urls[1])]).is(PASSED);
    assert_eq!(fixture.status(&dispute), "NEEDS_RESPONSE");
    let after_ms = left_state(&fixture, &dispute, "NEEDS_RESPONSE") - deadline_ms;
    assert!(after_ms >= COMMIT_LIMIT_MS, "{after_ms}");
    let shown = fixture.show(&dispute);
    assert_eq!(shown["status"], "UNDER_REVIEW");
    assert_eq!(shown["submissions"].as_array().unwrap().len(), 1);
    // What was submitted counts again, so that sending it once more is a repetition.
    fixture.contest(&dispute, &[Item::receipt(&urls[0])]).is("OK");
    assert_eq!(fixture.history(&dispute).len(), 4);
}

#[test]
fn late_requests_are_rejected_before_the_sweep() {
    let fixture = test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let (deadline, deadline_ms) = in_ms(700);
    let [contested, accepted, late, extended] =
        [(); 4].map(|()| fixture.dispute_with(&json!({ "deadline": deadline })));
    fixture.contest(&contested, &[Item::receipt(&url)]).is("OK");
    fixture.accept(&accepted).is("OK");
    wait_until_ms(deadline_ms + 1);
    fixture.contest(&late, &[Item::receipt(&url)]).is(PASSED);
    fixture.accept(&late).is(PASSED);
    assert_eq!((fixture.status(&late).as_str(), fixture.history(&late).len()), ("NEEDS_RESPONSE", 1));
    // A repetition is accepted after the deadline, too.
    fixture.contest(&contested, &[Item::receipt(&url)]).is("OK");
    fixture.accept(&accepted).is("OK");
    // The operator can still extend the deadline.
    fixture.operator.does(&extended, "extend", &json!({ "deadline": in_days(1) }));
    fixture.contest(&extended, &[Item::receipt(&url)]).is("OK");
    left_state(&fixture, &late, "NEEDS_RESPONSE");
    fixture.contest(&late, &[Item::receipt(&url)]).is(PASSED);
    let states = [&contested, &accepted, &late, &extended].map(|dispute| fixture.status(dispute));
    assert_eq!(states, ["UNDER_REVIEW", "ACCEPTED", "EXPIRED", "UNDER_REVIEW"]);
    fixture.operator.does(&late, "extend", &json!({ "deadline": in_days(1) }));
    fixture.contest(&late, &[Item::receipt(&url)]).is("OK");
}

#[test]
fn arrival_time_is_that_of_the_last_byte() {
    let fixture = test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let (deadline, deadline_ms) = in_ms(900);
    let opened = [(); 2].map(|()| fixture.dispute_with(&json!({ "deadline": deadline })));
    let calls = opened.each_ref().map(|dispute| fixture.contest_call(dispute, &[Item::receipt(&url)]));
    let mut connections = [(); 2].map(|()| Connection::open(fixture.address()).unwrap());
    for (call, connection) in calls.iter().zip(&mut connections) {
        let bytes = call.bytes();
        connection.send(&bytes[..bytes.len() - 1]).unwrap();
    }
    let [in_time, late] = &mut connections;
    in_time.send(b"}").unwrap();
    calls[0].verified(in_time.receive().unwrap()).is("OK");
    assert!(now_ms() < deadline_ms, "the machine was too slow for this test");
    wait_until_ms(deadline_ms + 1);
    late.send(b"}").unwrap();
    calls[1].verified(late.receive().unwrap()).is(PASSED);
}

#[test]
fn restarted_gateway_expires_overdue_disputes() {
    let mut fixture = test_gateway();
    let (deadline, deadline_ms) = in_ms(600);
    let dispute = fixture.dispute_with(&json!({ "deadline": deadline }));
    fixture.gateway.kill();
    wait_until_ms(deadline_ms + COMMIT_LIMIT_MS + SWEEP_WITHIN_MS);
    fixture.gateway.restart();
    let started_ms = now_ms();
    let took_ms = left_state(&fixture, &dispute, "NEEDS_RESPONSE") - started_ms;
    assert!(took_ms <= SWEEP_WITHIN_MS + SLACK_MS, "{took_ms}");
    assert_eq!(fixture.status(&dispute), "EXPIRED");
}
