//! Contract §3, generateUploadUrl: what is returned, and which names, types and scenes are rejected.

use rebuttal_testbed::clock::now_ms;
use rebuttal_testbed::test_gateway::UPLOAD_URL;
use rebuttal_testbed::{Answer, TestGateway, Ticket, backend, samples};
use serde_json::{Value, json};

use crate::common::{each, test_gateway};
const LIFE_MS: i64 = 600_000;

fn ask(fixture: &TestGateway, filename: &str, but: Value) -> Answer {
    let mut body = json!({ "filename": filename, "scene": "DISPUTE_EVIDENCE" });
    body.as_object_mut().unwrap().extend(but.as_object().unwrap().clone());
    fixture.post(UPLOAD_URL, &body)
}

#[test]
fn upload_ticket_has_the_documented_fields() {
    let fixture = test_gateway();
    each(samples::all().into_iter().map(|sample| (sample.filename, sample)), |sample| {
        let before_ms = now_ms();
        let data = ask(&fixture, sample.filename, json!({})).ok();
        let ticket = Ticket::read(&data);
        let mut members: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["expireTime", "formFields", "httpMethod", "storageUri", "uploadUrl"]);
        assert_eq!(ticket.http_method, "POST");
        let leads_here = ticket.upload_url.starts_with(&fixture.base);
        assert_eq!(leads_here, !backend::includes("s3"), "{}", ticket.upload_url);
        let life_ms = ticket.expire_time - before_ms;
        assert!((LIFE_MS - 2_000..=LIFE_MS + 10_000).contains(&life_ms), "{life_ms}");
        let folder = format!("s3://uploaded/m/{}/open/dispute-evidence/", fixture.merchant_id);
        let file =
            ticket.storage_uri.strip_prefix(&folder).unwrap_or_else(|| panic!("{}", ticket.storage_uri));
        let (stem, extension) = file.split_once('.').unwrap();
        assert!(
            stem.len() == 32 && stem.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)),
            "{stem}"
        );
        assert_eq!(sample.filename.rsplit('.').next(), Some(extension));
        let field =
            |name: &str| ticket.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        assert_eq!(field("Content-Type"), Some(sample.media_type));
        assert_eq!(field("x-amz-algorithm"), Some("AWS4-HMAC-SHA256"));
        for name in ["key", "policy", "x-amz-credential", "x-amz-date", "x-amz-signature"] {
            assert!(field(name).is_some_and(|value| !value.is_empty()), "no {name}");
        }
        assert!(ticket.storage_uri.ends_with(field("key").unwrap()), "the key is the storageUri's path");
    });
}

#[test]
fn every_ticket_has_a_distinct_key() {
    let fixture = test_gateway();
    assert_ne!(fixture.ticket("a.png").storage_uri, fixture.ticket("a.png").storage_uri);
}
