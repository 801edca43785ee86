//! Contract §1: which headers are tolerated and which are refused.

use rebuttal_testbed::test_gateway::QUERY;
use rebuttal_testbed::{SignedCall, TestGateway};
use serde_json::json;

use crate::common::{each, test_gateway};

fn query(fixture: &TestGateway) -> SignedCall {
    fixture.call(QUERY, &json!({ "disputeNo": "never-opened" }))
}

/// The call with a header that is assembled differently.
fn written(fixture: &TestGateway, write: impl Fn(&Parts) -> String) -> SignedCall {
    let mut call = query(fixture);
    let (sign, app) = (call.sign(), call.signer.app_id.clone());
    let parts = Parts { app, sign, timestamp: call.timestamp.clone(), nonce: call.nonce.clone() };
    call.authorization_instead = Some(write(&parts));
    call
}

struct Parts {
    app: String,
    sign: String,
    timestamp: String,
    nonce: String,
}

impl Parts {
    fn plain(&self) -> String {
        let Self { app, sign, timestamp, nonce } = self;
        format!("V2_SHA256 appId={app},sign={sign},timestamp={timestamp},nonce={nonce}")
    }
}

#[test]
fn tolerated_headers_are_accepted() {
    let fixture = test_gateway();
    let s = &fixture;
    let header = |name: &str, value: Option<&str>| query(s).with_header(name, value);
    let cases = [
        ("as printed", query(s)),
        ("any Accept", header("Accept", Some("*/*"))),
        ("no Accept", header("Accept", None)),
        ("charset", header("Content-Type", Some("application/json; charset=utf-8"))),
        ("charset in capitals", header("Content-Type", Some("application/json;charset=UTF-8"))),
        ("media type in capitals", header("Content-Type", Some("Application/JSON"))),
        ("several Accepts", header("Accept", Some("text/plain, application/json"))),
        ("spaces before the scheme", written(s, |p| format!("    {}", p.plain()))),
        ("spaces after the scheme", written(s, |p| p.plain().replacen(' ', "    ", 1))),
        ("spaces after commas", written(s, |p| p.plain().replace(',', ",  "))),
        ("spaces before commas", written(s, |p| p.plain().replace(',', "  ,"))),
        ("spaces around commas", written(s, |p| p.plain().replace(',', " , "))),
        (
            "another order",
            written(s, |p| {
                let Parts { app, sign, timestamp, nonce } = p;
                format!("V2_SHA256 nonce={nonce},timestamp={timestamp},sign={sign},appId={app}")
            }),
        ),
        ("sign in capitals", written(s, |p| p.plain().replace(&p.sign, &p.sign.to_uppercase()))),
    ];
    // NotFound is the code of a well-formed, correctly signed request here.
    each(cases, |call| call.send(fixture.address()).is("Dispute.NotFound"));
}

#[test]
fn malformed_headers_are_rejected_unsigned() {
    let fixture = test_gateway();
    let s = &fixture;
    let without = |name: &'static str| {
        written(s, move |p| {
            let plain = p.plain();
            let fields = plain.strip_prefix("V2_SHA256 ").unwrap();
            let kept: Vec<_> = fields.split(',').filter(|field| !field.starts_with(name)).collect();
            format!("V2_SHA256 {}", kept.join(","))
        })
    };
    let emptied = |name: &'static str| {
        written(s, move |p| {
            let plain = p.plain();
            let fields = plain.strip_prefix("V2_SHA256 ").unwrap();
            let empty =
                |field: &str| if field.starts_with(name) { format!("{name}=") } else { field.to_owned() };
            format!("V2_SHA256 {}", fields.split(',').map(empty).collect::<Vec<_>>().join(","))
        })
    };
    let quoted = |part: fn(&Parts) -> &str| {
        written(s, move |p| p.plain().replace(&format!("={}", part(p)), &format!("=\"{}\"", part(p))))
    };
    let nonce_of = |nonce: String| written(s, move |p| p.plain().replace(&p.nonce, &nonce));
    let cases = [
        ("no appId", without("appId")),
        ("no sign", without("sign")),
        ("no timestamp", without("timestamp")),
        ("no nonce", without("nonce")),
        ("empty appId", emptied("appId")),
        ("empty sign", emptied("sign")),
        ("empty timestamp", emptied("timestamp")),
        ("empty nonce", emptied("nonce")),
        ("unknown field", written(s, |p| format!("{},version=2", p.plain()))),
        ("quoted appId", quoted(|p| &p.app)),
        ("quoted sign", quoted(|p| &p.sign)),
        ("quoted timestamp", quoted(|p| &p.timestamp)),
        ("quoted nonce", quoted(|p| &p.nonce)),
        ("appId twice", written(s, |p| format!("{},appId={}", p.plain(), p.app))),
        ("nonce twice", written(s, |p| format!("{},nonce={}", p.plain(), p.nonce))),
        ("comma at the end", written(s, |p| format!("{},", p.plain()))),
        ("two commas", written(s, |p| p.plain().replacen(',', ",,", 1))),
        ("semicolons", written(s, |p| p.plain().replace(',', ";"))),
        ("unknown scheme", written(s, |p| p.plain().replace("V2_SHA256", "V1_MD5"))),
        ("no scheme", written(s, |p| p.plain().replace("V2_SHA256 ", ""))),
        ("nothing but the scheme", written(s, |_| "V2_SHA256".to_owned())),
        ("nothing", written(s, |_| String::new())),
        ("bearer", written(s, |_| "Bearer abcdef".to_owned())),
        ("short sign", written(s, |p| p.plain().replace(&p.sign, &p.sign[..63]))),
        ("long sign", written(s, |p| p.plain().replace(&p.sign, &format!("{}0", p.sign)))),
        ("sign not hex", written(s, |p| p.plain().replace(&p.sign, &"z".repeat(64)))),
        ("timestamp in seconds", written(s, |p| p.plain().replace(&p.timestamp, &p.timestamp[..10]))),
        (
            "timestamp of 14 digits",
            written(s, |p| p.plain().replace(&p.timestamp, &format!("0{}", p.timestamp))),
        ),
        (
            "timestamp with sign",
            written(s, |p| p.plain().replace(&p.timestamp, &format!("+{}", &p.timestamp[1..]))),
        ),
        ("nonce of 15", nonce_of("A".repeat(15))),
        ("nonce of 65", nonce_of("A".repeat(65))),
        ("nonce with slash", nonce_of(format!("{}/", "A".repeat(20)))),
        ("nonce beyond ASCII", nonce_of(format!("{}é", "A".repeat(20)))),
    ];
    each(cases, |call| call.send_for_unsigned(fixture.address()).is("Common.Auth.Malformed"));
}

#[test]
fn missing_or_duplicate_header_is_rejected_unsigned() {
    let fixture = test_gateway();
    let mut none = query(&fixture).request();
    none.headers.retain(|(name, _)| name != "Authorization");
    let twice = query(&fixture);
    let other = query(&fixture).authorization();
    let both_same = twice.request().header("Authorization", twice.authorization());
    let both_other = twice.request().header("authorization", other);
    each([("none", none), ("the same twice", both_same), ("two", both_other)], |request| {
        let response = request.send(fixture.address()).unwrap();
        assert_eq!(response.header("authorization"), None);
        rebuttal_testbed::Answer::checked(response).is("Common.Auth.Malformed");
    });
}

#[test]
fn other_media_types_and_encodings_are_rejected_signed() {
    let fixture = test_gateway();
    let of = |name: &'static str, value: Option<&'static str>| query(&fixture).with_header(name, value);
    let unsupported = [
        ("none", of("Content-Type", None)),
        ("text", of("Content-Type", Some("text/plain"))),
        ("a form", of("Content-Type", Some("application/x-www-form-urlencoded"))),
        ("nearly JSON", of("Content-Type", Some("application/jsonp"))),
        ("gzip", of("Content-Encoding", Some("gzip"))),
        ("identity", of("Content-Encoding", Some("identity"))),
    ];
    each(unsupported, |call| call.send(fixture.address()).is("Common.Request.UnsupportedMediaType"));
    let not_acceptable = [("text", "text/html"), ("xml", "application/xml, text/xml;q=0.9")];
    each(not_acceptable, |accept| {
        of("Accept", Some(accept)).send(fixture.address()).is("Common.Request.NotAcceptable");
    });
}

#[test]
fn unsupported_methods_get_an_allow_header() {
    let fixture = test_gateway();
    each(["GET", "PUT", "DELETE", "PATCH", "OPTIONS"].map(|method| (method, method)), |method| {
        let mut call = query(&fixture);
        call.method = method.to_owned();
        let answer = call.send(fixture.address()).expect("Common.Request.MethodNotAllowed");
        assert_eq!(answer.response.header("allow"), Some("POST"));
    });
}
