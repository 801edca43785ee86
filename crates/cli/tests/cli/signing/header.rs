//! A header that cannot be parsed is reported with the part that is wrong, and never with a secret.

use rebuttal_testbed::Scheme;

use super::{BODY, SentRequest, sent, signer, url};
use crate::common::{CommandOutput, rebuttal};

const RIGHT: [(&str, &str); 4] = [
    ("appId", "0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d"),
    ("sign", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
    ("timestamp", "1714128828114"),
    ("nonce", "662AE409A10299D2-1603C9149F1AE7A0"),
];

fn verify(header: &str) -> CommandOutput {
    let at = url();
    SentRequest { url: &at, body: BODY, header: header.to_owned() }.verify(&[])
}

/// A header in which one field has another value.
fn with(name: &str, value: &str) -> String {
    let fields = RIGHT.map(|(field, right)| format!("{field}={}", if field == name { value } else { right }));
    format!("V2_SHA256 {}", fields.join(","))
}

fn refused(output: &CommandOutput, expected: &str) {
    let begin = "✗ the gateway refuses this Authorization header, which is not of its form:\n  · ";
    assert_eq!((output.code, output.stderr.as_str()), (3, ""), "{expected}: {output:?}");
    assert!(output.stdout.starts_with(begin) && output.stdout.contains(expected), "{expected}: {output:?}");
}

#[test]
fn invalid_header_value_is_printed_with_its_name() {
    let long = "x".repeat(100);
    let shown = format!("its nonce is \"{}\"… (100 characters)", "x".repeat(72));
    for (name, value, expected) in [
        (
            "timestamp",
            "1714128828",
            "its timestamp is \"1714128828\", and must be Unix milliseconds, 13 digits: 10 digits are seconds",
        ),
        ("timestamp", "1714128828114000", "16 digits are microseconds"),
        ("timestamp", "1714128828.114", "it is written as a fraction"),
        ("timestamp", "2024-04-26T10:53:48Z", "it is a date"),
        ("timestamp", "\"1714128828114\"", "it is in quotes; leave them out"),
        ("timestamp", "", "its field timestamp is empty"),
        (
            "nonce",
            "abc",
            "its nonce is \"abc\", and must be 16 to 64 characters of 0-9 A-Z a-z _ -: it has 3",
        ),
        ("nonce", &long, &shown),
        ("nonce", "Zm9vYmFyZm9vYmFyZg==", "it is base64; write hex"),
        ("nonce", "a\u{1b}[31mbbbbbbbbbbbbbbbb", "\"a\\u{1b}[31mbbbb"),
        (
            "sign",
            "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=",
            "its sign is \"ABEiM0RV\"… (44 characters), and must be 64 hex digits: it is base64",
        ),
        ("sign", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "40 digits are SHA-1's"),
        ("appId", "0A1B2C3D-0A1B-2C3D-0A1B-2C3D0A1B2C3D", "write it in lower case and without dashes"),
        ("appId", "shop", "its appId is \"shop\", and must be 32 lower-case hex digits"),
    ] {
        refused(&verify(&with(name, value)), expected);
    }
}

#[test]
fn foreign_header_format_is_reported() {
    let right = with("", "");
    let fields = right.split_once(' ').unwrap().1;
    for (header, expected) in [
        (String::new(), "the header is empty"),
        ("V2_SHA256".to_owned(), "nothing follows its scheme"),
        (fields.to_owned(), "its scheme is missing"),
        (right.replace("V2_SHA256 ", "V2_SHA256"), "no space follows its scheme"),
        (right.replace(",sign", ",\n sign"), "its field \"\\n sign\" is not known; it is spelt sign"),
        (
            format!("v2_sha256 {fields}"),
            "its scheme is \"v2_sha256\", and must be V2_SHA256 or V2_HMAC_SHA256, in upper case",
        ),
        (format!("Bearer {fields}"), "its scheme is \"Bearer\""),
        (right.replace(',', ";"), "its fields are separated by semicolons, where commas belong"),
        (right.replace(',', " "), "its fields are separated by spaces, where commas belong"),
        (right.replace("appId", "appid"), "its field \"appid\" is not known; it is spelt appId"),
        (format!("{right},appId=x"), "its field appId is given twice"),
        (right.replace("nonce=", "nonce:"), "is no name=value"),
        (right.replace(",nonce=", ",nonc="), "its field nonce is missing"),
        ("x".repeat(1100), "the header has 1100 bytes; at most 1024 are read"),
    ] {
        refused(&verify(&header), expected);
    }
    // All of them are reported together.
    let output =
        verify(&with("timestamp", "1").replace("nonce=662AE409A10299D2-1603C9149F1AE7A0", "nonce=1"));
    assert_eq!(output.stdout.matches("  · ").count(), 2, "{output:?}");
}

#[test]
fn possible_secret_in_a_header_is_not_printed() {
    let secret = signer(Scheme::Sha256).app_secret;
    let other = "00112233445566778899aabbccddeeff";
    for header in [
        with("sign", &secret),
        with("sign", other),
        with("nonce", &format!("{secret}+")),
        with("timestamp", other),
        with("appId", &other.to_uppercase()),
        format!("{},appSecret={other}", with("", "")),
        format!("{},{other}", with("", "")),
        format!("{other} appId={other}"),
        format!("{other} {other}"),
        other.to_owned(),
        secret.to_uppercase(),
    ] {
        let output = verify(&header);
        assert_eq!(output.code, 3, "{output:?}");
        let said = output.stdout.to_lowercase();
        assert!(!said.contains(&secret) && !said.contains(other), "{header}: {output:?}");
    }
}

#[test]
fn invalid_header_is_reported_in_json_without_a_secret() {
    let at = url();
    let header = with("timestamp", "1");
    let mut command = rebuttal(&["verify", &at, "--authorization", &header, "--json"]);
    command.env("HOME", "/nope");
    let output = CommandOutput::run(command);
    let json = output.json();
    assert_eq!((output.code, &json["outcome"], &json["verifies"]), (3, &"refused".into(), &false.into()));
    assert!(json["refusals"][0].as_str().unwrap().contains("its timestamp is \"1\""), "{json}");
    assert_eq!(json["rightAuthorization"], serde_json::Value::Null);
}

#[test]
fn a_header_may_be_pasted_with_its_name() {
    let case = sent(&signer(Scheme::Sha256), "POST", &url(), BODY);
    for name in ["Authorization: ", "authorization:"] {
        let case = SentRequest { header: format!("{name}{}\n", case.header), ..case };
        assert_eq!(case.verify(&[]).code, 0);
    }
}
