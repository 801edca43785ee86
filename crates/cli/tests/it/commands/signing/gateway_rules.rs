//! What is reported besides the signature: the scheme, the URL, and what the gateway refuses whatever the signature.

use rebuttal_testbed::Scheme;
use rebuttal_testbed::clock::now_ms;

use super::{BASE, BODY, NONCE, SentRequest, sent, signer, url};

const SCHEMES: [Scheme; 2] = [Scheme::Sha256, Scheme::HmacSha256];

#[test]
fn valid_signature_names_the_required_scheme() {
    for scheme in SCHEMES {
        let case = sent(&signer(scheme), "POST", &url(), BODY);
        let output = case.verify(&[]);
        let expected = format!("the app must be set to {}; check with --scheme", scheme.name());
        assert!(output.code == 0 && output.stdout.contains(&expected), "{output:?}");
        // With the app's scheme given, it is not reported.
        let output = case.verify(&["--scheme", scheme.name()]);
        assert!(output.code == 0 && !output.stdout.contains("must be set"), "{output:?}");
    }
}

#[test]
fn signature_of_another_scheme_is_rejected() {
    for (made, set) in [SCHEMES, [SCHEMES[1], SCHEMES[0]]].map(|[made, set]| (made, set)) {
        let case = sent(&signer(made), "POST", &url(), BODY);
        let output = case.verify(&["--scheme", set.name()]);
        assert_eq!(output.code, 3, "{output:?}");
        assert!(
            output.stdout.starts_with("✗ the signature is valid, but the gateway refuses the request:"),
            "{output:?}"
        );
        let expected = format!("the header says {}, but the app must sign with {}", made.name(), set.name());
        assert!(output.stdout.contains(&expected), "{output:?}");
        let json = case.verify(&["--scheme", set.name(), "--json"]).json();
        assert_eq!((&json["outcome"], &json["verifies"]), (&"refused".into(), &true.into()), "{json}");
        // The printed header uses the app's scheme and is valid.
        let header = json["expectedAuthorization"].as_str().unwrap().to_owned();
        let right = SentRequest { header, ..case }.verify(&["--scheme", set.name()]);
        assert_eq!((right.code, right.stdout.as_str()), (0, "✓ the signature is valid.\n"), "{right:?}");
    }
}

#[test]
fn signature_valid_only_for_the_sent_url_exits_with_4() {
    let at = "https://pay-2.example/pg/v2/dispute/query";
    let case = SentRequest { url: at, ..sent(&signer(Scheme::Sha256), "POST", at, BODY) };
    assert_eq!(case.verify(&[]).code, 0);
    let output = case.verify(&["--url", BASE]);
    assert_eq!(output.code, 4, "{output:?}");
    assert!(
        output.stdout.starts_with("! the signature is valid for the URL that the request was sent to."),
        "{output:?}"
    );
    assert!(output.stdout.contains(at) && output.stdout.contains(&url()), "both are named: {output:?}");
    assert!(
        output.stdout.contains("if the first is not a public URL of the gateway, sign the second"),
        "{output:?}"
    );
    let json = case.verify(&["--url", BASE, "--json"]).json();
    assert_eq!((&json["outcome"], &json["verifiedUrl"]), (&"unknown".into(), &at.into()), "{json}");
    assert_eq!((&json["verifies"], &json["mistake"]), (&false.into(), &serde_json::Value::Null), "{json}");
    // The printed header is valid for the gateway's URL.
    let header = json["expectedAuthorization"].as_str().unwrap().to_owned();
    let own = url();
    assert_eq!(SentRequest { url: &own, header, ..case }.verify(&["--url", BASE]).code, 0);

    // Each of them is rejected.
    let case = SentRequest { url: at, ..sent(&signer(Scheme::Sha256), "POST", at, BODY) };
    let refused = case.verify(&["--url", BASE, "--scheme", "V2_HMAC_SHA256"]);
    assert_eq!(refused.code, 3, "{refused:?}");
}

#[test]
fn sent_url_in_another_spelling_than_the_gateways_is_named() {
    // A gateway accepts one spelling of its address: neither of these.
    for at in ["https://PAY-2.example/pg/v2/dispute/query", "https://pay-2.example:443/pg/v2/dispute/query"] {
        let case = SentRequest { url: at, ..sent(&signer(Scheme::Sha256), "POST", at, BODY) };
        let output = case.verify(&["--url", BASE]);
        assert!(
            output.code == 3 && output.stdout.contains("the spelling differs from the gateway's"),
            "{output:?}"
        );
    }
    // A fragment is never sent.
    let case = sent(&signer(Scheme::Sha256), "POST", &url(), BODY);
    assert_eq!(
        SentRequest { url: "https://pay.example/pg/v2/dispute/query#top", ..case }.verify(&[]).code,
        0
    );
}

#[test]
fn valid_signature_does_not_hide_gateway_rejections() {
    let plain = signer(Scheme::Sha256);
    let long = format!(r#"{{"note":"{}"}}"#, "a".repeat(65_536));
    for (method, path, body, expected) in [
        ("POST", "/pg/v2/dispute/query", r#"{"code":1}"#, "the top-level member"),
        ("POST", "/pg/v2/dispute/query", "", "the body must be exactly one JSON object"),
        ("POST", "/pg/v2/dispute/query", "\u{feff}{}", "without a byte order mark"),
        ("GET", "/pg/v2/dispute/query", "{}", "the method is GET; every call of a merchant is POST"),
        ("post", "/pg/v2/dispute/query", "{}", "the method is post; every call of a merchant is POST"),
        ("POST", "/pg/v2/dispute/querry", "{}", "the gateway has no path /pg/v2/dispute/querry"),
        (
            "POST",
            "/pg/v2/dispute/query",
            &long,
            "the body has 65547 bytes; the gateway accepts at most 65536",
        ),
    ] {
        let at = format!("{BASE}{path}");
        let case = SentRequest { url: &at, body, ..sent(&plain, method, &at, body) };
        let output = case.verify(&["--method", method]);
        assert_eq!(output.code, 3, "{expected}: {output:?}");
        assert!(
            output.stdout.starts_with("✗ the signature is valid, but the gateway refuses the request:"),
            "{output:?}"
        );
        assert!(output.stdout.contains(expected), "{expected}: {output:?}");
    }
    // Below a base URL with a path, which was not given.
    let at = "https://pay.example/gate/pg/v2/dispute/query";
    let case = SentRequest { url: at, ..sent(&plain, "POST", at, BODY) };
    assert_eq!(case.verify(&[]).code, 0);
    assert_eq!(case.verify(&["--url", "https://pay.example/gate/"]).code, 0);
    assert_eq!(case.verify(&["--url", "https://pay.example"]).code, 3);
}

#[test]
fn warnings_do_not_change_the_exit_code_of_a_valid_signature() {
    let plain = signer(Scheme::Sha256);
    let timestamp = (now_ms() - 3_600_000).to_string();
    let sign = plain.sign("POST", &url(), &timestamp, NONCE, BODY.as_bytes());
    let at = url();
    let case = SentRequest { url: &at, body: BODY, header: plain.header(&sign, &timestamp, NONCE) };
    let output = case.verify(&["--app-id", &"0".repeat(32)]);
    assert_eq!(output.code, 0, "it may have been sent an hour ago: {output:?}");
    for expected in [
        "1 hour ago by this machine's clock",
        "the request is stale unless it was sent at that time",
        "the secret given here belongs to 0000",
    ] {
        assert!(output.stdout.contains(expected), "{expected}: {output:?}");
    }
}

#[test]
fn missing_body_is_reported() {
    let at = url();
    let header = sent(&signer(Scheme::Sha256), "POST", &at, BODY).header;
    let mut command = crate::common::rebuttal(&["verify", &at, "--authorization", &header]);
    command.env("HOME", "/nope").env("REBUTTAL_APP_SECRET", signer(Scheme::Sha256).app_secret);
    let output = crate::common::CommandOutput::run(command);
    assert!(output.code == 3 && output.stdout.contains("no body was given, so {} is assumed"), "{output:?}");
}
