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

#[test]
fn malformed_header_is_explained() {
    let right = with("", "");
    let fields = right.split_once(' ').unwrap().1;
    for (header, expected) in [
        (
            with("timestamp", "1714128828"),
            "timestamp must be Unix milliseconds, 13 digits; 10 digits are seconds",
        ),
        (with("timestamp", "\"1714128828114\""), "leave out the quotes"),
        (with("nonce", "abc"), "nonce must be 16 to 64 characters of 0-9 A-Z a-z _ -"),
        (with("sign", "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8="), "this is base64; write hex"),
        (with("appId", "0A1B2C3D-0A1B-2C3D-0A1B-2C3D0A1B2C3D"), "write it in lower case and without dashes"),
        (with("appId", "shop"), "appId must be 32 lower-case hex digits"),
        (String::new(), "must be a scheme, a space and the credentials"),
        (fields.to_owned(), "must be a scheme, a space and the credentials"),
        (format!("v2_sha256 {fields}"), "must be V2_SHA256 or V2_HMAC_SHA256; write it in upper case"),
        (right.replace("appId", "appid"), "only appId, sign, timestamp and nonce may be given"),
        (format!("{right},nonce=662AE409A10299D2-1603C9149F1AE7A0"), "nonce is given twice"),
        (right.replace("nonce=", "nonce:"), "credentials must be name=value, separated by commas"),
        (
            fields
                .replace(",nonce=662AE409A10299D2-1603C9149F1AE7A0", "")
                .replace("appId", "V2_SHA256 appId"),
            "nonce is missing",
        ),
        ("x".repeat(1100), "must be ASCII of at most 1024 bytes"),
    ] {
        let output = verify(&header);
        let begin = "✗ the gateway refuses the Authorization header:\n  · ";
        assert_eq!((output.code, output.stderr.as_str()), (3, ""), "{expected}: {output:?}");
        assert!(
            output.stdout.starts_with(begin) && output.stdout.contains(expected),
            "{expected}: {output:?}"
        );
    }
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
    assert!(json["refusals"][0].as_str().unwrap().starts_with("timestamp must be"), "{json}");
    assert_eq!(json["expectedAuthorization"], serde_json::Value::Null);
}

#[test]
fn header_value_may_include_the_header_name() {
    let case = sent(&signer(Scheme::Sha256), "POST", &url(), BODY);
    for name in ["Authorization: ", "authorization:"] {
        let case = SentRequest { header: format!("{name}{}\n", case.header), ..case };
        assert_eq!(case.verify(&[]).code, 0);
    }
}
