//! Every verdict of `testdata/signing.json`, which was produced by an independent implementation.

use crate::authorization::Signature;
use crate::body::{DEPTH_MAX, Object};
use crate::dispute::AcceptRequest;
use crate::fields::RequestBody as _;
use crate::signature::{self, Message, Signer};
use crate::{AppSecret, Authorization, Code, Finality, Nonce, Scheme, answer_nonce};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../testdata/signing.json")).unwrap()
}

fn list<'a>(vectors: &'a Value, key: &str) -> &'a [Value] {
    let list = vectors[key].as_array().unwrap();
    assert!(!list.is_empty());
    list
}

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap_or_else(|| panic!("{key} of {vector}"))
}

/// The check of a message in the vectors: header, then signature.
fn verdict(vector: &Value, authorization: &str, body: &[u8]) -> &'static str {
    let Ok(header) = Authorization::parse(authorization.as_bytes()) else {
        return "Malformed";
    };
    let secret: AppSecret = text(vector, "appSecret").parse().unwrap();
    let message = Message { method: text(vector, "method"), base_url: "", target: text(vector, "url"), body };
    if signature::verify(&header, &secret, &message) { "good" } else { "InvalidSignature" }
}

#[test]
fn good_messages_verify_and_print_as_published() {
    for vector in list(&vectors(), "good") {
        let authorization = text(vector, "authorization");
        let body = text(vector, "body").as_bytes();
        assert_eq!(verdict(vector, authorization, body), "good", "{vector}");
        let header = Authorization::parse(authorization.as_bytes()).unwrap();
        assert_eq!(header.to_string(), authorization);

        let secret: AppSecret = text(vector, "appSecret").parse().unwrap();
        let url = text(vector, "url");
        let message =
            Message { method: text(vector, "method"), base_url: &url[..20], target: &url[20..], body };
        let signer = Signer { scheme: header.scheme, app_id: header.app_id, secret: &secret };
        let made = signer.sign(header.timestamp, &header.nonce, &message);
        assert_eq!(made.to_string(), text(vector, "sign"));
        assert_eq!(format!("{made:?}"), "Signature(..)");
        if header.scheme == Scheme::V2Sha256 {
            let signed_bytes = signer.transcript(header.timestamp, &header.nonce, &message);
            assert_eq!(hex::encode(Sha256::digest(&*signed_bytes)), text(vector, "sign"));
        }
    }
}

#[test]
fn tolerated_headers_verify() {
    let vectors = vectors();
    for vector in list(&vectors, "acceptedHeaders") {
        let of = list(&vectors, "good").iter().find(|good| good["name"] == vector["of"]).unwrap();
        let verdict = verdict(of, text(vector, "authorization"), text(of, "body").as_bytes());
        assert_eq!(verdict, "good", "{vector}");
    }
}

#[test]
fn refused_messages_get_their_verdict() {
    for vector in list(&vectors(), "refused") {
        let verdict = verdict(vector, text(vector, "authorization"), text(vector, "body").as_bytes());
        assert_eq!(verdict, text(vector, "verdict"), "{vector}");
    }
}

#[test]
fn an_extended_sign_is_right_and_its_body_is_refused() {
    let vectors = vectors();
    let vector = &vectors["lengthExtension"];
    let body = hex::decode(text(vector, "bodyHex")).unwrap();
    let mut signed = list(&vectors, "good")[0].clone();
    signed["url"] = vector["url"].clone();
    assert_eq!(verdict(&signed, text(vector, "authorization"), &body), "good");
    assert!(Object::parse_signed(&body).is_err());
}

#[test]
fn reflected_answer_is_refused_for_its_code() {
    let vectors = vectors();
    let mut vector = vectors["reflectedAnswer"].clone();
    vector["appSecret"] = list(&vectors, "good")[0]["appSecret"].clone();
    let body = text(&vector, "body").as_bytes();
    assert_eq!(verdict(&vector, text(&vector, "authorization"), body), "good");
    assert!(Object::parse_signed(body).is_err());
}

#[test]
fn an_answers_nonce_is_bound_to_its_request() {
    let vector = &vectors()["answerNonce"];
    let nonce: Nonce = text(vector, "requestNonce").parse().unwrap();
    for (finality, answer) in [(Finality::Settled, "answerNonce"), (Finality::Notice, "noticeNonce")] {
        for sign in [text(vector, "requestSign").to_owned(), text(vector, "requestSign").to_uppercase()] {
            let sign = Signature::parse(&sign).unwrap();
            assert_eq!(answer_nonce(finality, &nonce, &sign).as_str(), text(vector, answer));
        }
    }
}

/// What each answer proves about its request. A client without support for notices rejects them.
#[test]
fn finality_follows_from_the_nonce() {
    let vectors = vectors();
    let request = &list(&vectors, "good")[0];
    let asked = Authorization::parse(text(request, "authorization").as_bytes()).unwrap();
    for vector in list(&vectors["answers"], "cases") {
        let mut signed = vector.clone();
        for name in ["method", "url", "appSecret"] {
            signed[name] = request[name].clone();
        }
        let body = match vector["bodyHex"].as_str() {
            Some(digits) => hex::decode(digits).unwrap(),
            None => text(vector, "body").as_bytes().to_vec(),
        };
        let verdict = verdict(&signed, text(vector, "authorization"), &body);
        let header = Authorization::parse(text(vector, "authorization").as_bytes()).unwrap();
        let proven = match Finality::of_answer(&header.nonce, &asked.nonce, &asked.sign) {
            _ if verdict != "good" || Object::parse(&body).is_err() => "none",
            None => "none",
            Some(Finality::Settled) => "settled",
            Some(Finality::Notice) => "notice",
        };
        assert_eq!(proven, text(vector, "verdict"), "{vector}");
        let old = if proven == "settled" { "settled" } else { "none" };
        assert_eq!(old, text(vector, "beforeNotices"), "{vector}");
    }
}

#[test]
fn the_body_rules_hold() {
    let vectors = vectors();
    let bodies = &vectors["bodies"];
    for vector in list(bodies, "accepted") {
        let body = hex::decode(text(vector, "hex")).unwrap();
        assert!(Object::parse_signed(&body).is_ok(), "{vector}");
    }
    for vector in list(bodies, "refused") {
        let body = hex::decode(text(vector, "hex")).unwrap();
        let code = match Object::parse_signed(&body) {
            Ok(object) => AcceptRequest::parse(&object).map_or_else(|refused| refused.code(), |_| Code::Ok),
            Err(_) => Code::RequestMalformed,
        };
        assert_eq!(code, Code::RequestMalformed, "{vector}");
    }
}

#[test]
fn numbers_of_any_size_are_json() {
    assert!(Object::parse_signed(br#"{"later":[1e999,-0.0,123456789012345678901234567890]}"#).is_ok());
    assert!(Object::parse_signed(br#"{"later":01}"#).is_err());
}

/// A number makes the parser read level by level.
#[test]
fn body_is_read_the_same_with_and_without_a_number() {
    let nested = |open: &str, close: &str, levels: usize| {
        format!(r#""n":{}{}{}"#, open.repeat(levels), "[]", close.repeat(levels))
    };
    let members = [
        r#""n":null,"f":false,"t":[true,[],{}],"o":{"a":{"b":"c"}}"#,
        r#""s":"é \" \ud83d\ude00","\u006e\ud83d\ude00":"\/""#,
        &nested(r#"{"o":"#, "}", DEPTH_MAX - 2),
        &nested(r#"{"o":"#, "}", DEPTH_MAX - 1),
        &nested("[", "]", DEPTH_MAX - 2),
        &nested("[", "]", DEPTH_MAX - 1),
        r#""a":"\ud800","b":{"c":"","\u0063":""}"#,
        r#""b":{"c":"","\u0063":"\ud800"}"#,
        r#""a":"\ud800","\u0061":"""#,
        r#""code":"""#,
        r#""a":nul"#,
        r#""a":"\x""#,
        r#""a":[,]"#,
        r#""a":"b"},{"#,
    ];
    for members in members {
        let read = |first: &str| {
            format!("{:?}", Object::parse_signed(format!("{{\"x\":{first},{members}}}").as_bytes()))
        };
        assert_eq!(read("true"), read("1234").replace(r#"Number("1234")"#, "Bool(true)"), "{members}");
    }
}

#[test]
fn depth_counts_objects_and_arrays_alike() {
    for (open, close) in [(r#"{"a":"#, "}"), ("[", "]")] {
        for inner in ["1", "null"] {
            let is_accepted = |levels: usize| {
                let (open, close) = (open.repeat(levels - 1), close.repeat(levels - 1));
                Object::parse_signed(format!(r#"{{"a":{open}{inner}{close}}}"#).as_bytes()).is_ok()
            };
            assert_eq!([is_accepted(DEPTH_MAX), is_accepted(DEPTH_MAX + 1)], [true, false], "{open} {inner}");
        }
    }
}
