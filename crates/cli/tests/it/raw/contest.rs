//! Contract §4: what a contest may contain, that it counts completely or not, and what is stored of it.

use rebuttal_testbed::test_gateway::CONTEST;
use rebuttal_testbed::{Answer, Item, TestGateway, samples};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::common::{each, folder_test_gateway, test_gateway};

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
        assert_eq!(kept["notes"], json!([]));
        let extent: &[&str] = match sample.filename.rsplit_once('.').unwrap().1 {
            "pdf" => &["pages"],
            "xls" | "xlsx" => &["sheets"],
            _ => &["width", "height"],
        };
        for member in ["pages", "sheets", "width", "height"] {
            let expected = if extent.contains(&member) { json!(1) } else { Value::Null };
            assert_eq!(kept[member], expected, "{member} of {}", sample.filename);
        }
    }
    assert_eq!(fixture.history(&dispute).len(), 2);
}

#[test]
fn content_is_validated_again_by_the_contest() {
    let fixture = folder_test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let file = fixture.gateway.data().join("evidence").join(url.strip_prefix("s3://uploaded/").unwrap());
    let size = std::fs::read(&file).unwrap().len();
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, vec![b'x'; size]).unwrap();
    fixture.contest(&fixture.dispute(), &[Item::receipt(&url)]).is("File.ContentMismatch");
}

#[test]
fn evidence_must_be_an_upload_of_the_merchant() {
    let fixture = test_gateway();
    let dispute = fixture.dispute();
    let own = fixture.upload(&samples::receipt(1));
    let merchant_id = fixture.operator.open_merchant("Other Shop", "UTC");
    let signer = fixture.operator.open_app(merchant_id, fixture.signer.scheme);
    let ticket = fixture.ticket_of(&signer, "a.png");
    let form = ticket.form(&samples::png(3));
    assert_eq!(form.send(form.address().unwrap_or(fixture.address())).status, 204);
    let hex = own.rsplit('/').next().unwrap().split('.').next().unwrap();
    let cases = [
        ("another merchant's", ticket.storage_uri, "Evidence.NotFound"),
        ("query", format!("{own}?versionId=1"), "Evidence.NotFound"),
        ("very long", format!("s3://uploaded/{}", "x".repeat(4_000)), "Evidence.NotFound"),
        ("asked for only", fixture.ticket("a.png").storage_uri, "Evidence.NotUploaded"),
        ("never issued", own.replacen(hex, &"0".repeat(32), 1), "Evidence.NotUploaded"),
        ("another extension", own.replacen(".png", ".pdf", 1), "Evidence.NotUploaded"),
    ];
    // All items or none: a valid item next to an invalid one is not stored.
    each(cases.map(|(name, url, code)| (name, (url, code))), |(url, code)| {
        post(&fixture, &dispute, &[item(&own), item(&url)]).is(code);
    });
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
