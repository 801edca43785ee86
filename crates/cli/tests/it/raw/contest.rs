//! Contract §4: what a contest may contain, that it counts completely or not, and what is stored of it.

use rebuttal_testbed::test_gateway::CONTEST;
use rebuttal_testbed::{Answer, Item, TestGateway, samples};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::common::{each, test_gateway};

const INVALID: &str = "Common.Request.InvalidParameter";

fn post(fixture: &TestGateway, dispute: &str, items: &[Value]) -> Answer {
    fixture.post(CONTEST, &json!({ "disputeNo": dispute, "evidenceList": items }))
}

fn item(url: &str) -> Value {
    Item::receipt(url).json()
}

fn with(mut item: Value, name: &str, value: Value) -> Value {
    item[name] = value;
    item
}

#[test]
fn contest_is_stored_with_file_hashes_sizes_and_types() {
    let fixture = test_gateway();
    let dispute = fixture.dispute();
    let files: Vec<_> = samples::all().into_iter().map(|sample| (fixture.upload(&sample), sample)).collect();
    let kinds = ["OTHER", "REFUND", "RECEIPT", "DEFAULT"];
    let items = files.iter().zip(kinds.iter().cycle()).map(|((url, sample), kind)| {
        json!({ "type": kind, "name": format!("領收書 {}", sample.filename), "url": url })
    });
    let items: Vec<_> = items.collect();
    assert_eq!(post(&fixture, &dispute, &items).ok(), json!({ "result": true }));
    let shown = fixture.show(&dispute);
    assert_eq!(shown["status"], "UNDER_REVIEW");
    assert_eq!(shown["submissions"].as_array().unwrap().len(), 1);
    let evidence = shown["submissions"][0]["evidence"].as_array().unwrap();
    assert_eq!(evidence.len(), items.len());
    for ((kept, item), (_, sample)) in evidence.iter().zip(&items).zip(&files) {
        for member in ["type", "name", "url"] {
            assert_eq!(kept[member], item[member]);
        }
        assert_eq!(kept["sha256"], hex::encode(Sha256::digest(&sample.bytes)));
        assert_eq!(kept["size"], sample.bytes.len());
        assert_eq!(kept["mediaType"], sample.media_type);
    }
    assert_eq!(fixture.history(&dispute).len(), 2);
}

#[test]
fn invalid_items_are_rejected_first() {
    let fixture = test_gateway();
    let dispute = fixture.dispute();
    let good = item(&fixture.upload(&samples::receipt(1)));
    let other = item(&fixture.upload(&samples::receipt(2)));
    let bent = |name: &str, value: Value| vec![with(good.clone(), name, value)];
    let cases = [
        ("no items", vec![]),
        ("the same url twice", vec![good.clone(), with(good.clone(), "name", json!("other"))]),
        ("no type", bent("type", Value::Null)),
        ("type unknown", bent("type", json!("INVOICE"))),
        ("type in lower case", bent("type", json!("receipt"))),
        ("type empty", bent("type", json!(""))),
        ("no name", bent("name", Value::Null)),
        ("name empty", bent("name", json!(""))),
        ("name of 129", bent("name", json!("n".repeat(129)))),
        ("name of 129 beyond ASCII", bent("name", json!("😀".repeat(129)))),
        ("control character in the name", bent("name", json!("a\u{1}b"))),
        ("line feed in the name", bent("name", json!("a\nb"))),
        ("delete in the name", bent("name", json!("a\u{7f}b"))),
        ("C1 control in the name", bent("name", json!("a\u{85}b"))),
        ("no url", bent("url", Value::Null)),
        ("url empty", bent("url", json!(""))),
        ("one of two", vec![other.clone(), with(good.clone(), "type", json!("X"))]),
        ("null item", vec![good.clone(), Value::Null]),
    ];
    each(cases, |items| {
        let answer = post(&fixture, &dispute, &items);
        // A null item is a missing one to some and a wrong type to others; the contract says neither.
        let also = if items.contains(&Value::Null) { "Common.Request.Malformed" } else { INVALID };
        assert!(answer.code == INVALID || answer.code == also, "{}: {}", answer.code, answer.message);
    });
    each([("no number", Value::Null), ("empty", json!("")), ("of 33", json!("D".repeat(33)))], |number| {
        fixture.post(CONTEST, &json!({ "disputeNo": number, "evidenceList": [good.clone()] })).is(INVALID);
    });
    assert_eq!(fixture.history(&dispute).len(), 1);
    post(&fixture, &dispute, &[good, other]).is("OK");
}

#[test]
fn names_of_128_characters_and_duplicates_are_accepted() {
    let fixture = test_gateway();
    let urls: Vec<_> = (0..3).map(|seed| fixture.upload(&samples::receipt(seed))).collect();
    let long = with(item(&urls[0]), "name", json!("😀".repeat(128)));
    post(&fixture, &fixture.dispute(), &[long, item(&urls[1]), item(&urls[2])]).is("OK");
}

#[test]
fn twenty_items_are_accepted_and_21_rejected() {
    let fixture = test_gateway();
    let dispute = fixture.dispute();
    let items: Vec<_> = (0..21).map(|seed| item(&fixture.upload(&samples::receipt(seed)))).collect();
    post(&fixture, &dispute, &items).is(INVALID);
    post(&fixture, &dispute, &items[..20]).is("OK");
    assert_eq!(fixture.show(&dispute)["submissions"][0]["evidence"].as_array().unwrap().len(), 20);
}

#[test]
fn every_invalid_item_is_reported_by_index() {
    let fixture = test_gateway();
    let dispute = fixture.dispute();
    let good: Vec<_> = (0..18).map(|seed| item(&fixture.upload(&samples::receipt(seed)))).collect();
    let named = |message: &str| {
        let numbers =
            message.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<usize>().ok());
        numbers.collect::<Vec<_>>()
    };
    let spoil = |name: &str, value: &dyn Fn(usize) -> Value| {
        let mut items = good.clone();
        for index in [11, 17] {
            items[index] = with(items[index].clone(), name, value(index));
        }
        items
    };
    let nowhere = |index: usize| {
        let folder = format!("s3://uploaded/m/{}/open/dispute-evidence", fixture.merchant_id);
        json!(format!("{folder}/{index:032x}.png"))
    };
    let cases = [
        ("type", spoil("type", &|_| json!("X")), INVALID),
        (
            "not of the form",
            spoil("url", &|index| json!(format!("x{}", "y".repeat(index)))),
            "Evidence.NotFound",
        ),
        ("not uploaded", spoil("url", &nowhere), "Evidence.NotUploaded"),
    ];
    each(cases.map(|(name, items, code)| (name, (items, code))), |(items, code)| {
        let answer = post(&fixture, &dispute, &items).expect(code);
        let numbers = named(&answer.message);
        assert!(numbers.contains(&11) && numbers.contains(&17), "{}", answer.message);
        assert!(!numbers.contains(&10) && !numbers.contains(&16), "{}", answer.message);
    });
    assert_eq!(fixture.history(&dispute).len(), 1);
}

#[test]
fn evidence_must_belong_to_the_merchant_and_scene() {
    let fixture = test_gateway();
    let dispute = fixture.dispute();
    let own = fixture.upload(&samples::receipt(1));
    let merchant_id = fixture.operator.open_merchant("Other Shop", "UTC");
    let signer = fixture.operator.open_app(merchant_id, fixture.signer.scheme);
    let ticket = fixture.ticket_of(&signer, "a.png");
    let form = ticket.form(&samples::png(3));
    assert_eq!(form.send(form.address().unwrap_or(fixture.address())).status, 204);
    let bent = |from: &str, to: &str| own.replacen(from, to, 1);
    let hex = own.rsplit('/').next().unwrap().split('.').next().unwrap();
    let cases = [
        ("another merchant's", ticket.storage_uri),
        ("https", bent("s3://", "https://")),
        ("another bucket", bent("uploaded", "other")),
        ("another scene", bent("dispute-evidence", "avatar")),
        ("not open", bent("/open/", "/closed/")),
        ("another number", bent(&format!("/m/{}/", fixture.merchant_id), "/m/4711/")),
        ("number with a leading zero", bent("/m/", "/m/0")),
        ("capitals", bent(hex, &hex.to_uppercase())),
        ("31 digits", bent(hex, &hex[1..])),
        ("33 digits", bent(hex, &format!("0{hex}"))),
        ("no extension", bent(".png", "")),
        ("extension in capitals", bent(".png", ".PNG")),
        ("extension unknown", bent(".png", ".gif")),
        ("query", format!("{own}?versionId=1")),
        ("up", bent("/open/", "/open/../open/")),
        ("path only", own.replace("s3://uploaded/", "")),
        ("space before", format!(" {own}")),
        ("very long", format!("s3://uploaded/{}", "x".repeat(4_000))),
    ];
    each(cases, |url| post(&fixture, &dispute, &[item(&url)]).is("Evidence.NotFound"));
    let not_uploaded = [
        ("asked for only", fixture.ticket("a.png").storage_uri),
        ("never issued", bent(hex, &"0".repeat(32))),
        ("another extension", bent(".png", ".pdf")),
    ];
    each(not_uploaded, |url| post(&fixture, &dispute, &[item(&url)]).is("Evidence.NotUploaded"));
    // All items or none: a valid item among invalid ones is not stored.
    post(&fixture, &dispute, &[item(&own), item(&fixture.ticket("b.png").storage_uri)])
        .is("Evidence.NotUploaded");
    let shown = fixture.show(&dispute);
    assert_eq!(
        (&shown["status"], shown["submissions"].as_array().map(Vec::len)),
        (&json!("NEEDS_RESPONSE"), Some(0))
    );
    post(&fixture, &dispute, &[item(&own)]).is("OK");
}

#[test]
fn one_file_may_serve_several_disputes() {
    let fixture = test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    for _ in 0..3 {
        post(&fixture, &fixture.dispute(), &[item(&url)]).is("OK");
    }
}

#[test]
fn reordered_submission_is_a_repetition() {
    let fixture = test_gateway();
    let dispute = fixture.dispute();
    let items: Vec<_> = (0..3).map(|seed| item(&fixture.upload(&samples::receipt(seed)))).collect();
    post(&fixture, &dispute, &items).is("OK");
    let before = fixture.show(&dispute);
    let turned: Vec<_> = items.iter().rev().cloned().collect();
    assert_eq!(post(&fixture, &dispute, &turned).ok(), json!({ "result": true }));
    let escaped = json!({ "disputeNo": dispute, "evidenceList": items }).to_string().replace('/', "\\/");
    fixture.raw_call(CONTEST, escaped).send(fixture.address()).is("OK");
    let others = [
        ("fewer", items[..2].to_vec()),
        (
            "other type",
            vec![with(items[0].clone(), "type", json!("OTHER")), items[1].clone(), items[2].clone()],
        ),
        (
            "other name",
            vec![with(items[0].clone(), "name", json!("other")), items[1].clone(), items[2].clone()],
        ),
        ("other file", vec![items[0].clone(), items[1].clone(), item(&fixture.upload(&samples::receipt(9)))]),
    ];
    each(others, |items| post(&fixture, &dispute, &items).is("Dispute.InvalidState"));
    assert_eq!(fixture.show(&dispute), before, "nothing was changed");
}

#[test]
fn names_and_types_are_compared_as_pairs_with_their_urls() {
    let fixture = test_gateway();
    let dispute = fixture.dispute();
    let (first, second) =
        (item(&fixture.upload(&samples::receipt(1))), item(&fixture.upload(&samples::receipt(2))));
    let named = |item: &Value, name: &str| with(item.clone(), "name", json!(name));
    post(&fixture, &dispute, &[named(&first, "a"), named(&second, "b")]).is("OK");
    post(&fixture, &dispute, &[named(&first, "b"), named(&second, "a")]).is("Dispute.InvalidState");
}

#[test]
fn dispute_of_another_merchant_is_not_found() {
    let fixture = test_gateway();
    let merchant_id = fixture.operator.open_merchant("Other Shop", "UTC");
    let theirs =
        rebuttal_testbed::test_gateway::number(&fixture.operator.open_dispute(merchant_id, &json!({})));
    let url = fixture.upload(&samples::receipt(1));
    let none = "N".repeat(theirs.len());
    let response_for = |number: &str| {
        let answers =
            [fixture.contest(number, &[Item::receipt(&url)]), fixture.accept(number), fixture.query(number)];
        answers.map(|answer| answer.expect("Dispute.NotFound").response.text().replace(number, "…"))
    };
    assert_eq!(response_for(&theirs), response_for(&none));
    assert_eq!(fixture.history(&theirs).len(), 1);
}
