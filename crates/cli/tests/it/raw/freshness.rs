//! Contract §2, freshness: how old a request may be, what uses a nonce, and that a used nonce stays used.

use rebuttal_testbed::clock::now_ms;
use rebuttal_testbed::test_gateway::{ACCEPT, QUERY, UPLOAD_URL};
use rebuttal_testbed::{Item, SignedCall, TestGateway, samples};
use serde_json::json;

use crate::common::{each, test_gateway};

const WINDOW_MS: i64 = 300_000;
const REPLAYED: &str = "Common.Auth.ReplayedNonce";

fn query(fixture: &TestGateway) -> SignedCall {
    fixture.call(QUERY, &json!({ "disputeNo": "never-opened" }))
}

#[test]
fn timestamps_within_five_minutes_are_fresh() {
    let fixture = test_gateway();
    let at = fixture.address();
    each([("old", 1), ("early", -1)], |sign: i64| {
        query(&fixture).aged_ms(sign * (WINDOW_MS - 10_000)).send(at).is("Dispute.NotFound");
        let stale = query(&fixture)
            .aged_ms(sign * (WINDOW_MS + 10_000))
            .send(at)
            .expect("Common.Auth.StaleTimestamp");
        // The message contains the server's time, so that a client can see how far it is off.
        let now = now_ms().to_string();
        let has_time = stale.message.contains(&now[..8]) || stale.message.contains('T');
        assert!(has_time, "{}", stale.message);
    });
}

#[test]
fn request_is_processed_once() {
    let fixture = test_gateway();
    let at = fixture.address();
    let (accepted, contested) = (fixture.dispute(), fixture.dispute());
    let url = fixture.upload(&samples::receipt(1));
    let cases = [
        ("query", fixture.call(QUERY, &json!({ "disputeNo": accepted }))),
        ("accept", fixture.call(ACCEPT, &json!({ "disputeNo": accepted }))),
        ("contest", fixture.contest_call(&contested, &[Item::receipt(&url)])),
        (
            "upload URL",
            fixture.call(UPLOAD_URL, &json!({ "filename": "a.png", "scene": "DISPUTE_EVIDENCE" })),
        ),
    ];
    each(cases, |call| {
        call.send(at).is("OK");
        call.send(at).is(REPLAYED);
        call.send(at).is(REPLAYED);
    });
    assert_eq!(fixture.history(&contested).len(), 2);
}

#[test]
fn nonces_of_changes_stay_used_across_a_restart() {
    let mut fixture = test_gateway();
    let at = fixture.address();
    let (accepted, contested) = (fixture.dispute(), fixture.dispute());
    let url = fixture.upload(&samples::receipt(1));
    let refused = fixture.call(ACCEPT, &json!({ "disputeNo": "never-opened" }));
    let done = [
        fixture.call(ACCEPT, &json!({ "disputeNo": accepted })),
        fixture.contest_call(&contested, &[Item::receipt(&url)]),
        fixture.call(UPLOAD_URL, &json!({ "filename": "a.png", "scene": "DISPUTE_EVIDENCE" })),
    ];
    for call in &done {
        call.send(at).is("OK");
    }
    refused.send(at).is("Dispute.NotFound");
    for _ in 0..3 {
        fixture.gateway.restart();
        for call in done.iter().chain([&refused]) {
            call.send(at).is(REPLAYED);
        }
    }
}

#[test]
fn nonce_of_a_read_is_used_for_changes_and_vice_versa() {
    let fixture = test_gateway();
    let at = fixture.address();
    let dispute = fixture.dispute();
    let query = query(&fixture);
    query.send(at).is("Dispute.NotFound");
    let mut accept = fixture.call(ACCEPT, &json!({ "disputeNo": dispute }));
    (accept.timestamp, accept.nonce) = (query.timestamp.clone(), query.nonce.clone());
    accept.send(at).is(REPLAYED);
    assert_eq!(fixture.status(&dispute), "NEEDS_RESPONSE");
    let accept = fixture.call(ACCEPT, &json!({ "disputeNo": dispute }));
    accept.send(at).is("OK");
    let mut after = self::query(&fixture);
    (after.timestamp, after.nonce) = (accept.timestamp.clone(), accept.nonce.clone());
    after.send(at).is(REPLAYED);
}

#[test]
fn concurrent_read_and_change_with_one_nonce_pass_once() {
    let fixture = test_gateway();
    let at = fixture.address();
    for _ in 0..30 {
        let dispute = fixture.dispute();
        let accept = fixture.call(ACCEPT, &json!({ "disputeNo": dispute }));
        let mut query = fixture.call(QUERY, &json!({ "disputeNo": dispute }));
        (query.timestamp, query.nonce) = (accept.timestamp.clone(), accept.nonce.clone());
        let codes = std::thread::scope(|scope| {
            [&accept, &query]
                .map(|call| scope.spawn(move || call.send(at).code))
                .map(|sent| sent.join().unwrap())
        });
        assert_eq!(codes.iter().filter(|code| *code == "OK").count(), 1, "{codes:?}");
        assert!(codes.iter().any(|code| code == REPLAYED), "{codes:?}");
    }
}
