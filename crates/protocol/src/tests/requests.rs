//! What the requests accept and how they refuse: every faulty field by name, in one message.

use crate::Code;
use crate::body::Object;
use crate::dispute::{QueryRequest, ReceivedContest};
use crate::fields::RequestBody;
use crate::file::GenerateUploadUrlRequest;
use crate::merchant_call::MerchantCall;
use crate::operator::{AppSettings, OpenDispute, OperatorAction, OperatorActionKind, RotateSecret};

const URI: &str = "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png";

fn refusal<T: RequestBody>(body: &str) -> (Code, String) {
    let object = Object::parse_signed(body.as_bytes()).unwrap();
    match T::parse(&object) {
        Ok(_) => (Code::Ok, String::new()),
        Err(refused) => (refused.code(), refused.to_string()),
    }
}

#[test]
fn a_call_is_named_by_the_end_of_its_path() {
    let names: Vec<_> = MerchantCall::ALL.iter().map(|call| call.name()).collect();
    assert_eq!(names, ["generateUploadUrl", "contest", "accept", "query"]);
    assert_eq!(MerchantCall::at("/pg/v2/dispute/accept"), Some(MerchantCall::Accept));
    assert_eq!(MerchantCall::at("/pg/v2/dispute/accept/"), None);
}

/// An item without a `storageUri` is refused later, with the code of missing evidence.
#[test]
fn a_contest_reads_each_url_that_is_a_storage_uri() {
    let item = |url: &str| format!(r#"{{"type":"OTHER","name":"n","url":"{url}"}}"#);
    let body = format!(r#"{{"disputeNo":"1","evidenceList":[{},{}]}}"#, item(URI), item("https://a/b.png"));
    let contest = ReceivedContest::parse(&Object::parse_signed(body.as_bytes()).unwrap()).unwrap();
    let urls: Vec<_> = contest.evidence_list.iter().map(|item| item.url).collect();
    assert_eq!(urls, [Some(URI.parse().unwrap()), None]);
}

#[test]
fn a_contest_names_every_faulty_field() {
    let (code, message) = refusal::<ReceivedContest>(
        r#"{"disputeNo":"","evidenceList":[{"type":"receipt","name":"","url":""},{"type":"REFUND","name":null}]}"#,
    );
    assert_eq!(code, Code::InvalidParameter);
    for field in [
        "disputeNo must be 1 to 32",
        "evidenceList[0].type must be one of OTHER REFUND RECEIPT DEFAULT",
        "evidenceList[0].name must have 1 to 128",
        "evidenceList[0].url must not be empty",
        "evidenceList[1].name is missing",
        "evidenceList[1].url is missing",
    ] {
        assert!(message.contains(field), "{field:?} is not in {message:?}");
    }
}

#[test]
fn wrong_type_takes_precedence_over_invalid_fields() {
    for body in [
        r#"{"disputeNo":7,"evidenceList":[]}"#,
        r#"{"disputeNo":"","evidenceList":{}}"#,
        r#"{"disputeNo":"","evidenceList":["x"]}"#,
        r#"{"disputeNo":"","evidenceList":[{"type":1}]}"#,
    ] {
        assert_eq!(refusal::<ReceivedContest>(body).0, Code::RequestMalformed, "{body}");
    }
}

#[test]
fn one_file_is_named_once_and_twenty_items_are_the_most() {
    let item = format!(r#"{{"type":"OTHER","name":"n","url":"{URI}"}}"#);
    let other = item.replace("a.png", "b.png");
    let (code, message) =
        refusal::<ReceivedContest>(&format!(r#"{{"disputeNo":"1","evidenceList":[{other},{item},{item}]}}"#));
    assert_eq!(code, Code::InvalidParameter);
    assert!(message.contains("evidenceList[2].url is the same as that of evidenceList[1]"), "{message}");

    let items = |count: usize| {
        let items: Vec<_> = (0..count)
            .map(|number| {
                format!(
                    r#"{{"type":"OTHER","name":"n","url":"s3://uploaded/m/80/open/dispute-evidence/{number:032x}.png"}}"#
                )
            })
            .collect();
        format!(r#"{{"disputeNo":"1","evidenceList":[{}]}}"#, items.join(","))
    };
    assert_eq!(refusal::<ReceivedContest>(&items(20)).0, Code::Ok);
    assert_eq!(refusal::<ReceivedContest>(&items(21)).0, Code::InvalidParameter);
    assert_eq!(refusal::<ReceivedContest>(&items(0)).0, Code::InvalidParameter);
}

#[test]
fn a_query_takes_exactly_one_key() {
    for (body, code) in [
        (r#"{"disputeNo":"1"}"#, Code::Ok),
        (r#"{"paymentNo":"P 1","disputeNo":null}"#, Code::Ok),
        (r#"{}"#, Code::InvalidParameter),
        (r#"{"paymentNo":"1","disputeNo":"1"}"#, Code::InvalidParameter),
        (r#"{"merchantTradeNo":""}"#, Code::InvalidParameter),
        (r#"{"merchantTradeNo":1}"#, Code::RequestMalformed),
    ] {
        assert_eq!(refusal::<QueryRequest>(body).0, code, "{body}");
    }
}

#[test]
fn upload_has_a_known_format_and_matching_content_type() {
    let format = |body: &str| {
        let object = Object::parse_signed(body.as_bytes()).unwrap();
        match GenerateUploadUrlRequest::parse(&object) {
            Ok(request) => request.format().map_or_else(|(code, _)| code, |_| Code::Ok),
            Err(refused) => refused.code(),
        }
    };
    let xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    for (filename, content_type, code) in [
        ("a.png", "", Code::Ok),
        ("A.PNG", "image/png", Code::Ok),
        ("a.jpg", "image/jpg", Code::Ok),
        ("a.b.jpeg", "image/jpeg", Code::Ok),
        ("my receipt.pdf", "application/pdf", Code::Ok),
        ("a.xls", "application/vnd.ms-excel", Code::Ok),
        ("a.xlsx", xlsx, Code::Ok),
        ("a.png", xlsx, Code::UnsupportedFileType),
        ("a.png", "image/jpeg", Code::UnsupportedFileType),
        ("a.exe", "", Code::UnsupportedFileType),
        ("a.png", "image/png; charset=binary; q=0.99999", Code::InvalidParameter),
        ("png", "", Code::InvalidParameter),
        (".png", "", Code::InvalidParameter),
        ("a/b.png", "", Code::InvalidParameter),
        ("a\\u0007b.png", "", Code::InvalidParameter),
        ("receipt.", "", Code::InvalidParameter),
        ("a\\\\b.png", "", Code::InvalidParameter),
        ("a23456789012345678901234567890.png", "", Code::InvalidParameter),
    ] {
        let content_type = match content_type {
            "" => String::new(),
            content_type => format!(r#","contentType":"{content_type}""#),
        };
        let body = format!(r#"{{"filename":"{filename}","scene":"DISPUTE_EVIDENCE"{content_type}}}"#);
        assert_eq!(format(&body), code, "{body}");
    }
}

#[test]
fn an_operators_misspelt_member_is_refused() {
    let object = Object::parse(br#"{"outcom":"WON","outcome":"WON"}"#).unwrap();
    let message = OperatorAction::parse(OperatorActionKind::Resolve, &object).unwrap_err().to_string();
    assert!(message.contains("outcom is unknown"), "{message}");
    assert!("delete".parse::<OperatorActionKind>().is_err());
    // A null under an unknown name is refused, too: it is a misspelt member.
    let settings = AppSettings::parse(&Object::parse(br#"{"notifyURL":null}"#).unwrap());
    assert!(settings.unwrap_err().to_string().contains("notifyURL is unknown"));
    let reordered = Object::parse(r#"{"a\u202eb\u0007\u2066":1}"#.as_bytes()).unwrap();
    let message = AppSettings::parse(&reordered).unwrap_err().to_string();
    assert!(message.starts_with(r"a\u{202e}b\u{7}\u{2066} is unknown"), "{message}");
}

#[test]
fn unchanged_fields_are_omitted_and_removed_ones_null() {
    let written = |settings: &AppSettings| serde_json::to_string(settings).unwrap();
    assert_eq!(written(&AppSettings::default()), "{}");
    let silenced = AppSettings { notify_url: Some(None), ..AppSettings::default() };
    assert_eq!(written(&silenced), r#"{"notifyUrl":null}"#);
    assert_eq!(AppSettings::parse(&Object::parse(br#"{"notifyUrl":null}"#).unwrap()), Ok(silenced));
}

#[test]
fn integer_may_have_a_zero_fraction() {
    let rotate = |seconds: &str| {
        let body = format!(r#"{{"overlapSeconds":{seconds}}}"#);
        RotateSecret::parse(&Object::parse(body.as_bytes()).unwrap()).map(|asked| asked.overlap_seconds).ok()
    };
    for (written, read) in [("86400", 86_400), ("86400.0", 86_400), ("0.000", 0)] {
        assert_eq!(rotate(written), Some(read), "{written}");
    }
    for wrong in ["86400.5", "-1", "-0.5", "7776001.0", "1e3", "0.0000001"] {
        assert_eq!(rotate(wrong), None, "{wrong}");
    }
}

#[test]
fn opening_a_dispute_reads_amounts_in_their_currency() {
    let body = |amount: &str, currency: &str| {
        format!(
            r#"{{"merchantId":80,"paymentNo":"P1","merchantTradeNo":"T1","paymentAmount":"{amount}",
            "disputeAmount":"1","currency":"{currency}","disputeReason":"Not received","type":"CHARGEBACK",
            "deadline":"2030-01-01T00:00:00Z"}}"#
        )
    };
    let open = |body: &str| OpenDispute::parse(&Object::parse(body.as_bytes()).unwrap());
    assert_eq!(open(&body("1.234", "KWD")).unwrap().payment_amount.to_string(), "1.234");
    let message = open(&body("1.234", "USD")).unwrap_err().to_string();
    assert!(message.contains("paymentAmount must be a decimal"), "{message}");
}

#[test]
fn listed_faults_are_bounded() {
    let items = |count: usize, item: &str| {
        format!(r#"{{"disputeNo":"1","evidenceList":[{}]}}"#, vec![item; count].join(","))
    };
    let same = format!(r#"{{"type":"OTHER","name":"n","url":"{URI}"}}"#);
    for item in [same.as_str(), "{}"] {
        let (_, message) = refusal::<ReceivedContest>(&items(21, item));
        assert_eq!(message, "evidenceList must have 1 to 20 items");
    }
    let (_, message) = refusal::<ReceivedContest>(&items(20, "{}"));
    assert!(message.ends_with("; evidenceList[19].url is missing"), "every item in its bounds: {message}");
    let (code, message) = refusal::<ReceivedContest>(&items(500, "7"));
    assert_eq!(code, Code::RequestMalformed);
    assert!(message.ends_with("evidenceList[63] must be an object; and 436 more"), "{message}");
}

#[test]
fn a_scene_has_its_size_limit() {
    let body = format!(r#"{{"filename":"a.png","scene":"{}"}}"#, "S".repeat(51));
    let (code, message) = refusal::<GenerateUploadUrlRequest>(&body);
    assert_eq!((code, message.as_str()), (Code::InvalidParameter, "scene must have 1 to 50 characters"));
    let (_, message) = refusal::<GenerateUploadUrlRequest>(r#"{"filename":"a.png","scene":"OTHER"}"#);
    assert_eq!(message, "scene must be one of DISPUTE_EVIDENCE");
}
