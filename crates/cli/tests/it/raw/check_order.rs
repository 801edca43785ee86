//! Contract §7, the order of checks: a request with two faults gets the code of the earlier one. Every rejection is
//! signed once header and app are known.

use rebuttal_testbed::clock::wait_until_ms;
use rebuttal_testbed::operator::in_ms;
use rebuttal_testbed::test_gateway::{ACCEPT, CONTEST, QUERY};
use rebuttal_testbed::{Item, SignedCall, TestGateway, samples};
use serde_json::json;

use crate::common::{each, test_gateway};

const LARGE: usize = 70_000;
const MINUTES_10_MS: i64 = 600_000;

fn query(fixture: &TestGateway) -> SignedCall {
    fixture.call(QUERY, &json!({ "disputeNo": "D" }))
}

fn large(fixture: &TestGateway) -> SignedCall {
    fixture.raw_call(QUERY, vec![b' '; LARGE])
}

fn without_header(mut call: SignedCall) -> SignedCall {
    call.authorization_instead = Some("Bearer of-no-form".to_owned());
    call
}

fn with_unknown_app(mut call: SignedCall) -> SignedCall {
    call.signer.app_id = "fedcba9876543210".repeat(2);
    call
}

fn by(method: &str, mut call: SignedCall) -> SignedCall {
    call.method = method.to_owned();
    call
}

fn to(target: &str, mut call: SignedCall) -> SignedCall {
    call.target = target.to_owned();
    call
}

fn of_type(media_type: &str, call: SignedCall) -> SignedCall {
    call.with_header("Content-Type", Some(media_type))
}

#[test]
fn first_fault_is_returned_and_signed() {
    let fixture = test_gateway();
    let s = &fixture;
    let cases = [
        ("path, method", by("GET", to("/pg/v2/none", query(s))), "Common.Request.NotFound"),
        ("path, media type", to("/pg/v2/none", of_type("text/plain", query(s))), "Common.Request.NotFound"),
        ("path, size", to("/pg/v2/none", large(s)), "Common.Request.NotFound"),
        ("path, signature", to("/pg/v2/none", query(s)).badly_signed(), "Common.Request.NotFound"),
        ("method, media type", by("PUT", of_type("text/plain", query(s))), "Common.Request.MethodNotAllowed"),
        ("method, size", by("PUT", large(s)), "Common.Request.MethodNotAllowed"),
        ("method, signature", by("DELETE", query(s)).badly_signed(), "Common.Request.MethodNotAllowed"),
        ("size, media type", of_type("text/plain", large(s)), "Common.Request.TooLarge"),
        (
            "stale, media type",
            of_type("text/xml", query(s)).aged_ms(MINUTES_10_MS),
            "Common.Auth.StaleTimestamp",
        ),
        (
            "signature, accept",
            query(s).with_header("Accept", Some("text/html")).badly_signed(),
            "Common.Auth.InvalidSignature",
        ),
        (
            "media type, body",
            of_type("text/plain", s.raw_call(QUERY, "[")),
            "Common.Request.UnsupportedMediaType",
        ),
        ("size, signature", large(s).badly_signed(), "Common.Request.TooLarge"),
        ("size, stale", large(s).aged_ms(MINUTES_10_MS), "Common.Request.TooLarge"),
        (
            "timestamp, signature",
            query(s).aged_ms(MINUTES_10_MS).badly_signed(),
            "Common.Auth.StaleTimestamp",
        ),
        ("timestamp, body", s.raw_call(QUERY, "[").aged_ms(-MINUTES_10_MS), "Common.Auth.StaleTimestamp"),
        ("signature, body", s.raw_call(QUERY, "[").badly_signed(), "Common.Auth.InvalidSignature"),
        ("signature, fields", s.raw_call(QUERY, "{}").badly_signed(), "Common.Auth.InvalidSignature"),
        (
            "body, fields",
            s.raw_call(CONTEST, "{\"disputeNo\":\"\",\"x\":1,\"x\":2}"),
            "Common.Request.Malformed",
        ),
    ];
    each(cases.map(|(name, call, code)| (name, (call, code))), |(call, code)| {
        call.send(fixture.address()).is(code);
    });
}

#[test]
fn first_fault_is_unsigned_without_header_or_app() {
    let fixture = test_gateway();
    let s = &fixture;
    let cases = [
        ("path, header", without_header(to("/pg/v2/none", query(s))), "Common.Request.NotFound"),
        ("path, app", with_unknown_app(to("/pg/v2/none", query(s))), "Common.Request.NotFound"),
        ("method, header", without_header(by("GET", query(s))), "Common.Request.MethodNotAllowed"),
        ("header, media type", without_header(of_type("text/plain", query(s))), "Common.Auth.Malformed"),
        ("size, header", without_header(large(s)), "Common.Request.TooLarge"),
        ("size, app", with_unknown_app(large(s)), "Common.Request.TooLarge"),
        ("header, body", without_header(s.raw_call(QUERY, "[")), "Common.Auth.Malformed"),
        ("app, timestamp", with_unknown_app(query(s)).aged_ms(MINUTES_10_MS), "Common.Auth.UnknownApp"),
        ("app, signature", with_unknown_app(query(s)).badly_signed(), "Common.Auth.UnknownApp"),
        ("app, body", with_unknown_app(s.raw_call(QUERY, "[")), "Common.Auth.UnknownApp"),
    ];
    each(cases.map(|(name, call, code)| (name, (call, code))), |(call, code)| {
        call.send_for_unsigned(fixture.address()).is(code);
    });
}

#[test]
fn missing_or_duplicate_header_is_rejected_unsigned() {
    let fixture = test_gateway();
    let mut none = query(&fixture).request();
    none.headers.retain(|(name, _)| name != "Authorization");
    let twice = query(&fixture);
    let other = query(&fixture).authorization();
    let both_same = twice.request().header("Authorization", twice.authorization());
    let both_other = twice.request().header("authorization", other);
    each([("none", none), ("the same twice", both_same), ("two", both_other)], |request| {
        let response = request.send(fixture.address()).unwrap();
        assert_eq!(response.header("authorization"), None);
        rebuttal_testbed::Answer::checked(response).is("Common.Auth.Malformed");
    });
}

#[test]
fn disabled_app_is_reported_only_to_a_valid_signature() {
    let fixture = test_gateway();
    let path = format!("/merchants/{}/apps/{}", fixture.merchant_id, fixture.signer.app_id);
    assert_eq!(fixture.operator.patch(&path, &json!({ "enabled": false })).status, 200);
    let at = fixture.address();
    query(&fixture).send(at).is("Common.Auth.AppDisabled");
    query(&fixture).badly_signed().send(at).is("Common.Auth.InvalidSignature");
    query(&fixture).aged_ms(MINUTES_10_MS).send(at).is("Common.Auth.StaleTimestamp");
    fixture.raw_call(QUERY, "[").send(at).is("Common.Auth.AppDisabled");
    assert_eq!(fixture.operator.patch(&path, &json!({ "enabled": true })).status, 200);
    query(&fixture).send(at).is("Dispute.NotFound");
}

#[test]
fn fields_are_checked_before_nonce_and_nonce_before_dispute() {
    let fixture = test_gateway();
    let at = fixture.address();
    let dispute = fixture.dispute();
    let first = fixture.call(ACCEPT, &json!({ "disputeNo": dispute }));
    first.send(at).is("OK");
    let again = |body: &str| {
        let mut call = first.clone();
        call.body = body.into();
        call.send(at)
    };
    again("{}").is("Common.Request.InvalidParameter");
    again("[]").is("Common.Request.Malformed");
    again("{\"disputeNo\":\"never-opened\"}").is("Common.Auth.ReplayedNonce");
}

#[test]
fn dispute_then_state_then_lateness_come_before_the_evidence() {
    let fixture = test_gateway();
    let nowhere = [Item::receipt("https://example.com/a.png")];
    fixture.contest("never-opened", &nowhere).is("Dispute.NotFound");
    let accepted = fixture.dispute();
    fixture.accept(&accepted).is("OK");
    fixture.contest(&accepted, &nowhere).is("Dispute.InvalidState");
    let (deadline, deadline_ms) = in_ms(500);
    let late = fixture.dispute_with(&json!({ "deadline": deadline }));
    wait_until_ms(deadline_ms + 1);
    fixture.contest(&late, &nowhere).is("Dispute.DeadlinePassed");
    let url = fixture.upload(&samples::receipt(1));
    let reviewed = fixture.dispute();
    fixture.contest(&reviewed, &[Item::receipt(&url)]).is("OK");
    fixture.contest(&reviewed, &nowhere).is("Dispute.InvalidState");
}
