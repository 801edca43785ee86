//! Contract §3, generateUploadUrl: what is returned, and which names, types and scenes are rejected.

use rebuttal_testbed::clock::now_ms;
use rebuttal_testbed::test_gateway::UPLOAD_URL;
use rebuttal_testbed::{Answer, TestGateway, Ticket, backend, samples};
use serde_json::{Value, json};

use crate::common::{each, test_gateway};

const INVALID: &str = "Common.Request.InvalidParameter";
const UNSUPPORTED: &str = "File.UnsupportedType";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
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

#[test]
fn valid_names_and_types_are_accepted() {
    let fixture = test_gateway();
    let of_type = |content_type: &str| json!({ "contentType": content_type });
    let cases = [
        ("of 32", ("a".repeat(28) + ".png", json!({}))),
        ("of 32 beyond ASCII", ("領".repeat(28) + ".png", json!({}))),
        ("capitals", ("RECEIPT.PNG".to_owned(), json!({}))),
        ("several dots", ("a.b.pdf".to_owned(), json!({}))),
        ("spaces", ("my receipt.jpg".to_owned(), json!({}))),
        ("the type of png", ("a.png".to_owned(), of_type("image/png"))),
        ("the type of jpg", ("a.jpg".to_owned(), of_type("image/jpeg"))),
        ("the type of jpeg, misspelt as many do", ("a.jpeg".to_owned(), of_type("image/jpg"))),
        ("the type of pdf", ("a.pdf".to_owned(), of_type("application/pdf"))),
        ("the type of xls", ("a.xls".to_owned(), of_type("application/vnd.ms-excel"))),
        ("the type of xlsx, which has 65", ("a.xlsx".to_owned(), of_type(XLSX))),
        ("null type", ("a.pdf".to_owned(), json!({ "contentType": null }))),
    ];
    each(cases, |(filename, but)| {
        let uri = ask(&fixture, &filename, but).ok()["storageUri"].as_str().unwrap().to_owned();
        let extension = filename.rsplit('.').next().unwrap().to_lowercase();
        assert!(uri.ends_with(&format!(".{extension}")), "{uri}");
    });
}

#[test]
fn invalid_names_types_and_scenes_are_rejected() {
    let fixture = test_gateway();
    let none = || json!({});
    let of_scene = |fixture: Value| json!({ "scene": fixture });
    let cases = [
        ("name of 33", "a".repeat(29) + ".png", none(), &[INVALID][..]),
        ("no name", String::new(), none(), &[INVALID]),
        ("null name", String::new(), json!({ "filename": null }), &[INVALID]),
        ("no stem", ".png".to_owned(), none(), &[INVALID]),
        ("slash", "a/b.png".to_owned(), none(), &[INVALID]),
        ("backslash", "a\\b.png".to_owned(), none(), &[INVALID]),
        ("control character", "a\u{7}b.png".to_owned(), none(), &[INVALID]),
        ("line feed", "a\nb.png".to_owned(), none(), &[INVALID]),
        ("delete", "a\u{7f}b.png".to_owned(), none(), &[INVALID]),
        ("no extension", "receipt".to_owned(), none(), &[INVALID, UNSUPPORTED]),
        ("dot at the end", "receipt.".to_owned(), none(), &[INVALID, UNSUPPORTED]),
        ("gif", "a.gif".to_owned(), none(), &[UNSUPPORTED]),
        ("macro workbook", "a.xlsm".to_owned(), none(), &[UNSUPPORTED]),
        ("hidden program", "a.png.exe".to_owned(), none(), &[UNSUPPORTED]),
        ("scene unknown", "a.png".to_owned(), of_scene(json!("AVATAR")), &[INVALID]),
        ("scene in lower case", "a.png".to_owned(), of_scene(json!("dispute_evidence")), &[INVALID]),
        ("scene of 51", "a.png".to_owned(), of_scene(json!("A".repeat(51))), &[INVALID]),
        ("no scene", "a.png".to_owned(), of_scene(Value::Null), &[INVALID]),
        ("type of 33", "a.png".to_owned(), json!({ "contentType": "x".repeat(33) }), &[INVALID]),
        (
            "type of another",
            "a.pdf".to_owned(),
            json!({ "contentType": "image/png" }),
            &[UNSUPPORTED, INVALID],
        ),
        ("long type of another", "a.pdf".to_owned(), json!({ "contentType": XLSX }), &[UNSUPPORTED, INVALID]),
        (
            "type not allowed",
            "a.png".to_owned(),
            json!({ "contentType": "text/html" }),
            &[UNSUPPORTED, INVALID],
        ),
    ];
    each(
        cases.map(|(name, filename, but, codes)| (name, (filename, but, codes))),
        |(filename, but, codes)| {
            let answer = ask(&fixture, &filename, but);
            assert!(codes.contains(&answer.code.as_str()), "{}: {}", answer.code, answer.message);
        },
    );
}

#[test]
fn all_invalid_fields_are_reported_with_their_limits() {
    let fixture = test_gateway();
    let answer = fixture.post(UPLOAD_URL, &json!({ "filename": "a".repeat(40), "scene": "B".repeat(60) }));
    let answer = answer.expect(INVALID);
    for word in ["filename", "32", "scene"] {
        assert!(answer.message.contains(word), "{word} is missing in: {}", answer.message);
    }
}
