//! The schema of every value accepts the texts that its parser accepts, tried at and beyond each limit.

use std::str::FromStr;

use rebuttal_protocol::body::Object;
use rebuttal_protocol::dispute::QueryRequest;
use rebuttal_protocol::fields::RequestBody as _;
use rebuttal_protocol::file::Filename;
use rebuttal_protocol::operator::{DisputeOutcome, NotifyUrl, Role, TokenName};
use rebuttal_protocol::text::{DisputeReason, MerchantName, Note, ReasonCode, Rrn};
use rebuttal_protocol::{
    Amount, AppId, AppSecret, Currency, DisputeNo, EvidenceName, MerchantTradeNo, PaymentNo, Scene, Scheme,
    StorageUri, UnixMillis,
};
use rebuttal_testbed::document::Members;
use serde_json::{Value, json};

use super::{ALL, document_of};

/// Texts that some parser accepts and most do not.
const PLAIN: &[&str] = &[
    "",
    " ",
    "a",
    "é",
    " a ",
    "a\nb",
    "\u{0}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{3000}",
    "\u{200b}",
    "\u{feff}",
    "\u{200e}",
    "a\u{202a}b",
    "\u{202e}",
    "\u{2066}.png",
    "a\u{2069}",
    "D-1_x",
    "D 1",
    "D.1",
    ".",
    "..",
    "...",
    ".a",
    "a.",
    "a.png",
    "a.PnG",
    "a.gif",
    ".png",
    "a/b.png",
    "a\\b.png",
    " .pdf",
    "receipt.xlsx",
    "a.png.exe",
    "DISPUTE_EVIDENCE",
    "dispute_evidence",
    "WON",
    "viewer",
    "V2_SHA256",
    "USD",
    "usd",
    "XAU",
    "KWD",
    "0",
    "00",
    "0.5",
    "0.0",
    "0.00",
    "0.001",
    "0.010",
    "1.000",
    "1.",
    ".5",
    "100.05",
    "100.055",
    "100.0555",
    "-1",
    "+1",
    "1e3",
    "2024-03-06T12:00:00Z",
    "2024-03-06T12:00:00.000+08:00",
    "2024-03-06T12:00:00",
    "2024-03-06 12:00:00Z",
    "2024-03-06T24:00:00Z",
    "2024-03-06T12:00:60Z",
    "2024-13-06T12:00:00Z",
    "2024-03-06T12:00:00+24:00",
    "2024-03-06T12:00:00.1234567890Z",
    "1969-12-31T23:59:59Z",
    TIMES_OF_PARTIAL_YEARS[0],
    TIMES_OF_PARTIAL_YEARS[1],
    "1971-01-01T00:00:00Z",
    "2285-12-31T23:59:59.999Z",
    "2286-12-31T00:00:00Z",
    "2287-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "2024-03-06T12:00:00.Z",
    "2024-03-06t12:00:00z",
    "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png",
    "s3://uploaded/m/080/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png",
    "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.PNG",
    "s3://uploaded/m/80/open/dispute-evidence/2ACE1b345cbb4a09852d7d92e540591a.png",
    "https://a",
    "https://a.example:8443/x?y:z",
    "http://[::1]",
    "http://[::1]:65535/",
    "http://10.0.0.1:1",
    "http://[::1]:99999/",
    "http://a:65536",
    "http://a:0",
    "http://a:00080",
    "http://a:+1",
    "http://a:",
    "http://:80",
    "http://[::1",
    "http://[]",
    "http://[::1]x",
    "http://::1",
    "ftp://a",
    "http://user@a",
    "https:///x",
    "https://a#b",
    "https://a/\\",
    "https://a/ b",
    "https://a?",
    "https://a/[x]",
    "https://a/%2F",
    "https://a/%2",
    "https://a/<b>",
    "https://\"",
    "https://a/@b",
    "https://é",
];

/// Times that the parser accepts, in years that it does not accept whole. The schema describes whole years.
const TIMES_OF_PARTIAL_YEARS: [&str; 2] = ["1969-12-31T16:00:00-08:00", "2286-11-20T17:46:39.999Z"];

/// The same with texts at and beyond each length.
fn texts() -> Vec<String> {
    let lengths = [1, 2, 3, 28, 29, 31, 32, 33, 50, 51, 64, 65, 128, 129, 256, 257, 1000, 1001];
    let of_length = lengths.iter().flat_map(|length| {
        let letters = ["a", "é", "~", "1", "f"].map(|letter| letter.repeat(*length));
        letters.into_iter().chain([format!("{}.png", "a".repeat(*length))])
    });
    let digits = (14..17).map(|digits| "9".repeat(digits));
    let urls = [2047, 2048, 2049].map(|length| format!("https://{}", "a".repeat(length - 8)));
    PLAIN.iter().map(|text| (*text).to_owned()).chain(of_length).chain(digits).chain(urls).collect()
}

/// Whether schema and parser accept the same texts, of which some are valid and some not.
fn agree(name: &str, parse: impl Fn(&str) -> bool) {
    let document = document_of(ALL);
    let schema = &document.0["components"]["schemas"][name];
    assert!(schema.is_object(), "no schema {name}");
    let (mut taken, mut refused) = (0, 0);
    for text in texts() {
        let is_of_schema = document.faults(schema, &json!(text), Members::OthersToo).is_empty();
        assert_eq!(
            is_of_schema,
            parse(&text),
            "{name}: {text:?}; left: the schema accepts it; right: the parser does"
        );
        if is_of_schema { taken += 1 } else { refused += 1 }
    }
    assert!(taken > 0 && refused > 0, "{name}: {taken} taken, {refused} refused");
}

fn parses<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

#[test]
fn a_schema_accepts_what_its_parser_accepts() {
    agree("DisputeNo", parses::<DisputeNo>);
    agree("PaymentNo", parses::<PaymentNo>);
    agree("MerchantTradeNo", parses::<MerchantTradeNo>);
    agree("EvidenceName", parses::<EvidenceName>);
    agree("MerchantName", parses::<MerchantName>);
    agree("DisputeReason", parses::<DisputeReason>);
    agree("ReasonCode", parses::<ReasonCode>);
    agree("Rrn", parses::<Rrn>);
    agree("Note", parses::<Note>);
    agree("Filename", |text| parses::<Filename>(text) && is_supported(text));
    agree("StorageUri", parses::<StorageUri>);
    agree("AppId", parses::<AppId>);
    agree("AppSecret", parses::<AppSecret>);
    agree("TokenName", parses::<TokenName>);
    agree("NotifyUrl", parses::<NotifyUrl>);
    let is_time = |text: &str| UnixMillis::from_rfc3339(text).is_ok();
    assert!(TIMES_OF_PARTIAL_YEARS.iter().all(|text| is_time(text)));
    agree("Time", |text| is_time(text) && !TIMES_OF_PARTIAL_YEARS.contains(&text));
    agree("Amount", |text| Amount::parse(text, "KWD".parse().unwrap()).is_ok());
}

#[test]
fn the_schema_of_a_query_accepts_what_its_parser_accepts() {
    let document = document_of(ALL);
    let schema = &document.0["components"]["schemas"]["QueryRequest"];
    let values = [None, Some(json!("D-1")), Some(json!(1)), Some(Value::Null)];
    let cases = values.iter().flat_map(|dispute| values.iter().map(move |payment| (dispute, payment)));
    for (dispute, payment) in cases {
        let mut body = serde_json::Map::from_iter([("other".to_owned(), json!(1))]);
        body.extend(dispute.clone().map(|value| ("disputeNo".to_owned(), value)));
        body.extend(payment.clone().map(|value| ("paymentNo".to_owned(), value)));
        let text = Value::Object(body.clone()).to_string();
        let parsed = QueryRequest::parse(&Object::parse_signed(text.as_bytes()).unwrap());
        let faults = document.faults(schema, &Value::Object(body), Members::OthersToo);
        assert_eq!(faults.is_empty(), parsed.is_ok(), "{text}: schema: {faults:?}, parser: {parsed:?}");
    }
}

#[test]
fn a_schema_has_every_word() {
    agree("Scene", parses::<Scene>);
    agree("DisputeOutcome", parses::<DisputeOutcome>);
    agree("Role", parses::<Role>);
    agree("Scheme", parses::<Scheme>);
    agree("Currency", parses::<Currency>);
}

fn is_supported(filename: &str) -> bool {
    let extension = filename.rsplit_once('.').map_or("", |(_, extension)| extension);
    Scene::DisputeEvidence.format(extension).is_some()
}
