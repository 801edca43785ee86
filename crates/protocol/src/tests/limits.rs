//! The limits of the contract as literal numbers, each tested at the limit and one beyond.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Value, json};
use utoipa::{PartialSchema, ToSchema as _};

use crate::body::{BODY_MAX_BYTES, JsonValue, Malformed, Object};
use crate::dispute::ReceivedContest;
use crate::fields::RequestBody as _;
use crate::file::{Filename, GenerateUploadUrlRequest};
use crate::operator::answers::SecretText;
use crate::operator::{
    AppSettings, NotifyUrl, OpenDispute, OperatorAction, OperatorActionKind, PAGE_MAX, RotateSecret,
    TimeZoneName, TokenName,
};
use crate::text::{DisputeReason, MerchantName, Note, ReasonCode, Rrn};
use crate::{
    AppId, AppSecret, Authorization, Currency, DisputeNo, EvidenceName, MerchantId, MerchantTradeNo, Nonce,
    PaymentNo, Scheme, StorageUri, UnixMillis,
};

/// Whether a text is parsed and serialized unchanged.
fn is_read<T: FromStr + Display>(text: &str) -> bool {
    text.parse::<T>().is_ok_and(|value| value.to_string() == text)
}

#[test]
fn a_text_has_as_many_characters_as_the_contract_says() {
    type IsRead = fn(&str) -> bool;
    let texts: [(&str, IsRead, usize, usize); 11] = [
        ("disputeNo", is_read::<DisputeNo>, 1, 32),
        ("paymentNo", is_read::<PaymentNo>, 1, 32),
        ("merchantTradeNo", is_read::<MerchantTradeNo>, 1, 50),
        ("evidence name", is_read::<EvidenceName>, 1, 128),
        ("nonce", is_read::<Nonce>, 16, 64),
        ("rrn", is_read::<Rrn>, 1, 32),
        ("disputeReason", is_read::<DisputeReason>, 1, 256),
        ("reasonCode", is_read::<ReasonCode>, 1, 32),
        ("merchant name", is_read::<MerchantName>, 1, 128),
        ("note", is_read::<Note>, 1, 1_000),
        ("token name", is_read::<TokenName>, 1, 64),
    ];
    for (name, is_read, min, max) in texts {
        let lengths = [min - 1, min, max, max + 1];
        let read = lengths.map(|length| is_read(&"a".repeat(length)));
        assert_eq!(read, [false, true, true, false], "{name}");
    }
    let filename = |length: usize| format!("{}.png", "a".repeat(length - 4)).parse::<Filename>();
    assert_eq!(filename(32).unwrap().as_str().len(), 32);
    assert!(filename(33).is_err());
    let notify_url = |length: usize| is_read::<NotifyUrl>(&format!("https://h/{}", "a".repeat(length - 10)));
    assert_eq!((notify_url(2_048), notify_url(2_049)), (true, false));
    assert_eq!(PAGE_MAX, 200);
}

#[test]
fn a_content_type_has_32_characters_or_is_registered() {
    let code = |content_type: &str| {
        let body =
            format!(r#"{{"filename":"a.png","scene":"DISPUTE_EVIDENCE","contentType":"{content_type}"}}"#);
        let parsed = GenerateUploadUrlRequest::parse(&Object::parse(body.as_bytes()).unwrap());
        parsed.map_or_else(|refused| refused.to_string(), |_| "read".to_owned())
    };
    assert_eq!(code(&"a".repeat(32)), "read");
    assert_eq!(code(&"a".repeat(33)), "contentType must have 1 to 32 characters");
}

#[test]
fn a_merchant_has_a_number_of_31_bits() {
    let numbers = ["0", "1", "2147483647", "2147483648", "01", "+1"];
    let read = numbers.map(is_read::<MerchantId>);
    assert_eq!(read, [false, true, true, false, false, false]);
    assert_eq!(MerchantId::LAST.to_string(), "2147483647");
    let json = |text: &str| serde_json::from_str::<MerchantId>(text);
    assert_eq!(serde_json::to_string(&json("80").unwrap()).unwrap(), "80");
    assert!(json("0").is_err() && json("\"80\"").is_err());
}

#[test]
fn a_timestamp_has_13_digits_and_ends_in_2286() {
    let header = |timestamp: &str| {
        let (app_id, sign) = ("0".repeat(32), "a".repeat(64));
        let header = format!("V2_SHA256 appId={app_id},sign={sign},timestamp={timestamp},nonce={app_id}");
        Authorization::parse(header.as_bytes())
    };
    let timestamps = ["999999999999", "9999999999999", "10000000000000", "+999999999999", "99999999999x9"];
    assert_eq!(timestamps.map(|text| header(text).is_ok()), [false, true, false, false, false]);
    assert_eq!(header("0000000000007").unwrap().timestamp, UnixMillis(7));
    let last = "2286-11-20T17:46:39.999Z";
    assert_eq!(UnixMillis::from_rfc3339(last).unwrap(), UnixMillis(9_999_999_999_999));
    assert!(UnixMillis::from_rfc3339("2286-11-20T17:46:40Z").is_err());
    assert_eq!(UnixMillis::from_rfc3339("1970-01-01T00:00:00Z").unwrap(), UnixMillis(0));
    let second = Duration::from_secs(1);
    assert_eq!((UnixMillis(5) + second, UnixMillis(1_005) - second), (UnixMillis(1_005), UnixMillis(5)));
    assert_eq!(UnixMillis(-5).to_string(), "-5");
}

#[test]
fn a_header_has_at_most_1024_bytes() {
    let (app_id, sign) = ("0".repeat(32), "a".repeat(64));
    let header = format!("V2_SHA256 appId={app_id},sign={sign},timestamp=1772769601123,nonce={app_id}");
    let padded = |length: usize| format!("{header}{}", " ".repeat(length - header.len()));
    assert!(Authorization::parse(padded(1_024).as_bytes()).is_ok());
    assert!(Authorization::parse(padded(1_025).as_bytes()).is_err());
}

#[test]
fn a_body_has_64_kib_and_16_levels() {
    assert_eq!(BODY_MAX_BYTES, 65_536);
    let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    assert!(Object::parse(nested(16).as_bytes()).is_ok());
    assert_eq!(Object::parse(nested(17).as_bytes()).unwrap_err(), Malformed::TooDeep);
}

#[test]
fn a_member_given_twice_is_found_among_few_and_many() {
    for count in [2, 16, 40] {
        for (first, second) in [(0, 1), (0, count - 1), (count - 2, count - 1)] {
            let mut names: Vec<_> = (0..count).map(|number| format!("n{number}")).collect();
            let body = |names: &[String]| {
                let members: Vec<_> = names.iter().map(|name| format!("\"{name}\":1")).collect();
                format!(r#"{{"outer":{{{}}}}}"#, members.join(","))
            };
            assert!(Object::parse(body(&names).as_bytes()).is_ok(), "{count} names");
            names[second] = names[first].clone();
            let twice = Malformed::TwiceNamed(names[first].clone());
            assert_eq!(Object::parse(body(&names).as_bytes()).unwrap_err(), twice, "{count} names");
        }
    }
}

#[test]
fn a_null_member_counts_as_left_out() {
    let object = Object::parse(br#"{"a":null,"b":1,"code":2}"#).unwrap();
    assert_eq!(object.names().collect::<Vec<_>>(), ["a", "b", "code"]);
    assert_eq!(object.members().map(|(name, _)| name).collect::<Vec<_>>(), ["b", "code"]);
    assert_eq!(object.member("b"), Some(&JsonValue::Number("1")));
    assert!(object.member("a").is_none() && object.member("c").is_none());
    assert_eq!([object.is_null("a"), object.is_null("b"), object.is_null("c")], [true, false, false]);
}

#[test]
fn at_most_64_faults_are_listed() {
    let message = |count: usize| {
        let body = format!(r#"{{"disputeNo":"1","evidenceList":[{}]}}"#, vec!["7"; count].join(","));
        ReceivedContest::parse(&Object::parse(body.as_bytes()).unwrap()).unwrap_err().to_string()
    };
    assert!(message(64).ends_with("; evidenceList[63] must be an object"), "{}", message(64));
    assert!(message(65).ends_with("; evidenceList[63] must be an object; and 1 more"), "{}", message(65));
}

#[test]
fn an_unknown_name_is_repeated_up_to_64_characters() {
    for (length, repeated) in [(63, 63), (64, 64), (65, 64)] {
        let body = format!(r#"{{"{}":1}}"#, "n".repeat(length));
        let object = Object::parse(body.as_bytes()).unwrap();
        let message = OperatorAction::parse(OperatorActionKind::Withdraw, &object).unwrap_err().to_string();
        assert!(message.starts_with(&format!("{} is unknown", "n".repeat(repeated))), "{message}");
    }
}

#[test]
fn an_overlap_lasts_at_most_90_days() {
    let rotate = |body: &str| {
        let parsed = RotateSecret::parse(&Object::parse(body.as_bytes()).unwrap());
        parsed.map(|request| request.overlap_seconds).map_err(|refused| refused.to_string())
    };
    assert_eq!(rotate(r#"{"overlapSeconds":0}"#), Ok(0));
    assert_eq!(rotate(r#"{"overlapSeconds":7776000}"#), Ok(7_776_000));
    let beyond = "overlapSeconds must be a whole number from 0 to 7776000".to_owned();
    assert_eq!(rotate(r#"{"overlapSeconds":7776001}"#), Err(beyond));
    assert_eq!(rotate("{}"), Err("overlapSeconds is missing".to_owned()));
    assert_eq!(rotate(r#"{"overlapSeconds":"1"}"#), Err("overlapSeconds must be a number".to_owned()));
    let enabled = |value: &str| {
        let body = format!(r#"{{"enabled":{value}}}"#);
        let parsed = AppSettings::parse(&Object::parse(body.as_bytes()).unwrap());
        parsed.map(|settings| settings.enabled).map_err(|refused| refused.to_string())
    };
    assert_eq!(
        (enabled("true"), enabled("false"), enabled("null")),
        (Ok(Some(true)), Ok(Some(false)), Ok(None))
    );
    assert_eq!(enabled("1"), Err("enabled must be true or false".to_owned()));
}

#[test]
fn identifiers_are_written_in_their_one_form() {
    let app_id = AppId::from_bytes([0xab; 16]);
    assert_eq!(app_id.to_string(), "ab".repeat(16));
    assert_eq!(format!("{app_id:?}"), format!("AppId({app_id})"));
    assert_eq!(app_id.as_bytes(), &[0xab; 16]);
    assert!(!is_read::<AppId>(&"AB".repeat(16)) && !is_read::<AppId>(&"ab".repeat(15)));
    let secret: AppSecret = "ab".repeat(16).parse().unwrap();
    assert_eq!(format!("{secret:?}"), "AppSecret(..)");
    assert_eq!(Nonce::from_bytes([0xab; 16]).as_str(), "AB".repeat(16));
    assert_eq!(DisputeNo::from_bytes([0xab; 16]).as_str(), "ab".repeat(16));
    let uri = "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png";
    assert!(is_read::<StorageUri>(uri));
    for character in ["-", "_", "9", "Z"] {
        assert!(is_read::<DisputeNo>(character), "{character}");
    }
    for character in [".", "/", " ", "é"] {
        assert!(!is_read::<DisputeNo>(character), "{character}");
    }
}

#[test]
fn an_operators_values_are_kept_as_sent() {
    for unknown in ["", "Factory", "factory", "Mars/Olympus"] {
        assert!(unknown.parse::<TimeZoneName>().is_err(), "{unknown}");
    }
    let zone: TimeZoneName = "Asia/Shanghai".parse().unwrap();
    assert_eq!((zone.as_str(), zone.zone().iana_name()), ("Asia/Shanghai", Some("Asia/Shanghai")));
    assert_eq!("https://a/b".parse::<NotifyUrl>().unwrap().as_str(), "https://a/b");
    assert_eq!("night-shift".parse::<TokenName>().unwrap().as_str(), "night-shift");
    assert_eq!(SecretText::from("secret".to_owned()).expose(), "secret");
}

/// One type for each form of schema. The server's tests try every pattern of the document.
#[test]
fn a_schema_states_the_limits_of_its_parser() {
    fn schema<T: PartialSchema>() -> Value {
        serde_json::to_value(T::schema()).unwrap()
    }
    for (schema, keyword, value) in [
        (schema::<SecretText>(), "type", json!("string")),
        (schema::<AppId>(), "pattern", json!("^[0-9a-f]{32}$")),
        (schema::<TimeZoneName>(), "format", json!("iana-time-zone")),
        (schema::<Scheme>(), "enum", json!(["V2_SHA256", "V2_HMAC_SHA256"])),
        (schema::<MerchantId>(), "maximum", json!(2_147_483_647)),
        (schema::<Note>(), "maxLength", json!(1_000)),
        (
            schema::<StorageUri>(),
            "pattern",
            json!(
                r"^s3://uploaded/m/[1-9][0-9]{0,9}/(open/dispute-evidence/[0-9a-f]{32}\.(jpg|jpeg|png|pdf|xls|xlsx))$"
            ),
        ),
        (
            schema::<Filename>(),
            "pattern",
            json!(concat!(
                r"^[^/\\\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+",
                r"\.([jJ][pP][gG]|[jJ][pP][eE][gG]|[pP][nN][gG]|[pP][dD][fF]|[xX][lL][sS]|[xX][lL][sS][xX])$",
            )),
        ),
        (schema::<OpenDispute>(), "additionalProperties", json!(false)),
    ] {
        assert_eq!(schema[keyword], value, "{schema}");
    }
    let currencies: Vec<Currency> = serde_json::from_value(schema::<Currency>()["enum"].clone()).unwrap();
    assert!(currencies.len() > 150 && currencies.contains(&"USD".parse().unwrap()), "{currencies:?}");
    let mut components = Vec::new();
    OpenDispute::schemas(&mut components);
    assert!(components.iter().any(|(name, _)| name == "Currency"));
}
