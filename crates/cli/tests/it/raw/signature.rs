//! Contract §2: what is signed, by which secret and scheme, for which URL; and that a response is never valid as a
//! request.

use rebuttal_testbed::clock::{now_ms, wait_until_ms};
use rebuttal_testbed::signer::Finality;
use rebuttal_testbed::test_gateway::{ACCEPT, CONTEST, QUERY};
use rebuttal_testbed::{Answer, Scheme, SignedCall, Signer, TestGateway};
use serde_json::{Value, json};

use crate::common::{each, gateway, test_gateway};

fn query(fixture: &TestGateway) -> SignedCall {
    fixture.call(QUERY, &json!({ "disputeNo": "never-opened" }))
}

fn query_by(fixture: &TestGateway, signer: &Signer) -> SignedCall {
    SignedCall { signer: signer.clone(), ..query(fixture) }
}

#[test]
fn signed_url_is_public_base_and_raw_target() {
    let fixture = test_gateway();
    let at = fixture.address();
    let to = |target: &str| {
        let mut call = query(&fixture);
        call.target = target.to_owned();
        call
    };
    to("/pg/v2/dispute/query?trace=1%2F2&a=b").send(at).is("Dispute.NotFound");
    let mut decoded = to("/pg/v2/dispute/query?trace=1%2F2");
    decoded.sign_instead = Some(to("/pg/v2/dispute/query?trace=1/2").sign());
    decoded.send(at).is("Common.Auth.InvalidSignature");
    let hidden = query(&fixture).with_header("Host", Some("evil.example"));
    let forwarded = hidden.with_header("X-Forwarded-Host", Some("evil.example"));
    forwarded.with_header("X-Forwarded-Proto", Some("https")).send(at).is("Dispute.NotFound");
    let mut of_host = query(&fixture).with_header("Host", Some("evil.example"));
    of_host.sign_instead = Some({
        let mut other = of_host.clone();
        other.base = "http://evil.example".to_owned();
        other.sign()
    });
    of_host.send(at).is("Common.Auth.InvalidSignature");
    let absolute = |origin: &str| {
        let mut call = query(&fixture);
        let target = format!("{origin}{}", call.target);
        call.sign_instead = Some(call.sign());
        call.target = target;
        call
    };
    // Verified as the response to the request that it is processed as.
    let answer = |origin: &str| {
        let call = absolute(origin);
        let response = call.request().send(at).unwrap();
        let mut counts_as = call;
        counts_as.target = counts_as.target.split_off(origin.len());
        counts_as.verified(response)
    };
    answer(&fixture.base).is("Dispute.NotFound");
    answer(&fixture.base.to_uppercase()).is("Dispute.NotFound");
    for elsewhere in
        ["http://evil.example", &format!("{}0", fixture.base), &fixture.base.replace("http", "https")]
    {
        let refused = answer(elsewhere).that_is(Finality::Notice).expect("Common.Request.NotFound");
        let expected = format!("send the request to {}", fixture.base);
        assert!(refused.message.contains(&expected), "{refused:?}");
    }
    let dots = [
        "/pg/v2/./dispute/query",
        "/pg/v2/x/../dispute/query",
        "/pg/v2/%2e/dispute/query",
        "//pg/v2/dispute/query",
    ];
    each(dots.map(|target| (target, target)), |target| {
        let answer = to(target).send(at);
        assert!(
            answer.code == "Common.Request.NotFound" || answer.code == "Common.Request.Malformed",
            "{}",
            answer.code
        );
    });
}

#[test]
fn response_is_signed_for_the_verified_base_url() {
    let urls = ["https://first.test", "https://second.test:8443", "http://third.test/gateway"];
    let args = urls.iter().flat_map(|url| ["--public-url", url]);
    let mut fixture = TestGateway::with_builder(gateway().folder().args(args));
    fixture.base = urls[0].to_owned();
    let at = fixture.address();
    for url in urls {
        let mut call = fixture.call(
            "/pg/v2/file/generateUploadUrl",
            &json!({ "filename": "a.png", "scene": "DISPUTE_EVIDENCE" }),
        );
        call.base = url.to_owned();
        let data = call.send(at).ok();
        let upload_url = data["uploadUrl"].as_str().unwrap();
        assert!(upload_url.starts_with(&format!("{url}/")), "{upload_url}");
    }
    let wrong = query(&fixture).badly_signed().send(at).expect("Common.Auth.InvalidSignature");
    assert!(wrong.message.contains(urls[0]), "{}", wrong.message);
    let mut by_address = query(&fixture);
    by_address.sign_instead = Some({
        let mut other = by_address.clone();
        other.base = fixture.gateway.base_url();
        other.sign()
    });
    by_address.send(at).is("Common.Auth.InvalidSignature");
}

/// Sends a response back as a request with its header, as an eavesdropper could.
fn reflect(fixture: &TestGateway, call: &SignedCall, answer: &Answer) -> Answer {
    let header = answer.response.header("authorization").unwrap();
    let field = |name: &str| {
        let rest = header.split_once(&format!("{name}=")).unwrap().1;
        rest.split(',').next().unwrap().to_owned()
    };
    let mut reflected = call.clone();
    reflected.body.clone_from(&answer.response.body);
    (reflected.timestamp, reflected.nonce) = (field("timestamp"), field("nonce"));
    assert_eq!(reflected.sign(), field("sign"), "the reflection is signed rightly");
    reflected.send(fixture.address())
}

#[test]
fn signed_response_is_rejected_as_a_request() {
    let fixture = test_gateway();
    let at = fixture.address();
    let dispute = fixture.dispute();
    let good = fixture.call(QUERY, &json!({ "disputeNo": dispute }));
    let accepted = fixture.call(ACCEPT, &json!({ "disputeNo": dispute }));
    let cases = [
        ("a success", good),
        ("an accept", accepted),
        ("a refusal", query(&fixture)),
        ("a wrong sign", query(&fixture).badly_signed()),
        ("a wrong path", fixture.call("/pg/v2/dispute/list", &json!({}))),
        ("a wrong body", fixture.raw_call(CONTEST, "[")),
    ];
    each(cases, |call| {
        let answer = call.send(at);
        let mut rightly = call.clone();
        rightly.sign_instead = None;
        let again = reflect(&fixture, &rightly, &answer);
        let wanted =
            if answer.code == "Common.Request.NotFound" { &answer.code } else { "Common.Request.Malformed" };
        again.is(wanted);
    });
}

#[test]
fn stronger_scheme_is_required_once_chosen() {
    let fixture = test_gateway();
    let at = fixture.address();
    let hmac = fixture.operator.open_app(fixture.merchant_id, Scheme::HmacSha256);
    let of =
        |signer: &Signer| SignedCall::new(signer, &fixture.base, QUERY, "{\"disputeNo\":\"never-opened\"}");
    of(&hmac).send(at).is("Dispute.NotFound");
    // A signature by the other scheme is rejected, and the response is signed by the app's scheme.
    let plain = Signer { scheme: Scheme::Sha256, ..hmac.clone() };
    let mut weak = of(&plain);
    let (sign, header) = (weak.sign(), weak.authorization());
    weak.signer = hmac.clone();
    (weak.sign_instead, weak.authorization_instead) = (Some(sign), Some(header));
    weak.send(at).is("Common.Auth.InvalidSignature");
    let mut under_a_false_name = of(&hmac);
    under_a_false_name.sign_instead = Some({
        let mut plain_call = under_a_false_name.clone();
        plain_call.signer = plain;
        plain_call.sign()
    });
    under_a_false_name.send(at).is("Common.Auth.InvalidSignature");
    // Vice versa: an app of the plain scheme gets no HMAC response.
    let strong = Signer { scheme: Scheme::HmacSha256, ..fixture.signer.clone() };
    let mut too_strong = of(&strong);
    let (sign, header) = (too_strong.sign(), too_strong.authorization());
    too_strong.signer = fixture.signer.clone();
    (too_strong.sign_instead, too_strong.authorization_instead) = (Some(sign), Some(header));
    too_strong.send(at).is("Common.Auth.InvalidSignature");
}

#[test]
fn app_can_be_switched_to_the_stronger_scheme() {
    let fixture = test_gateway();
    let path = format!("/merchants/{}/apps/{}", fixture.merchant_id, fixture.signer.app_id);
    let answer = fixture.operator.patch(&path, &json!({ "scheme": "V2_HMAC_SHA256" }));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!answer.text().contains(&fixture.signer.app_secret), "the secret is shown once, at the opening");
    let mut call = query(&fixture);
    call.signer.scheme = Scheme::HmacSha256;
    call.send(fixture.address()).is("Dispute.NotFound");
}

fn rotate(fixture: &TestGateway, overlap_seconds: u64) -> (u16, Value) {
    let path = format!("/merchants/{}/apps/{}/rotate", fixture.merchant_id, fixture.signer.app_id);
    let response = fixture.operator.post(&path, &json!({ "overlapSeconds": overlap_seconds }));
    (response.status, response.json())
}

#[test]
fn both_secrets_verify_during_rotation_overlap() {
    let fixture = test_gateway();
    let at = fixture.address();
    let start_ms = now_ms();
    let (status, answer) = rotate(&fixture, 3);
    assert!(status == 200 || status == 201, "{answer}");
    let new =
        Signer { app_secret: answer["appSecret"].as_str().unwrap().to_owned(), ..fixture.signer.clone() };
    assert_ne!(new.app_secret, fixture.signer.app_secret);
    let by = |signer: &Signer| query_by(&fixture, signer);
    by(&new).send(at).is("Dispute.NotFound");
    by(&fixture.signer).send(at).is("Dispute.NotFound");
    // If no secret verified, the response is signed with the oldest valid one.
    by(&fixture.signer).badly_signed().send(at).is("Common.Auth.InvalidSignature");
    let (status, problem) = rotate(&fixture, 3);
    assert_eq!((status, problem["code"].as_str()), (409, Some("Operator.Conflict")), "{problem}");
    wait_until_ms(start_ms + 5_000);
    by(&new).send(at).is("Dispute.NotFound");
    refuses(&fixture, &fixture.signer, &new);
}

/// A call signed with one signer's secret is refused, in an answer that is signed with another's.
fn refuses(fixture: &TestGateway, ended: &Signer, valid: &Signer) {
    let mut call = query_by(fixture, valid);
    call.sign_instead = Some(SignedCall { signer: ended.clone(), ..call.clone() }.sign());
    call.send(fixture.address()).is("Common.Auth.InvalidSignature");
    query_by(fixture, valid).send(fixture.address()).is("Dispute.NotFound");
}
