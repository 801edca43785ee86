//! Ambiguous causes: the explanation claims no more than the bytes prove; two causes with the same bytes are both
//! named.

use rebuttal_testbed::Scheme;
use rebuttal_testbed::clock::now_ms;

use super::{BASE, BODY, NONCE, SentRequest, TARGET, sent, signer, url};
use crate::common::{CommandOutput, rebuttal};

/// `verify` of a body in a file, where other bytes were signed.
fn verify_file(signed: &[u8], body: &[u8], more: &[&str]) -> CommandOutput {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    std::fs::write(&file, body).unwrap();
    let (plain, timestamp, at) = (signer(Scheme::Sha256), now_ms().to_string(), url());
    let sign = plain.sign("POST", &at, &timestamp, NONCE, signed);
    let header = plain.header(&sign, &timestamp, NONCE);
    let words = ["verify", &at, "--authorization", &header, "--body-file", file.to_str().unwrap()];
    let mut command = rebuttal(&[words.as_slice(), more].concat());
    command.env("HOME", "/nope").env("REBUTTAL_APP_SECRET", plain.app_secret);
    CommandOutput::run(command)
}

fn mistake(signed: &[u8], body: &[u8]) -> String {
    let json = verify_file(signed, body, &["--json"]).json();
    json["mistakes"][0]["mistake"].as_str().unwrap_or_else(|| panic!("{json}")).to_owned()
}

#[test]
fn an_lf_at_the_end_of_a_body_may_be_missing_for_two_reasons() {
    let printed = mistake(BODY.as_bytes(), format!("{BODY}\n").as_bytes());
    let (likelier, other) = printed.split_once("; or ").unwrap();
    assert!(likelier.contains("the body ends in an LF that was not signed"), "{printed}");
    assert!(likelier.contains("only to what is given here, as editors do"), "{printed}");
    assert!(other.contains("the LF after the last value, the body, was left out"), "{printed}");
}

#[test]
fn non_utf8_body_is_reported() {
    let latin = b"{\"note\":\"Re\xe7u\"}";
    let told = mistake("{\"note\":\"Re\u{fffd}u\"}".as_bytes(), latin);
    assert!(told.starts_with("the body is signed with U+FFFD where the body sent is not UTF-8"), "{told}");
    let told = mistake("{\"note\":\"Reçu\"}".as_bytes(), latin);
    assert_eq!(told, "the body is signed in UTF-8, but sent in Latin-1");
    let told = mistake("\u{fffd}\u{fffd}".as_bytes(), b"\xff\xfe");
    assert!(told.starts_with("the body is signed with U+FFFD"), "{told}");
    // Line ends of such a body are still reported.
    let told = mistake(b"{\n\"\xe7\":1}", b"{\r\n\"\xe7\":1}");
    assert_eq!(told, "the body is signed with LF where CR LF was sent");
}

/// What is said where a request is known by one URL and another is signed.
fn signed_url(at: &'static str, signed: &str, more: &[&str]) -> CommandOutput {
    SentRequest { url: at, ..sent(&signer(Scheme::Sha256), "POST", signed, BODY) }.verify(more)
}

#[test]
fn a_url_of_another_way_to_the_gateway_is_found() {
    let public = "https://pay.example/pg/v2/dispute/query";
    for (at, signed, expected) in [
        (
            "https://pay.example/api/pg/v2/dispute/query",
            public,
            "what stands before /pg/v2 in its path is left out",
        ),
        (public, "https://pay.example/api/pg/v2/dispute/query", "with /api before its path"),
        ("https://pay.example:8443/pg/v2/dispute/query", public, "the port is left out"),
        (public, "https://pay.example:8443/pg/v2/dispute/query", "it is https://pay.example:8443,"),
        (public, "http://localhost:8080/pg/v2/dispute/query", "it is http://localhost:8080,"),
        (public, "http://127.0.0.1:8080/pg/v2/dispute/query", "it is http://127.0.0.1:8080,"),
        (
            "https://pay.example/api/pg/v2/dispute/query",
            "http://localhost:8080/pg/v2/dispute/query",
            "it is http://localhost:8080,",
        ),
    ] {
        let output = signed_url(at, signed, &[]);
        assert!(
            output.code == 3 && output.stdout.contains(&format!("the URL: {expected}")),
            "{signed}: {output:?}"
        );
    }
    let at = "http://lan:9443/pg/v2/dispute/query";
    let output = signed_url(at, "https://pay.example:9443/pg/v2/dispute/query", &["--url", BASE]);
    assert!(output.stdout.contains("the URL: with the port that it was sent to"), "{output:?}");
}

#[test]
fn unexplained_signature_names_the_url_and_next_steps() {
    let at = "https://pay.example/pg/v2/dispute/query";
    let output = signed_url(at, "https://inner.example/pg/v2/dispute/query", &[]);
    for expected in
        ["over another URL: compare with the one that the gateway's InvalidSignature answer names", "--url"]
    {
        assert!(output.code == 3 && output.stdout.contains(expected), "{output:?}");
    }
    assert!(output.stdout.contains("give them with --signed-bytes"), "{output:?}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signed");
    std::fs::write(&file, "something else").unwrap();
    let words = ["--signed-bytes", file.to_str().unwrap()];
    let output = signed_url(at, "https://inner.example/pg/v2/dispute/query", &words);
    assert!(
        output.stdout.contains("or over another URL") && !output.stdout.contains("--signed-bytes"),
        "{output:?}"
    );
}

#[test]
fn method_mismatch_is_reported_in_one_sentence() {
    let at = url();
    for method in ["post", "GET"] {
        let case = SentRequest { url: &at, ..sent(&signer(Scheme::Sha256), "POST", &at, BODY) };
        let output = case.verify(&["--method", method, "--scheme", "V2_SHA256"]);
        let expected = format!(
            "✗ the sign is right, but the gateway refuses the request:\n  · the method is POST where it is signed, which \
             is right, but {method} as it was sent: send POST\n"
        );
        assert_eq!((output.code, output.stdout), (3, expected));
    }
}

#[test]
fn a_body_of_any_length_over_the_limit_is_refused() {
    for length in [70_008, 3_000_000] {
        let body = "a".repeat(length);
        let output = verify_file(b"{}", body.as_bytes(), &[]);
        assert_eq!((output.code, output.stderr.as_str()), (3, ""), "{length}");
        assert!(output.stdout.contains("the gateway takes 65536"), "{length}");
    }
}

#[test]
fn a_body_that_is_no_text_is_sent_by_curl_from_its_file() {
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
fn closed_pipe_is_reported_once() {
    let case = sent(&signer(Scheme::Sha256), "POST", "another", BODY);
    let mut command = rebuttal(&["verify", &url(), "--authorization", &case.header, "--body", BODY]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    command.env("HOME", "/nope").env("REBUTTAL_APP_SECRET", signer(Scheme::Sha256).app_secret).stdout(full);
    let output = CommandOutput::run(command);
    assert_eq!((output.code, output.stderr.lines().count()), (1, 1), "{output:?}");
    assert!(output.stderr.contains("the result could not be written to standard output"), "{output:?}");
}

#[test]
fn malformed_secret_is_described_and_not_printed() {
    let header = sent(&signer(Scheme::Sha256), "POST", "another", BODY).header;
    let right = signer(Scheme::Sha256).app_secret;
    for (secret, expected) in [
        (right.to_uppercase(), "it is in upper case"),
        (format!("{right}\n"), "white space or a line end is around it"),
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
