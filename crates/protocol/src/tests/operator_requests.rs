//! The gateway parses what the command line serializes, each request of the operator API by one type.

use crate::body::Object;
use crate::code::{Code, Resend};
use crate::fields::BadRequest;
use crate::operator::{
    AppSettings, ChangeMerchant, CreateMerchant, CreateToken, EndOverlap, OpenDispute, OperatorAction,
    OperatorActionKind, RevokeToken, RotateSecret,
};
use serde::Serialize;
use serde_json::Value;

fn rewritten<T: Serialize>(body: &str, parse: impl Fn(&Object<'_>) -> Result<T, BadRequest>) -> String {
    let read = |body: &str| parse(&Object::parse(body.as_bytes()).unwrap());
    let misspelt = format!(r#"{{"misspelt":1{}{}"#, if body == "{}" { "" } else { "," }, &body[1..]);
    let refused = read(&misspelt).err().unwrap().to_string();
    assert!(refused.starts_with("misspelt is unknown"), "{refused}");
    serde_json::to_string(&read(body).unwrap()).unwrap()
}

#[test]
fn a_request_is_read_as_it_is_written() {
    let deadline = r#""deadline":"2030-01-01T00:00:00.000+00:00""#;
    let action = |kind: OperatorActionKind| move |object: &Object<'_>| OperatorAction::parse(kind, object);
    let merchant = r#"{"name":"Nordlys Coffee","timeZone":"Europe/Oslo"}"#;
    assert_eq!(rewritten(merchant, CreateMerchant::parse), merchant);
    for part in [merchant, "{}", r#"{"name":"N"}"#, r#"{"timeZone":"UTC"}"#] {
        assert_eq!(rewritten(part, ChangeMerchant::parse), part);
    }
    let settings = r#"{"notifyUrl":"https://shop.example/hook","scheme":"V2_HMAC_SHA256","enabled":false}"#;
    assert_eq!(rewritten(settings, AppSettings::parse), settings);
    let token = r#"{"name":"night","role":"viewer"}"#;
    assert_eq!(rewritten(token, CreateToken::parse), token);
    assert_eq!(rewritten("{}", RevokeToken::parse), "{}");
    assert_eq!(rewritten("{}", EndOverlap::parse), "{}");
    let rotation = r#"{"overlapSeconds":60}"#;
    assert_eq!(rewritten(rotation, RotateSecret::parse), rotation);
    for (kind, body) in [
        (OperatorActionKind::Resolve, r#"{"outcome":"LOST","note":"n"}"#.to_owned()),
        (OperatorActionKind::RequestEvidence, format!(r#"{{{deadline},"note":"n"}}"#)),
        (OperatorActionKind::Extend, format!("{{{deadline}}}")),
        (OperatorActionKind::Advance, format!(r#"{{"type":"ARBITRATION",{deadline}}}"#)),
        (OperatorActionKind::Withdraw, r#"{"note":"n"}"#.to_owned()),
    ] {
        assert_eq!(rewritten(&body, action(kind)), body);
        let parsed = OperatorAction::parse(kind, &Object::parse(body.as_bytes()).unwrap()).unwrap();
        assert_eq!(parsed.kind(), kind);
    }
    let dispute = format!(
        r#"{{"disputeNo":"D1","merchantId":80,"paymentNo":"P1","merchantTradeNo":"T1","paymentAmount":"100.05","disputeAmount":"99.00","currency":"USD","disputeReason":"Not received","reasonCode":"13.1","type":"CHARGEBACK","rrn":"R1",{deadline}}}"#
    );
    assert_eq!(rewritten(&dispute, OpenDispute::parse), dispute);
    let written: Value = serde_json::from_str(&rewritten(&dispute, OpenDispute::parse)).unwrap();
    for required in
        ["merchantId", "paymentNo", "merchantTradeNo", "currency", "disputeReason", "type", "deadline"]
    {
        let mut body = written.clone();
        body[required] = Value::Null;
        let refused = OpenDispute::parse(&Object::parse(body.to_string().as_bytes()).unwrap()).unwrap_err();
        assert_eq!(refused.to_string(), format!("{required} is missing"));
    }
}

/// The last column of contract §7.
#[test]
fn a_code_says_when_its_request_may_be_sent_again() {
    for code in Code::ALL {
        let expected = match code.as_str() {
            "Common.Auth.StaleTimestamp" | "Common.Auth.ReplayedNonce" => Resend::FreshHeader,
            "Common.RateLimited" | "Common.System.Error" | "Common.System.Unavailable" => Resend::Later,
            "Common.System.OutcomeUnknown" => Resend::QueryFirst,
            "Evidence.NotUploaded" => Resend::AfterUploading,
            "File.ContentMismatch" => Resend::AnotherFile,
            _ => Resend::No,
        };
        assert_eq!(code.resend(), expected, "{code}");
    }
    let newer = Code::from("Dispute.Asleep");
    assert_eq!((newer.to_string().as_str(), newer.resend()), ("Dispute.Asleep", Resend::No));
    assert_eq!(newer.meaning(), "A code that this version does not know.");
    let words = Resend::ALL.map(Resend::as_str);
    assert_eq!(
        words,
        ["no", "with a fresh header", "later", "query first", "after uploading", "with another file"]
    );
    for resend in Resend::ALL {
        assert!(resend.advice().ends_with('.') && resend.advice().len() > 40, "{resend:?}");
    }
}
