//! Contract §5: accept; and query's fields, amounts, times, keys, and its choice among several.

use jiff::tz::TimeZone;
use rebuttal_testbed::call::SignedCall;
use rebuttal_testbed::clock::{now_ms, parse_rfc3339, rfc3339};
use rebuttal_testbed::operator::dispute;
use rebuttal_testbed::test_gateway::{ACCEPT, QUERY, number};
use serde_json::{Value, json};

use crate::common::{each, test_gateway};

const INVALID: &str = "Common.Request.InvalidParameter";
const DAY_MS: i64 = 86_400_000;

#[test]
fn accept_is_applied_once_and_can_be_repeated() {
    let fixture = test_gateway();
    let dispute = fixture.dispute();
    assert_eq!(fixture.accept(&dispute).ok(), json!({ "result": true }));
    assert_eq!(fixture.accept(&dispute).ok(), json!({ "result": true }));
    assert_eq!(fixture.status(&dispute), "ACCEPTED");
    assert_eq!(fixture.history(&dispute).len(), 2);
    each([("none", json!({})), ("empty", json!({ "disputeNo": "" }))], |body| {
        fixture.post(ACCEPT, &body).is(INVALID)
    });
}

#[test]
fn query_returns_exactly_its_fields_as_strings() {
    let fixture = test_gateway();
    let brought = dispute(
        fixture.merchant_id,
        &json!({ "rrn": "123456789012", "disputeReason": "Ware nicht erhalten – 領" }),
    );
    let opened = fixture.operator.post("/disputes", &brought).created();
    let data = fixture.query(&number(&opened)).ok();
    let mut members: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    let mut wanted = [
        "disputeNo",
        "paymentNo",
        "merchantTradeNo",
        "status",
        "type",
        "rrn",
        "deadline",
        "paymentAmount",
        "disputeAmount",
        "currency",
        "disputeReason",
        "createdTime",
    ];
    wanted.sort_unstable();
    assert_eq!(members, wanted);
    assert!(data.as_object().unwrap().values().all(Value::is_string), "{data}");
    for same in [
        "paymentNo",
        "merchantTradeNo",
        "type",
        "rrn",
        "paymentAmount",
        "disputeAmount",
        "currency",
        "disputeReason",
    ] {
        assert_eq!(data[same], brought[same], "{same}");
    }
    assert_eq!(data["status"], "NEEDS_RESPONSE");
    let without = fixture.query(&fixture.dispute()).ok();
    assert!(without["rrn"].is_null(), "{without}");
}

/// The message names no kind of number: the caller chose it.
#[test]
fn query_without_a_match_is_the_same_for_every_number() {
    let fixture = test_gateway();
    for key in ["disputeNo", "paymentNo", "merchantTradeNo"] {
        let refused = fixture.call(QUERY, &json!({ key: "none" })).send(fixture.address());
        let refused = refused.expect("Dispute.NotFound");
        assert!(refused.message.starts_with("no dispute of this merchant matches;"), "{key}: {refused:?}");
    }
}

#[test]
fn amounts_have_the_decimals_of_their_currency() {
    let fixture = test_gateway();
    let shown = [
        ("USD", "100.5", "100.50"),
        ("USD", "999999999999999.99", "999999999999999.99"),
        ("KWD", "999999999999999.999", "999999999999999.999"),
        ("JPY", "5000", "5000.00"),
    ];
    each(shown.map(|case| (format!("{case:?}"), case)), |(currency, brought, wanted)| {
        let amounts = json!({ "currency": currency, "paymentAmount": brought, "disputeAmount": brought });
        let data = fixture.query(&fixture.dispute_with(&amounts)).ok();
        assert_eq!((&data["paymentAmount"], &data["disputeAmount"]), (&json!(wanted), &json!(wanted)));
    });
}

#[test]
fn times_are_in_the_merchants_time_zone() {
    let fixture = test_gateway();
    let at = fixture.address();
    let zones = ["Asia/Shanghai", "Asia/Kathmandu", "America/New_York", "Europe/Berlin", "Pacific/Apia"];
    each(zones.map(|zone| (zone, zone)), |zone| {
        let merchant_id = fixture.operator.open_merchant("Shop", zone);
        let signer = fixture.operator.open_app(merchant_id, fixture.signer.scheme);
        let deadline_ms = now_ms() + 40 * DAY_MS + 123;
        let opened = fixture.operator.open_dispute(merchant_id, &json!({ "deadline": rfc3339(deadline_ms) }));
        let body = json!({ "disputeNo": number(&opened) }).to_string();
        let data = SignedCall::new(&signer, &fixture.base, QUERY, body).send(at).ok();
        let zone = TimeZone::get(zone).unwrap();
        let local = |ms| {
            let local = jiff::Timestamp::from_millisecond(ms).unwrap().to_zoned(zone.clone());
            local.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
        };
        assert_eq!(data["deadline"], local(deadline_ms));
        let created = data["createdTime"].as_str().unwrap();
        let created_ms = parse_rfc3339(created);
        assert_eq!(created, local(created_ms));
        assert!((now_ms() - created_ms).abs() < 60_000, "{created}");
        // Operators get the same time in UTC.
        let shown = opened["deadline"].as_str().unwrap();
        assert_eq!(parse_rfc3339(shown), deadline_ms);
        assert!(shown.ends_with('Z') || shown.ends_with("+00:00"), "{shown}");
    });
    let response =
        fixture.operator.post("/merchants", &json!({ "name": "Shop", "timeZone": "Mars/Olympus" }));
    response.is_problem(400, INVALID);
}
