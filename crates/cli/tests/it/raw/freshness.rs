//! Contract §2, freshness: how old a request may be, what uses up a nonce, and that a used one stays used.

use rebuttal_testbed::clock::now_ms;
use rebuttal_testbed::scene::{ACCEPT, CONTEST, QUERY, UPLOAD_URL};
use rebuttal_testbed::{Call, Item, Scene, Scheme, samples};
use serde_json::json;

use crate::ground::{each, scene};

const WINDOW_MS: i64 = 300_000;
const REPLAYED: &str = "Common.Auth.ReplayedNonce";

fn query(scene: &Scene) -> Call {
    scene.call(QUERY, &json!({ "disputeNo": "never-opened" }))
}

#[test]
fn five_minutes_either_way_are_fresh() {
    let scene = scene();
    let at = scene.address();
    each([("old", 1), ("early", -1)], |sign: i64| {
        query(&scene).aged_ms(sign * (WINDOW_MS - 10_000)).send(at).is("Dispute.NotFound");
        let stale =
            query(&scene).aged_ms(sign * (WINDOW_MS + 10_000)).send(at).expect("Common.Auth.StaleTimestamp");
        // The message tells the server's time, so that a client can see how far it is off.
        let now = now_ms().to_string();
        let tells_time = stale.message.contains(&now[..8]) || stale.message.contains('T');
        assert!(tells_time, "{}", stale.message);
    });
}

#[test]
fn a_request_is_answered_once() {
    let scene = scene();
    let at = scene.address();
    let (accepted, contested) = (scene.dispute(), scene.dispute());
    let url = scene.upload(&samples::receipt(1));
    let cases = [
        ("query", scene.call(QUERY, &json!({ "disputeNo": accepted }))),
        ("accept", scene.call(ACCEPT, &json!({ "disputeNo": accepted }))),
        ("contest", scene.contest_call(&contested, &[Item::receipt(&url)])),
        ("upload URL", scene.call(UPLOAD_URL, &json!({ "filename": "a.png", "scene": "DISPUTE_EVIDENCE" }))),
    ];
    each(cases, |call| {
        call.send(at).is("OK");
        call.send(at).is(REPLAYED);
        call.send(at).is(REPLAYED);
    });
    assert_eq!(scene.history(&contested).len(), 2);
}

#[test]
fn the_identity_of_a_request_is_app_timestamp_and_nonce() {
    let scene = scene();
    let at = scene.address();
    let first = query(&scene);
    first.send(at).is("Dispute.NotFound");
    let mut later = first.clone();
    later.timestamp = (now_ms() + 1_000).to_string();
    later.send(at).is("Dispute.NotFound");
    let mut of_other_app = first.clone();
    of_other_app.signer = scene.operator.open_app(scene.merchant_id, Scheme::Sha256);
    of_other_app.send(at).is("Dispute.NotFound");
    let mut in_other_case = first.clone();
    in_other_case.nonce = "0123456789abcdefABCDEF".to_owned();
    in_other_case.send(at).is("Dispute.NotFound");
    in_other_case.nonce = in_other_case.nonce.to_lowercase();
    in_other_case.send(at).is("Dispute.NotFound");
    for nonce in ["A".repeat(16), "z".repeat(64), "-_09azAZ-_09azAZ".to_owned()] {
        let mut call = query(&scene);
        call.nonce = nonce;
        call.send(at).is("Dispute.NotFound");
        call.send(at).is(REPLAYED);
    }
}

#[test]
fn a_refusal_behind_the_nonce_check_burns_the_nonce() {
    let scene = scene();
    let at = scene.address();
    let accepted = scene.dispute();
    scene.accept(&accepted).is("OK");
    let item =
        Item::receipt("s3://uploaded/m/4711/open/dispute-evidence/00000000000000000000000000000000.png");
    let cases = [
        ("query", query(&scene), "Dispute.NotFound"),
        ("accept", scene.call(ACCEPT, &json!({ "disputeNo": "never-opened" })), "Dispute.NotFound"),
        ("contest", scene.contest_call(&accepted, std::slice::from_ref(&item)), "Dispute.InvalidState"),
        ("evidence", scene.contest_call(&scene.dispute(), &[item]), "Evidence.NotFound"),
    ];
    each(cases.map(|(name, call, code)| (name, (call, code))), |(call, code)| {
        call.send(at).is(code);
        call.send(at).is(REPLAYED);
    });
}

#[test]
fn a_refusal_before_the_nonce_check_burns_nothing() {
    let scene = scene();
    let at = scene.address();
    let right = scene.call(ACCEPT, &json!({ "disputeNo": scene.dispute() }));
    let bent = |body: &str| {
        let mut call = right.clone();
        call.body = body.into();
        call.send(at)
    };
    // Anyone may have seen the nonce on its way; nobody else can use it up.
    right.clone().badly_signed().send(at).is("Common.Auth.InvalidSignature");
    bent("[").is("Common.Request.Malformed");
    bent("{}").is("Common.Request.InvalidParameter");
    let wrong_type = right.clone().with_header("Content-Type", Some("text/plain"));
    wrong_type.send(at).is("Common.Request.UnsupportedMediaType");
    right.send(at).is("OK");
    right.send(at).is(REPLAYED);
}

#[test]
fn what_changed_something_stays_used_across_a_restart() {
    let mut scene = scene();
    let at = scene.address();
    let (accepted, contested) = (scene.dispute(), scene.dispute());
    let url = scene.upload(&samples::receipt(1));
    let refused = scene.call(ACCEPT, &json!({ "disputeNo": "never-opened" }));
    let done = [
        scene.call(ACCEPT, &json!({ "disputeNo": accepted })),
        scene.contest_call(&contested, &[Item::receipt(&url)]),
        scene.call(UPLOAD_URL, &json!({ "filename": "a.png", "scene": "DISPUTE_EVIDENCE" })),
    ];
    for call in &done {
        call.send(at).is("OK");
    }
    refused.send(at).is("Dispute.NotFound");
    for _ in 0..3 {
        scene.gateway.restart();
        for call in done.iter().chain([&refused]) {
            call.send(at).is(REPLAYED);
        }
    }
}

#[test]
fn a_replayed_contest_says_so_and_the_repetition_is_ok() {
    let scene = scene();
    let dispute = scene.dispute();
    let url = scene.upload(&samples::receipt(1));
    let body = json!({ "disputeNo": dispute, "evidenceList": [Item::receipt(&url).json()] });
    let call = scene.call(CONTEST, &body);
    call.send(scene.address()).is("OK");
    call.send(scene.address()).is(REPLAYED);
    scene.post(CONTEST, &body).is("OK");
    assert_eq!(scene.history(&dispute).len(), 2);
}

#[test]
fn a_nonce_of_a_read_is_used_for_changes_and_the_reverse() {
    let scene = scene();
    let at = scene.address();
    let dispute = scene.dispute();
    let query = query(&scene);
    query.send(at).is("Dispute.NotFound");
    let mut accept = scene.call(ACCEPT, &json!({ "disputeNo": dispute }));
    (accept.timestamp, accept.nonce) = (query.timestamp.clone(), query.nonce.clone());
    accept.send(at).is(REPLAYED);
    assert_eq!(scene.status(&dispute), "NEEDS_RESPONSE");
    let accept = scene.call(ACCEPT, &json!({ "disputeNo": dispute }));
    accept.send(at).is("OK");
    let mut after = self::query(&scene);
    (after.timestamp, after.nonce) = (accept.timestamp.clone(), accept.nonce.clone());
    after.send(at).is(REPLAYED);
}

#[test]
fn of_a_read_and_a_change_with_one_identity_at_once_one_passes() {
    let scene = scene();
    let at = scene.address();
    for _ in 0..30 {
        let dispute = scene.dispute();
        let accept = scene.call(ACCEPT, &json!({ "disputeNo": dispute }));
        let mut query = scene.call(QUERY, &json!({ "disputeNo": dispute }));
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
