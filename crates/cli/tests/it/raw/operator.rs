//! Contract §8, the operator API: which tokens may use it, how it rejects, and that a repeated request counts once.

use std::time::Duration;

use rebuttal_testbed::clock::pause;
use rebuttal_testbed::operator::{dispute, in_days};
use rebuttal_testbed::signer::fresh_nonce;
use rebuttal_testbed::test_gateway::number;
use rebuttal_testbed::{Request, Response, TestGateway};
use serde_json::{Value, json};

use crate::common::{each, test_gateway};

const INVALID: &str = "Common.Request.InvalidParameter";
const CONFLICT: &str = "Operator.Conflict";

fn keyed(fixture: &TestGateway, path: &str, body: &Value, key: &str) -> Response {
    fixture.operator.send(&fixture.operator.request("POST", path, Some(body)).header("Idempotency-Key", key))
}

#[test]
fn requests_without_a_valid_token_are_rejected() {
    let fixture = test_gateway();
    let token = fixture.gateway.operator_token();
    let cases = [
        ("none", (None, "send one header")),
        ("wrong", (Some("Bearer 0123456789abcdef0123456789abcdef".to_owned()), "unknown or revoked")),
        ("empty", (Some("Bearer ".to_owned()), "send one header")),
        ("basic", (Some(format!("Basic {token}")), "send one header")),
        ("cut", (Some(format!("Bearer {}", &token[..token.len() - 1])), "unknown or revoked")),
        ("longer", (Some(format!("Bearer {token}0")), "unknown or revoked")),
        (
            "a merchant's",
            (Some(fixture.call("/operator/v1/disputes", &json!({})).authorization()), "send one header"),
        ),
    ];
    each(cases, |(header, detail)| {
        for (method, path) in [
            ("GET", "/disputes"),
            ("GET", "/merchants"),
            ("POST", "/disputes"),
            ("GET", "/disputes/x"),
            ("GET", "/disputes/x/evidence/1"),
            ("PATCH", "/merchants/1"),
            ("PATCH", "/merchants/01"),
            ("GET", "/disputes/%20"),
            ("POST", "/disputes/%20/resolve"),
            ("POST", "/disputes/x/unknown"),
            ("GET", "/disputes/x/unknown"),
            ("POST", "/tokens/%20/revoke"),
        ] {
            let mut request = Request::new(method, &format!("/operator/v1{path}"), "");
            request.headers.extend(header.clone().map(|header| ("Authorization".to_owned(), header)));
            let reply = request.send(fixture.address()).unwrap();
            reply.is_problem(401, "Operator.Unauthorized");
            assert!(reply.text().contains(detail), "{}", reply.text());
        }
    });
}

#[test]
fn health_is_public_and_metrics_are_not() {
    let fixture = test_gateway();
    let status = |path: &str| Request::new("GET", path, "").send(fixture.address()).unwrap().status;
    assert_eq!((status("/healthz"), status("/readyz"), status("/metrics")), (200, 200, 404));
}

#[test]
fn rejections_are_problem_documents() {
    let fixture = test_gateway();
    let operator = &fixture.operator;
    let open = |but: Value| operator.post("/disputes", &dispute(fixture.merchant_id, &but));
    let malformed = {
        let mut request = operator
            .request("POST", "/disputes", Some(&json!({})))
            .header("Idempotency-Key", "k-malformed-0001");
        request.body = b"{".to_vec();
        operator.send(&request)
    };
    let cases = [
        ("malformed", malformed, 400, "Common.Request.Malformed"),
        ("unknown merchant", open(json!({ "merchantId": 999_999 })), 400, INVALID),
        ("merchant as text", open(json!({ "merchantId": "80" })), 400, "Common.Request.Malformed"),
        ("no dispute", operator.fetch("/disputes/never-opened"), 404, "Dispute.NotFound"),
        (
            "no dispute to resolve",
            operator.act("never-opened", "resolve", &json!({ "outcome": "WON" })),
            404,
            "Dispute.NotFound",
        ),
        (
            "no such evidence",
            operator.fetch(&format!("/disputes/{}/evidence/1", fixture.dispute())),
            404,
            "Operator.NotFound",
        ),
        ("no merchant", operator.post("/merchants/999999/apps", &json!({})), 404, "Operator.NotFound"),
        ("limit of 201", operator.fetch("/disputes?limit=201"), 400, INVALID),
        ("limit of 0", operator.fetch("/disputes?limit=0"), 400, INVALID),
        ("unknown status", operator.fetch("/disputes?status=OPEN"), 400, INVALID),
        ("parameter of a POST", operator.post("/disputes?dryRun=true", &json!({})), 400, INVALID),
        ("parameter of a PATCH", operator.patch("/merchants/1?dryRun=true", &json!({})), 400, INVALID),
        ("parameter of one dispute", operator.fetch("/disputes/never-opened?full=true"), 400, INVALID),
        ("merchant 01", operator.patch("/merchants/01", &json!({})), 404, "Operator.NotFound"),
        ("merchant +1", operator.patch("/merchants/+1", &json!({})), 404, "Operator.NotFound"),
        ("merchant %31", operator.fetch("/merchants/%31/apps"), 404, "Operator.NotFound"),
        ("unknown path", operator.fetch("/nothing"), 404, "Common.Request.NotFound"),
        ("no path", operator.fetch(""), 404, "Common.Request.NotFound"),
        ("a slash as path", operator.fetch("/"), 404, "Common.Request.NotFound"),
        ("two slashes as path", operator.fetch("//"), 404, "Common.Request.NotFound"),
        ("POST to a slash", operator.post("/", &json!({})), 404, "Common.Request.NotFound"),
        ("unknown action", operator.act("x", "unknown", &json!({})), 404, "Common.Request.NotFound"),
        ("unknown action by GET", operator.fetch("/disputes/x/unknown"), 404, "Common.Request.NotFound"),
        ("query of invalid UTF-8", operator.fetch("/disputes?q=%ff"), 400, INVALID),
        ("parameter of invalid UTF-8", operator.fetch("/disputes?%c3=1"), 400, INVALID),
        ("half a character", operator.fetch("/tokens?limit=1&cursor=%e2%82"), 400, INVALID),
    ];
    each(
        cases.map(|(name, response, status, code)| (name, (response, status, code))),
        |(response, status, code)| {
            response.is_problem(status, code);
        },
    );
}

#[test]
fn time_of_a_query_says_how_to_write_a_plus_sign() {
    let fixture = test_gateway();
    let fetch = |time: &str| fixture.operator.fetch(&format!("/disputes?createdAfter={time}"));
    assert_eq!(fetch("2024-03-06T12:00:00%2B08:00").status, 200);
    assert_eq!(fetch("2024-03-06T12:00:00Z").status, 200);
    let refused = fetch("2024-03-06T12:00:00+08:00");
    refused.is_problem(400, INVALID);
    assert!(refused.text().contains("such as 2024-03-06T04:00:00Z; write + as %2B"), "{}", refused.text());
    let unknown = fixture.operator.fetch("/disputes?%E2%80%AEq=1");
    assert!(unknown.text().contains(r"\\u{202e}q is not a parameter"), "{}", unknown.text());
}

#[test]
fn unsupported_operator_methods_get_an_allow_header() {
    let fixture = test_gateway();
    for (method, path, allowed) in [
        ("PUT", "/disputes", "POST"),
        ("DELETE", "/merchants", "GET"),
        ("GET", "/disputes/x/resolve", "POST"),
    ] {
        let response = fixture.operator.send(&fixture.operator.request(method, path, None));
        response.is_problem(405, "Common.Request.MethodNotAllowed");
        assert!(response.header("allow").is_some_and(|allow| allow.contains(allowed)), "{response:?}");
    }
}

#[test]
fn opening_requires_a_dispute_number_or_a_key() {
    let fixture = test_gateway();
    let body = dispute(fixture.merchant_id, &json!({}));
    let without = fixture.operator.send(&fixture.operator.request("POST", "/disputes", Some(&body)));
    without.is_problem(400, INVALID);
    let numbered = dispute(fixture.merchant_id, &json!({ "disputeNo": "UP-1" }));
    let open = || fixture.operator.send(&fixture.operator.request("POST", "/disputes", Some(&numbered)));
    assert_eq!((open().status, open().status), (201, 200));
    let mut other = numbered.clone();
    other["disputeAmount"] = json!("1.00");
    let other = fixture.operator.send(&fixture.operator.request("POST", "/disputes", Some(&other)));
    other.is_problem(409, CONFLICT);
    assert_eq!(fixture.history("UP-1").len(), 1);
}

#[test]
fn repeated_key_and_body_return_the_first_response() {
    let mut fixture = test_gateway();
    let (key, body) = (fresh_nonce(), dispute(fixture.merchant_id, &json!({})));
    let first = keyed(&fixture, "/disputes", &body, &key);
    let no = number(&first.created());
    fixture.operator.does(&no, "resolve", &json!({ "outcome": "WON" }));
    fixture.gateway.restart();
    let again = keyed(&fixture, "/disputes", &body, &key);
    assert_eq!((again.status, again.json()), (first.status, first.json()));
    keyed(&fixture, "/disputes", &dispute(fixture.merchant_id, &json!({})), &key).is_problem(409, CONFLICT);
    let merchant = json!({ "name": "Twice", "timeZone": "UTC" });
    let key = fresh_nonce();
    let [first, again] = [(); 2].map(|()| keyed(&fixture, "/merchants", &merchant, &key).json());
    assert_eq!(first, again);
    keyed(&fixture, "/merchants", &json!({ "name": "Other", "timeZone": "UTC" }), &key)
        .is_problem(409, CONFLICT);
}

#[test]
fn dispute_detail_contains_the_whole_history() {
    let fixture = test_gateway();
    let brought =
        dispute(fixture.merchant_id, &json!({ "disputeNo": "UP-7", "reasonCode": "13.1", "rrn": "42" }));
    let opened = fixture.operator.post("/disputes", &brought).created();
    fixture.operator.does("UP-7", "extend", &json!({ "deadline": in_days(20) }));
    fixture.operator.does("UP-7", "advance", &json!({ "type": "ARBITRATION", "deadline": in_days(30) }));
    fixture.accept("UP-7").is("OK");
    fixture.operator.does("UP-7", "withdraw", &json!({ "note": "paid back" }));
    let shown = fixture.show("UP-7");
    assert_eq!(shown["merchantId"], fixture.merchant_id);
    for same in
        ["disputeNo", "paymentNo", "merchantTradeNo", "rrn", "paymentAmount", "currency", "disputeReason"]
    {
        assert_eq!((&shown[same], &opened[same]), (&brought[same], &brought[same]), "{same}");
    }
    assert_eq!(fixture.history("UP-7").len(), 5);
    let actors: Vec<_> =
        shown["history"].as_array().unwrap().iter().map(|entry| entry["actor"].clone()).collect();
    assert!(actors[1] == actors[2] && actors[0] == actors[1], "the operator's token has a name: {actors:?}");
    assert_ne!(actors[3], actors[0], "the merchant's app is another actor: {actors:?}");
    assert!(actors[3].as_str().unwrap().contains(&fixture.signer.app_id), "{actors:?}");
}

#[test]
fn invalid_search_number_is_rejected() {
    let fixture = test_gateway();
    for q in ["%00", "a%1Fb", &"P".repeat(51)] {
        fixture.operator.fetch(&format!("/disputes?q={q}")).is_problem(400, INVALID);
    }
    assert_eq!(fixture.operator.fetch("/disputes?q=%C3%A9").json()["total"], 0);
}

#[test]
fn generated_dispute_numbers_sort_by_time() {
    let fixture = test_gateway();
    let later = |_| {
        pause(Duration::from_millis(2));
        fixture.dispute()
    };
    let opened: Vec<_> = (0..10).map(later).collect();
    assert!(opened.is_sorted(), "{opened:?}");
}

#[test]
fn idempotency_key_has_visible_characters_only() {
    let fixture = test_gateway();
    let body = json!({ "name": "Corner Shop", "timeZone": "UTC" });
    for key in ["a b", "a\tb", "", "é", &"k".repeat(129)] {
        keyed(&fixture, "/merchants", &body, key).is_problem(400, INVALID);
    }
    assert_eq!(keyed(&fixture, "/merchants", &body, "!~").status, 201);
}
