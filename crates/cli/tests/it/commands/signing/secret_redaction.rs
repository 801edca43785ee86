//! `verify` and `sign` print no secret that was not asked for, whatever their input and wherever it contains one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;
use rebuttal_testbed::{Scheme, Signer};

use super::{BASE, BODY, SentRequest, TARGET, sent, signer, url, with_profiles};
use crate::common::{CommandOutput, rebuttal};

/// No part of it is in anything else that these tests give.
const SECRET: &str = "19200e1478524aceb629acbc570d15d3";

fn holder(scheme: Scheme) -> Signer {
    Signer { app_secret: SECRET.to_owned(), ..signer(scheme) }
}

fn run(words: &[&str]) -> CommandOutput {
    let mut command = rebuttal(words);
    command
        .env("HOME", "/nope")
        .env("REBUTTAL_URL", BASE)
        .env("REBUTTAL_APP_ID", holder(Scheme::Sha256).app_id)
        .env("REBUTTAL_APP_SECRET", SECRET);
    CommandOutput::run(command)
}

fn masked(output: &CommandOutput) {
    let printed = format!("{}{}", output.stdout, output.stderr);
    assert!(!printed.to_lowercase().contains(SECRET), "the secret is printed: {printed}");
}

#[test]
fn secret_in_place_of_the_app_id_is_reported_and_not_printed() {
    let signer = Signer { app_id: SECRET.to_owned(), ..holder(Scheme::Sha256) };
    let SentRequest { header, .. } = sent(&signer, "POST", &url(), BODY);
    for more in [[].as_slice(), &["--json"]] {
        let output = run(&[&["verify", &url(), "--authorization", &header, "--body", BODY], more].concat());
        assert!(output.code == 3 && output.stdout.contains("the appId is the app's secret"), "{output:?}");
        masked(&output);
    }
}

#[test]
fn secret_in_the_request_is_reported_and_masked() {
    let body = format!(r#"{{"disputeNo":"D-1","key":"{SECRET}"}}"#);
    let case = sent(&holder(Scheme::Sha256), "POST", &url(), &format!("{body}\n"));
    let at = url();
    let output = run(&["verify", &at, "--authorization", &case.header, "--body", &body]);
    assert!(output.stdout.contains("with an LF at its end that was not sent"), "{output:?}");
    assert!(output.stdout.contains("the body contains an app's secret, which must never"), "{output:?}");
    masked(&output);
    let output = run(&["sign", TARGET, "--body", &body]);
    assert!(output.stderr.contains("the body contains an app's secret, which must never"), "{output:?}");
    masked(&output);
    let output = run(&["sign", TARGET, "--body", &body, "--show-secret"]);
    assert!(output.stdout.contains(&body) && !output.stderr.contains("masked"), "{output:?}");
}

#[test]
fn every_part_of_a_request_with_a_secret_is_named() {
    const UNUSABLE: &str = "It is masked here, so this output cannot be sent as it is";
    let (target, body) = (format!("{TARGET}?key={SECRET}"), format!(r#"{{"key":"{SECRET}"}}"#));
    let fresh = "662AE409A10299D21603C9149F1AE7A0";
    for (target, app_id, nonce, body, parts) in [
        (target.as_str(), "", fresh, "{}", "the URL contains"),
        (TARGET, SECRET, fresh, "{}", "the appId contains"),
        (TARGET, "", SECRET, "{}", "the nonce contains"),
        (&target, SECRET, SECRET, &body, "the URL and the appId and the nonce and the body contain"),
    ] {
        let given = holder(Scheme::Sha256).app_id;
        let app_id = if app_id.is_empty() { given.as_str() } else { app_id };
        let output = run(&["sign", target, "--app-id", app_id, "--nonce", nonce, "--body", body, "--json"]);
        let leak = format!("{parts} an app's secret, which must never be sent");
        let refusals = output.json()["refusals"].as_array().unwrap().clone();
        let is_leak = |refusal: &serde_json::Value| {
            refusal.as_str().is_some_and(|text| text.starts_with(&leak) && text.contains(UNUSABLE))
        };
        assert!(refusals.iter().any(is_leak) && output.stderr.contains(UNUSABLE), "{output:?}");
        masked(&output);
    }
    let output =
        run(&["verify", &format!("{}?key={SECRET}", url()), "--authorization", SECRET, "--body", &body]);
    let leak = "the URL and the Authorization header and the body contain an app's secret";
    assert!(output.code == 3 && output.stdout.replace("\n    ", " ").contains(leak), "{output:?}");
    masked(&output);
}

#[test]
fn encoded_secret_in_the_request_is_masked() {
    let run_on = |body: &str| {
        let header = sent(&holder(Scheme::Sha256), "POST", &url(), body).header;
        let verified = run(&["verify", "http://other/", "--authorization", &header, "--body", body]);
        [verified, run(&["sign", TARGET, "--body", body])].map(|output| output.stdout + &output.stderr)
    };
    let encoded = |prefix: &str| BASE64.encode(format!("{prefix}{SECRET}:"));
    for spelling in [hex::encode(SECRET), encoded(""), encoded("x"), encoded("xy"), encoded("app:")] {
        for printed in run_on(&format!(r#"{{"key":"{spelling}"}}"#)) {
            // Neighbouring bits may leave characters at both ends.
            let middle = spelling.get(4..spelling.len() - 4).unwrap();
            assert!(printed.contains("••••") && !printed.contains(middle), "{spelling}: {printed}");
        }
    }
}

#[test]
fn profile_secrets_are_not_printed() {
    let home = tempfile::tempdir().unwrap();
    let Signer { app_id, .. } = signer(Scheme::Sha256);
    let run = |words: &[&str], secret: &str| with_profiles(home.path(), words, secret);
    let added = run(&["profile", "add", "staging", "--url", BASE, "--app-id", &app_id], SECRET);
    assert_eq!(added.code, 0, "{added:?}");
    let case = sent(&signer(Scheme::Sha256), "POST", "another", BODY);
    let at = url();
    let words = ["verify", &at, "--authorization", &case.header, "--body", SECRET];
    masked(&run(&words, &signer(Scheme::Sha256).app_secret));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn no_input_prints_the_secret(
        before in "[ -~]{0,8}",
        after in "[ -~]{0,8}",
        within in "[!$-~]{0,8}",
        repeated in 1_usize..3,
        upper: bool,
        hmac: bool,
    ) {
        let scheme = if hmac { Scheme::HmacSha256 } else { Scheme::Sha256 };
        let secret = if upper { SECRET.to_uppercase() } else { SECRET.to_owned() }.repeat(repeated);
        let (target, body) = (format!("/{within}{secret}"), format!("--body={before}{secret}{after}"));
        let (at, header) = (format!("{BASE}{target}"), sent(&holder(scheme), "POST", "another", BODY).header);
        let malformed = format!("{header}{secret}");
        for words in [
            ["verify", &at, "--authorization", &header, &body].as_slice(),
            &["verify", &at, "--authorization", &malformed, &body],
            &["sign", &target, &body],
        ] {
            for more in [[].as_slice(), &["--json"]] {
                let output = run(&[words, more].concat());
                prop_assert!([0, 3].contains(&output.code), "{:?}", output);
                masked(&output);
            }
        }
    }
}
