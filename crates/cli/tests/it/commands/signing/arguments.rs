//! Values that no request can have are usage errors, reported with what is valid.

use super::{BASE, NONCE, SentRequest, TARGET, sent, signer, url};
use crate::common::{CommandOutput, rebuttal};
use rebuttal_testbed::Scheme;

fn sign(words: &[&str]) -> CommandOutput {
    let plain = signer(Scheme::Sha256);
    let mut command = rebuttal(&[["sign"].as_slice(), words].concat());
    command
        .env("HOME", "/nope")
        .env("REBUTTAL_URL", BASE)
        .env("REBUTTAL_APP_ID", &plain.app_id)
        .env("REBUTTAL_APP_SECRET", &plain.app_secret);
    CommandOutput::run(command)
}

fn is_usage(output: &CommandOutput, expected: &str) {
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    assert!(
        output.stderr.starts_with("error: ") && output.stderr.contains(expected),
        "{expected}: {output:?}"
    );
}

#[test]
fn unsignable_values_are_usage_errors() {
    let such_as = "it must begin with /, such as /pg/v2/dispute/query";
    for (words, expected) in [
        (["pg/v2/x"].as_slice(), such_as),
        (&[""], such_as),
        (&["https://pay.example/pg/v2/dispute/query"], "give the base URL with --url"),
        (&["/pg/v2/dispute/query?a=1 2"], "write a space as %20"),
        (&["/x\nPOST"], "white space or line end"),
        (&["/x#top"], "a fragment, # and what follows, is never sent"),
        (&[TARGET, "--method", "PO ST"], "it must be one word, such as POST"),
        (&[TARGET, "--method", "POST\n"], "it must be one word, such as POST"),
        (&[TARGET, "--timestamp", "17000000000000"], "at most 13 digits, such as 1700000000000"),
        (&[TARGET, "--timestamp", "2024-03-06"], "it must be Unix milliseconds"),
        (&[TARGET, "--timestamp", "+1"], "it must be Unix milliseconds"),
        (&[TARGET, "--timestamp", ""], "it must be Unix milliseconds"),
        (&[TARGET, "--nonce", "short"], "must be 16 to 64 characters"),
    ] {
        is_usage(&sign(words), expected);
    }
}

#[test]
fn unsendable_values_are_usage_errors() {
    let plain = signer(Scheme::Sha256);
    let case = sent(&plain, "POST", &url(), super::BODY);
    for (url, expected) in [
        ("/pg/v2/dispute/query", "it must be absolute and begin with https:// or http://"),
        ("pay.example/pg/v2/dispute/query", "it must be absolute"),
        ("ftp://pay.example/pg/v2/dispute/query", "it must be absolute and begin with https:// or http://"),
        ("https://pay.example", "it must have the path that the request was sent to"),
        ("https://pay.example#x/y", "it must have the path"),
        ("https://pay.example/a b", "write a space as %20"),
        ("https://pay example/ab", "no white space"),
        ("https://:1/ab", "it must name a host"),
    ] {
        let case = SentRequest { url, header: case.header.clone(), ..case };
        is_usage(&case.verify(&[]), expected);
    }
    let words = ["--method", "POST /"];
    is_usage(&case.verify(&words), "it must be one word, such as POST");
}

#[test]
fn password_in_a_url_is_rejected_and_not_printed() {
    let case = SentRequest {
        url: "https://shop:Geheim7@pay.example/pg/v2/dispute/query",
        ..sent(&signer(Scheme::Sha256), "POST", &url(), super::BODY)
    };
    let output = case.verify(&[]);
    is_usage(&output, "must not contain a user or password");
    assert!(!output.stderr.contains("Geheim7"), "{output:?}");
    let output = case.verify(&["--json"]);
    assert_eq!((output.code, output.json()["outcome"].as_str()), (2, Some("usage")), "{output:?}");
}

#[test]
fn request_that_will_be_rejected_is_signed_with_a_warning() {
    for (words, expected) in [
        ([TARGET, "--timestamp", "1"].as_slice(), "its timestamp is 1970-01-01T00:00:00.001+00:00 ("),
        (
            &[TARGET, "--timestamp", "9999999999999"],
            "but may differ from the gateway's clock by at most 5 minutes",
        ),
        (&["/pg/v2/disputes/query"], "the gateway has no path /pg/v2/disputes/query"),
        (&["/pg/v2/../v2/dispute/query"], "the gateway has no path /pg/v2/../v2/dispute/query"),
        (&[TARGET, "--method", "get"], "the method is get; every call of a merchant is POST"),
        (&[TARGET, "--body", ""], "the body must be exactly one JSON object"),
    ] {
        let output = sign(words);
        assert!(output.stderr.starts_with("! the gateway will refuse this request: "), "{output:?}");
        assert!(output.code == 0 && output.stderr.contains(expected), "{expected}: {output:?}");
        assert!(output.stdout.contains("Authorization: V2_SHA256 appId="), "{output:?}");
        let json = sign(&[words, &["--json"]].concat()).json();
        assert_eq!(json["outcome"], "done");
        assert!(json["refusals"][0].as_str().unwrap().contains(expected), "{json}");
    }
    // curl would take the brackets for a pattern, and call another URL than the one that is signed.
    let output = sign(&["/pg/v2/dispute/query?a[]=1"]);
    assert!(output.stdout.contains("  curl -g -X POST "), "{output:?}");
    let output = sign(&[TARGET, "--nonce", NONCE]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
}

#[test]
fn sign_json_contains_the_validity_period() {
    let json = |timestamp: &str| sign(&[TARGET, "--json", "--timestamp", timestamp]).json();
    let now = rebuttal_testbed::clock::now_ms();
    let old = json("1")["freshness"].clone();
    assert_eq!((&old["fresh"], &old["windowMillis"]), (&false.into(), &300_000.into()), "{old}");
    let ahead = old["aheadMillis"].as_i64().unwrap();
    assert!((0..60_000).contains(&(1 - now - ahead)), "{old} at {now}");
    let fresh = json(&now.to_string())["freshness"].clone();
    assert_eq!(fresh["fresh"], true, "{fresh}");

    // Whether they are fresh or not.
    for seconds in [(now / 1000).to_string(), "1714128828".to_owned()] {
        let warned = sign(&[TARGET, "--timestamp", &seconds]).stderr;
        let expected = format!("the timestamp is in seconds; send milliseconds: {seconds}000");
        assert!(warned.contains(&expected), "{warned}");
    }
}
