//! `rebuttal sign` and `verify`: print what is signed, and explain an invalid signature.

mod arguments;
mod gateway_rules;
mod header;
pub(crate) mod mistakes;
mod secret_redaction;

use std::path::Path;

use rebuttal_testbed::clock::now_ms;
use rebuttal_testbed::{Request, Scheme, Signer};

use crate::common::{CommandOutput, MerchantShell, rebuttal};

const BASE: &str = "https://pay.example";
const TARGET: &str = "/pg/v2/dispute/query";
const BODY: &str = r#"{"disputeNo":"D-1","note":"a/b ä"}"#;
const NONCE: &str = "662AE409A10299D21603C9149F1AE7A0";

fn signer(scheme: Scheme) -> Signer {
    let text = |text: &str| text.repeat(4);
    Signer { app_id: text("0a1b2c3d"), app_secret: text("deadbeef"), scheme }
}

/// Runs a command with the profiles of a folder and an app's secret.
fn with_profiles(home: &Path, words: &[&str], secret: &str) -> CommandOutput {
    let mut command = rebuttal(words);
    command.env("REBUTTAL_PROFILES", home.join("profiles.toml")).env("REBUTTAL_APP_SECRET", secret);
    CommandOutput::run(command)
}

/// A request as it was sent, and the header that the signer made for it.
struct SentRequest<'a> {
    url: &'a str,
    body: &'a str,
    header: String,
}

impl SentRequest<'_> {
    fn verify(&self, more: &[&str]) -> CommandOutput {
        let words = ["verify", self.url, "--authorization", &self.header, "--body", self.body];
        let mut command = rebuttal(&[words.as_slice(), more].concat());
        command.env("HOME", "/nope").env("REBUTTAL_APP_SECRET", signer(Scheme::Sha256).app_secret);
        CommandOutput::run(command)
    }
}

/// The request of these tests, with a header that is made of something else.
fn sent(signer: &Signer, method: &str, url: &str, body: &str) -> SentRequest<'static> {
    let timestamp = now_ms().to_string();
    let sign = signer.sign(method, url, &timestamp, NONCE, body.as_bytes());
    let header = signer.header(&sign, &timestamp, NONCE);
    SentRequest { url: "https://pay.example/pg/v2/dispute/query", body: BODY, header }
}

fn url() -> String {
    format!("{BASE}{TARGET}")
}

#[test]
fn valid_signature_is_reported() {
    for scheme in [Scheme::Sha256, Scheme::HmacSha256] {
        let output = sent(&signer(scheme), "POST", &url(), BODY).verify(&["--scheme", scheme.name()]);
        assert_eq!((output.code, output.stdout.as_str()), (0, "✓ the signature is valid.\n"), "{output:?}");
    }
}

#[test]
fn valid_signature_with_a_timestamp_in_seconds_is_refused() {
    for seconds in [now_ms() / 1000, 1_714_128_828] {
        let (signer, timestamp) = (signer(Scheme::Sha256), format!("{seconds:013}"));
        let sign = signer.sign("POST", &url(), &timestamp, NONCE, BODY.as_bytes());
        let case =
            SentRequest { header: signer.header(&sign, &timestamp, NONCE), ..sent(&signer, "POST", "", "") };
        let output = case.verify(&[]);
        let expected = format!("the timestamp is in seconds; send milliseconds: {seconds}000");
        assert!(output.code == 3 && output.stdout.contains(&expected), "{output:?}");
    }
}

#[test]
fn secret_of_another_profile_is_recognized() {
    let home = tempfile::tempdir().unwrap();
    let mut other = signer(Scheme::Sha256);
    other.app_secret = "00112233445566778899aabbccddeeff".to_owned();
    let run = |words: &[&str], secret: &str| with_profiles(home.path(), words, secret);
    let added =
        run(&["profile", "add", "staging", "--url", BASE, "--app-id", &other.app_id], &other.app_secret);
    assert_eq!(added.code, 0, "{added:?}");
    let case = sent(&other, "POST", &url(), BODY);
    let words = ["verify", case.url, "--authorization", &case.header, "--body", BODY];
    let output = run(&words, &signer(Scheme::Sha256).app_secret);
    assert!(output.stdout.contains("the secret is wrong: it is that of the profile staging"), "{output:?}");
}

#[test]
fn signed_request_is_printed_and_valid() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let body = format!(r#"{{"disputeNo":"{no}"}}"#);
    let output = shell.run(&["sign", TARGET, "--body", &body]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    assert!(output.stdout.contains(&format!("4 URL        {}{TARGET}␊", shell.url)), "{output:?}");
    assert!(output.stdout.contains(&format!("7 body       {body}␊")), "{output:?}");
    assert!(!output.stdout.contains(&shell.fixture.signer.app_secret), "{output:?}");

    let json = shell.run(&["sign", TARGET, "--body", &body, "--json"]).json();
    let header = json["authorization"].as_str().unwrap();
    let request = Request::new("POST", TARGET, body.clone())
        .header("Authorization", header)
        .header("Content-Type", "application/json");
    assert_eq!(request.send(shell.fixture.address()).unwrap().status, 200);

    let output = shell.run(&["sign", TARGET, "--body", &body, "--show-secret"]);
    assert!(
        output.stdout.contains(&format!("2 appSecret  {}␊", shell.fixture.signer.app_secret)),
        "{output:?}"
    );
    let output = shell.run(&["sign", TARGET, "--body", "{} {}"]);
    assert!(
        output.stderr.contains("the gateway will refuse this request: the body must be exactly one"),
        "{output:?}"
    );
}

#[test]
fn binary_body_is_sent_by_curl_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a body");
    std::fs::write(&file, b"{\"a\":\"\xe7\"}").unwrap();
    let plain = signer(Scheme::Sha256);
    let mut command = rebuttal(&["sign", TARGET, "--body-file", file.to_str().unwrap()]);
    command
        .env("REBUTTAL_URL", BASE)
        .env("REBUTTAL_APP_ID", &plain.app_id)
        .env("REBUTTAL_APP_SECRET", &plain.app_secret);
    let output = CommandOutput::run(command);
    let expected = format!("--data-binary '@{}'\n", file.display());
    assert!(output.code == 0 && output.stdout.ends_with(&expected), "{output:?}");
}

#[test]
fn malformed_secret_is_described_and_not_printed() {
    let header = sent(&signer(Scheme::Sha256), "POST", "another", BODY).header;
    let right = signer(Scheme::Sha256).app_secret;
    for (secret, expected) in [
        (right.to_uppercase(), "it is in upper case"),
        (format!("{right}\n"), "white space or a line end surrounds it"),
        (format!("\"{right}\""), "it is in quotes"),
        (right[..31].to_owned(), "it has 31 characters"),
        (right.replace('d', "x"), "not all of it are hex digits"),
        (String::new(), "it is empty"),
    ] {
        let mut command = rebuttal(&["verify", &url(), "--authorization", &header]);
        command.env("HOME", "/nope").env("REBUTTAL_APP_SECRET", &secret);
        let output = CommandOutput::run(command);
        let sentence = format!(
            "✗ REBUTTAL_APP_SECRET: the app's secret: must be 32 lower-case hex digits; {expected}\n"
        );
        assert_eq!((output.code, output.stderr), (1, sentence));
    }
}
