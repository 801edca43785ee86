//! `verify` and `sign` print no secret that was not asked for, whatever their input and wherever it contains one.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD as BASE64, BASE64_STANDARD_NO_PAD as UNPADDED};
use proptest::prelude::*;
use rebuttal_testbed::clock::now_ms;
use rebuttal_testbed::{Scheme, Signer};

use super::{BASE, BODY, NONCE, SentRequest, TARGET, sent, signer, url};
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

/// Every way in which the secret is written in what these tests give.
fn forms() -> Vec<String> {
    let digits = hex::decode(SECRET).unwrap();
    let utf_16: String = SECRET.chars().map(|digit| format!("{digit}\\u{{0}}")).collect();
    vec![SECRET.to_owned(), hex::encode(SECRET), UNPADDED.encode(SECRET), UNPADDED.encode(digits), utf_16]
}

fn is_discreet(output: &CommandOutput) {
    let said = format!("{}{}", output.stdout, output.stderr);
    let lower = said.to_lowercase();
    assert!(!lower.contains(SECRET), "the secret is said: {said}");
    for form in forms() {
        assert!(!said.contains(&form), "{form} is said: {said}");
    }
}

fn given(signed: &[u8], words: &[&str]) -> Vec<CommandOutput> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signed");
    std::fs::write(&file, signed).unwrap();
    let case = sent(&holder(Scheme::Sha256), "POST", "nobody signs this", BODY);
    let at = url();
    let all = ["verify", &at, "--authorization", &case.header, "--body", BODY];
    let all = [all.as_slice(), &["--signed-bytes", file.to_str().unwrap()], words].concat();
    vec![run(&all), run(&[all.as_slice(), &["--json"]].concat())]
}

#[test]
fn signed_bytes_in_any_disorder_do_not_tell_the_secret() {
    let app_id = signer(Scheme::Sha256).app_id;
    let (secret, upper) = (SECRET, SECRET.to_uppercase());
    let at = url();
    let utf_16: Vec<u8> =
        format!("{app_id}\n{secret}\nPOST\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let another = "00112233445566778899aabbccddeeff";
    for text in [
        [&app_id, secret, "POST", &at, "1", NONCE, BODY].join(" "),
        [&app_id, secret, "POST", &at, "1", NONCE, BODY].join("|"),
        [&app_id, secret, "POST", &at, "1", NONCE, BODY].concat(),
        [secret, &app_id, "POST", &at, "1", NONCE, BODY, ""].join("\n"),
        [secret, "POST", &at, "1", NONCE, BODY, ""].join("\n"),
        [&app_id, "POST", &at, "1", NONCE, BODY, secret].join("\n"),
        [&app_id, secret, "POST", &format!("{at}?key={secret}"), "1", NONCE, BODY, ""].join("\n"),
        [&app_id, &upper, "POST", &upper, "1", NONCE, &BASE64.encode(secret), ""].join("\n"),
        [&app_id, "x", &hex::encode(secret), &at, "1", NONCE, &BASE64.encode(format!("ab{secret}c"))]
            .join("\n"),
    ] {
        given(text.as_bytes(), &[]).iter().for_each(is_discreet);
    }
    given(&utf_16, &[]).iter().for_each(is_discreet);
    // A secret that nobody here knows has the form of one.
    let strange = [another, "POST", &at, "1", NONCE, BODY, ""].join("\n");
    for output in given(strange.as_bytes(), &[]) {
        assert!(!output.stdout.contains(another), "{output:?}");
    }
    // Asked for, it is shown.
    let swapped = [secret, &app_id, "POST", &at, "1", NONCE, BODY, ""].join("\n");
    for output in given(swapped.as_bytes(), &["--show-secret"]) {
        assert!(output.stdout.contains(secret), "{output:?}");
    }
}

#[test]
fn secret_in_place_of_the_app_id_is_reported_and_not_printed() {
    let right = holder(Scheme::Sha256);
    for scheme in [Scheme::Sha256, Scheme::HmacSha256] {
        let swapped = Signer { app_id: SECRET.to_owned(), app_secret: right.app_id.clone(), scheme };
        for signer in [&swapped, &Signer { app_id: SECRET.to_owned(), ..holder(scheme) }] {
            let SentRequest { header, .. } = sent(signer, "POST", &url(), BODY);
            let at = url();
            let words = ["verify", &at, "--authorization", &header, "--body", BODY];
            for more in [[].as_slice(), &["--json"], &["--app-id", SECRET]] {
                let output = run(&[words.as_slice(), more].concat());
                assert!(
                    output.code == 3 && output.stdout.contains("the appId is the app's secret"),
                    "{output:?}"
                );
                assert!(!output.stdout.contains("no usual mistake"), "{output:?}");
                is_discreet(&output);
            }
        }
        let SentRequest { header, .. } = sent(&swapped, "POST", &url(), BODY);
        let output = run(&["verify", &url(), "--authorization", &header, "--body", BODY]);
        assert!(output.stdout.contains("the appId and the appSecret are swapped"), "{output:?}");
        assert!(
            output.stdout.contains(&format!("appId={},", right.app_id)),
            "the right one is told: {output:?}"
        );
    }
}

#[test]
fn secret_in_the_request_is_reported_and_masked() {
    let body = format!(r#"{{"disputeNo":"D-1","key":"{SECRET}"}}"#);
    let case = sent(&holder(Scheme::Sha256), "POST", &url(), &format!("{body}\n"));
    let at = url();
    let output = run(&["verify", &at, "--authorization", &case.header, "--body", &body]);
    assert!(output.stdout.contains("with an LF at its end that was not sent"), "{output:?}");
    assert!(output.stdout.contains("an app's secret is in the body, which is sent"), "{output:?}");
    is_discreet(&output);
    let output = run(&["sign", TARGET, "--body", &body]);
    assert!(output.stderr.contains("an app's secret is in the body, which is sent"), "{output:?}");
    is_discreet(&output);
    let output = run(&["sign", TARGET, "--body", &body, "--show-secret"]);
    assert!(output.stdout.contains(&body), "{output:?}");
}

#[test]
fn profile_secrets_are_not_printed() {
    let home = tempfile::tempdir().unwrap();
    let Signer { app_id, .. } = signer(Scheme::Sha256);
    let run = |words: &[&str], secret: &str| {
        let mut command = rebuttal(words);
        command
            .env("REBUTTAL_PROFILES", home.path().join("profiles.toml"))
            .env("REBUTTAL_APP_SECRET", secret);
        CommandOutput::run(command)
    };
    let added = run(&["profile", "add", "staging", "--url", BASE, "--app-id", &app_id], SECRET);
    assert_eq!(added.code, 0, "{added:?}");
    let file = home.path().join("signed");
    std::fs::write(&file, format!("{app_id} {SECRET} POST\n{SECRET}\nGET{SECRET}\n")).unwrap();
    let case = sent(&signer(Scheme::Sha256), "POST", "another", BODY);
    let at = url();
    let words = ["verify", &at, "--authorization", &case.header, "--body", SECRET];
    let words = [words.as_slice(), &["--signed-bytes", file.to_str().unwrap()]].concat();
    is_discreet(&run(&words, &signer(Scheme::Sha256).app_secret));
}

/// Parts of what a signer may have got wrong; half of them hold the secret.
fn part() -> impl Strategy<Value = String> {
    let app_id = signer(Scheme::Sha256).app_id;
    let fixed = [
        SECRET.to_owned(),
        SECRET.to_uppercase(),
        hex::encode(SECRET),
        BASE64.encode(SECRET),
        BASE64.encode(hex::decode(SECRET).unwrap()),
        SECRET.repeat(2),
        SECRET[..16].to_owned(),
        SECRET[16..].to_owned(),
        format!("{{\"a\":\"{SECRET}\"}}"),
        app_id,
        url(),
        NONCE.to_owned(),
        BODY.to_owned(),
        "POST".to_owned(),
        "%0a".to_owned(),
        "\\u0031".to_owned(),
        "\"".to_owned(),
        "ä".to_owned(),
    ];
    prop_oneof![prop::sample::select(fixed.to_vec()), "[ -~]{0,4}"]
}

fn text(between: &'static [&'static str]) -> impl Strategy<Value = String> {
    let joint = prop::sample::select(between);
    (prop::collection::vec(part(), 0..8), joint).prop_map(|(parts, joint)| parts.join(joint))
}

/// Parts of a URL, which has no white space.
fn within_a_url() -> impl Strategy<Value = String> {
    text(&["", "/", "&", "%20"])
        .prop_map(|text| text.replace(|sign: char| !sign.is_ascii_graphic() || sign == '#', ""))
}

proptest! {
    // Each case is six processes.
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn no_input_brings_the_secret_out(
        signed in text(&["\n", " ", "|", "", "&", "\r\n", "\0"]),
        body in text(&["", "\n", " ", ","]).prop_map(|text| text.replace('\0', "")),
        sent_body in text(&["", "\n", " "]).prop_map(|text| text.replace('\0', "")),
        within in within_a_url(),
        names_the_secret: bool,
        hmac: bool,
    ) {
        let scheme = if hmac { Scheme::HmacSha256 } else { Scheme::Sha256 };
        let at = format!("{BASE}/{within}");
        let mut maker = holder(scheme);
        if names_the_secret {
            SECRET.clone_into(&mut maker.app_id);
        }
        let timestamp = now_ms().to_string();
        let sign = maker.sign("POST", &at, &timestamp, NONCE, body.as_bytes());
        let header = maker.header(&sign, &timestamp, NONCE);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("signed");
        std::fs::write(&file, &signed).unwrap();
        let body_given = format!("--body={sent_body}");
        let verify = ["verify", &at, "--authorization", &header, &body_given];
        let compared = [verify.as_slice(), &["--signed-bytes", file.to_str().unwrap()]].concat();
        let target = format!("/{within}");
        let sign = ["sign", &target, &body_given];
        let malformed = format!("V2_SHA256 {}", sent_body.replace('\n', ""));
        let unread = ["verify", &at, "--authorization", &malformed];
        for words in [compared.as_slice(), &sign, &unread] {
            for more in [[].as_slice(), &["--json"]] {
                let output = run(&[words, more].concat());
                prop_assert!([0, 3, 4].contains(&output.code), "{:?}", output);
                is_discreet(&output);
            }
        }
    }
}
