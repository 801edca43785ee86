//! Contract §2, settled responses and notices: an attacker without a secret can get a response to an altered copy of a
//! request and deliver the request later. No settled response may become wrong by that.

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::signer::Finality::{Notice, Settled};
use rebuttal_testbed::signer::Scheme;
use rebuttal_testbed::test_gateway::{ACCEPT, QUERY, UPLOAD_URL};
use rebuttal_testbed::{Item, Operator, SignedCall, TestGateway, samples};
use serde_json::json;

use crate::common::{each, gateway, operators_address, test_gateway};

const MINUTES_10_MS: i64 = 600_000;
/// With the body of a contest, over the limit of a body.
const TOO_MUCH: usize = 70_000;

/// A copy of a request, altered after it was signed: nonce and signature are still the merchant's.
fn altered(call: &SignedCall, alter: impl Fn(&mut SignedCall)) -> SignedCall {
    let mut copy = call.clone();
    copy.sign_instead = Some(call.sign());
    alter(&mut copy);
    copy
}

#[test]
fn altered_copy_gets_a_notice_and_the_original_works() {
    let fixture = test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    type Alter = fn(&mut SignedCall);
    fn header(call: &mut SignedCall, name: &str, value: Option<&str>) {
        *call = call.clone().with_header(name, value);
    }
    fn append(call: &mut SignedCall, bytes: usize) {
        call.body.extend(std::iter::repeat_n(b' ', bytes));
    }
    let cases: [(&str, &str, Alter); 13] = [
        ("type", "Common.Request.UnsupportedMediaType", |copy| {
            header(copy, "Content-Type", Some("text/plain"));
        }),
        ("no type", "Common.Request.UnsupportedMediaType", |copy| header(copy, "Content-Type", None)),
        ("encoding", "Common.Request.UnsupportedMediaType", |copy| {
            header(copy, "Content-Encoding", Some("gzip"));
        }),
        ("accept", "Common.Request.NotAcceptable", |copy| header(copy, "Accept", Some("text/html"))),
        ("one byte", "Common.Auth.InvalidSignature", |copy| append(copy, 1)),
        ("no body", "Common.Auth.InvalidSignature", |copy| copy.body.clear()),
        ("70 kB", "Common.Request.TooLarge", |copy| append(copy, TOO_MUCH)),
        ("older", "Common.Auth.StaleTimestamp", |copy| *copy = copy.clone().aged_ms(MINUTES_10_MS)),
        ("newer", "Common.Auth.StaleTimestamp", |copy| *copy = copy.clone().aged_ms(-MINUTES_10_MS)),
        ("another call", "Common.Auth.InvalidSignature", |copy| copy.target = ACCEPT.to_owned()),
        ("no call", "Common.Request.NotFound", |copy| copy.target = "/pg/v2/none".to_owned()),
        ("method", "Common.Request.MethodNotAllowed", |copy| copy.method = "PUT".to_owned()),
        ("another host", "Common.Request.NotFound", |copy| {
            copy.base = "http://elsewhere.test".to_owned();
            copy.target = format!("{}{}", copy.base, copy.target);
        }),
    ];
    each(cases.map(|(name, code, alter)| (name, (code, alter))), |(code, alter)| {
        let no = fixture.dispute();
        let contest = fixture.contest_call(&no, &[Item::receipt(&url)]);
        let copy = altered(&contest, alter);
        let response = copy.request().send(fixture.address()).unwrap();
        if copy.target.starts_with('/') {
            copy.verified(response).that_is(Notice).is(code);
        } else {
            // Signed for the path only, like the merchant's request.
            contest.verified(response).that_is(Notice).is(code);
        }
        assert_eq!(fixture.status(&no), "NEEDS_RESPONSE");
        contest.send(fixture.address()).that_is(Settled).is("OK");
    });
}

#[test]
fn rejections_that_keep_the_nonce_are_notices() {
    let fixture = TestGateway::with_builder(gateway().args(["--app-rate-per-second", "1"]));
    let accept = || {
        let no = fixture.dispute();
        (fixture.call(ACCEPT, &json!({ "disputeNo": no })), no)
    };
    let counts = |call: &SignedCall| {
        wait_for("the app's rate", || {
            let answer = call.send(fixture.address());
            (answer.code != "Common.RateLimited").then(|| answer.expect("OK").that_is(Settled))
        })
    };
    let limited = (0..20).map(|_| accept()).find(|(call, _)| {
        let answer = call.send(fixture.address());
        let is_limited = answer.code == "Common.RateLimited";
        let _ = answer.that_is(if is_limited { Notice } else { Settled });
        is_limited
    });
    let (call, no) = limited.expect("twenty calls are more than one a second");
    assert_eq!(fixture.status(&no), "NEEDS_RESPONSE");
    counts(&call).ok();
    assert_eq!(fixture.status(&no), "ACCEPTED");

    let app = format!("/merchants/{}/apps/{}", fixture.merchant_id, fixture.signer.app_id);
    let (call, no) = accept();
    assert_eq!(fixture.operator.patch(&app, &json!({ "enabled": false })).status, 200);
    call.send(fixture.address()).that_is(Notice).is("Common.Auth.AppDisabled");
    assert_eq!(fixture.operator.patch(&app, &json!({ "enabled": true })).status, 200);
    counts(&call).ok();
    assert_eq!(fixture.status(&no), "ACCEPTED");
}

/// A refusal that follows from the signed bytes alone is repeated each time; a refusal for anything that may change has
/// used up the nonce.
#[test]
fn settled_rejection_is_final() {
    let fixture = test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let never_uploaded = fixture.ticket("receipt.png");
    let (unopened, accepted, open) = ("not-opened-yet", fixture.dispute(), fixture.dispute());
    fixture.accept(&accepted).is("OK");
    let contest = |no: &str, url: &str| fixture.contest_call(no, &[Item::receipt(url)]);
    let by_bytes = [
        (fixture.raw_call(ACCEPT, "["), "Common.Request.Malformed"),
        (fixture.raw_call(ACCEPT, "{}"), "Common.Request.InvalidParameter"),
        (fixture.raw_call("/pg/v2/none", "{}"), "Common.Request.NotFound"),
        (
            SignedCall { method: "PUT".to_owned(), ..fixture.raw_call(ACCEPT, "{}") },
            "Common.Request.MethodNotAllowed",
        ),
    ];
    for (call, code) in &by_bytes {
        for _ in 0..2 {
            call.send(fixture.address()).that_is(Settled).is(code);
        }
    }
    let by_state = [
        (fixture.call(QUERY, &json!({ "disputeNo": unopened })), "Dispute.NotFound"),
        (contest(unopened, &url), "Dispute.NotFound"),
        (contest(&accepted, &url), "Dispute.InvalidState"),
        (contest(&open, &never_uploaded.storage_uri), "Evidence.NotUploaded"),
        (contest(&open, &format!("{url}x")), "Evidence.NotFound"),
        (
            fixture.call(UPLOAD_URL, &json!({ "filename": "a.exe", "scene": "DISPUTE_EVIDENCE" })),
            "File.UnsupportedType",
        ),
    ];
    for (call, code) in &by_state {
        call.send(fixture.address()).that_is(Settled).is(code);
    }
    // Now each request would be accepted.
    let form = never_uploaded.form(&samples::receipt(2).bytes);
    assert_eq!(form.send(form.address().unwrap_or(fixture.address())).status, 204);
    let _ = fixture.dispute_with(&json!({ "disputeNo": unopened }));
    for (call, _) in &by_state {
        call.send(fixture.address()).that_is(Settled).is("Common.Auth.ReplayedNonce");
    }
    assert_eq!([unopened, &open].map(|no| fixture.status(no)), ["NEEDS_RESPONSE"; 2]);
}

/// The signed URL does not say where a base URL ends: the same signature is right for two paths.
#[test]
fn path_under_another_base_url_settles_nothing() {
    let urls = ["http://gateway.test", "http://gateway.test/pre"];
    let mut fixture =
        TestGateway::with_builder(gateway().folder().args(urls.iter().flat_map(|url| ["--public-url", url])));
    fixture.base = urls[1].to_owned();
    let no = fixture.dispute();
    let accept = fixture.call(ACCEPT, &json!({ "disputeNo": no }));
    let mut copy = accept.clone();
    (copy.base, copy.target) = (urls[0].to_owned(), format!("/pre{ACCEPT}"));
    assert_eq!(copy.sign(), accept.sign(), "it is the same signature");
    copy.send(fixture.address()).that_is(Notice).is("Common.Request.NotFound");
    copy.method = "PUT".to_owned();
    copy.send(fixture.address()).that_is(Notice).is("Common.Request.NotFound");
    accept.send(fixture.address()).that_is(Settled).is("OK");
    let elsewhere = fixture.call("/elsewhere", &json!({}));
    elsewhere.send(fixture.address()).that_is(Notice).is("Common.Request.NotFound");
    let mut under_one = elsewhere;
    under_one.base = urls[0].to_owned();
    under_one.send(fixture.address()).that_is(Settled).is("Common.Request.NotFound");
}

/// With a separate operator listener, a merchant's call is unknown there, but served by the other listener.
#[test]
fn operator_listener_settles_no_merchant_call() {
    let gateway = gateway().args(["--operator-listen", "127.0.0.1:0"]).start();
    let elsewhere = operators_address(&gateway);
    let operator = Operator::new(elsewhere, &gateway.operator_token());
    let merchant_id = operator.open_merchant("Corner Shop", "Asia/Shanghai");
    let signer = operator.open_app(merchant_id, Scheme::Sha256);
    let fixture = TestGateway { base: gateway.base_url(), gateway, operator, merchant_id, signer };
    let no = fixture.dispute();
    let accept = fixture.call(ACCEPT, &json!({ "disputeNo": no }));
    accept.send(elsewhere).that_is(Notice).is("Common.Request.NotFound");
    accept.send(fixture.address()).that_is(Settled).is("OK");
}
