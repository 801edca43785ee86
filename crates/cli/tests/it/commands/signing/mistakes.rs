//! Each usual mistake of signers is named, under both schemes.

use hmac::{Hmac, KeyInit as _, Mac as _};
use rebuttal_testbed::Scheme;
use rebuttal_testbed::clock::now_ms;
use sha2::{Digest as _, Sha256};

use super::{BASE, NONCE, SentRequest, signer};
use crate::common::CommandOutput;

const URL: &str = "https://pay.example/pg/v2/dispute/query?a=1";
const BODY: &str = r#"{"reason": "a, b: \"c\"", "disputeNo":"D-1"}"#;

/// The input of a signature, in parts.
struct SigningInput {
    scheme: Scheme,
    /// appId, appSecret, method, URL, timestamp, nonce and body; the secret is the key under HMAC.
    fields: [Vec<u8>; 7],
    separator: &'static str,
    terminator: &'static str,
}

impl SigningInput {
    fn sign(&self) -> String {
        let with_secret = self.scheme == Scheme::Sha256;
        let fields = self.fields.iter().enumerate().filter(|(index, _)| with_secret || *index != 1);
        let fields: Vec<_> = fields.map(|(_, bytes)| bytes.as_slice()).collect();
        let bytes = [&fields.join(self.separator.as_bytes()), self.terminator.as_bytes()].concat();
        match self.scheme {
            Scheme::Sha256 => hex::encode(Sha256::digest(bytes)),
            Scheme::HmacSha256 => {
                let mac = Hmac::<Sha256>::new_from_slice(&self.fields[1]).unwrap().chain_update(bytes);
                hex::encode(mac.finalize().into_bytes())
            }
        }
    }
}

const APP_SECRET: usize = 1;
const METHOD: usize = 2;
const SIGNED_URL: usize = 3;
const TIMESTAMP: usize = 4;
const SIGNED_BODY: usize = 6;

type Mutation = fn(&mut SigningInput);

/// What is reported, and the mistake that is made.
const MISTAKES: [(&str, Mutation); 24] = [
    ("the LF after the last field, the body, was not signed", |input| input.terminator = ""),
    ("the fields end in CR LF instead of LF", |input| (input.separator, input.terminator) = ("\r\n", "\r\n")),
    ("the fields are not separated; each must end in LF", |input| {
        (input.separator, input.terminator) = ("", "");
    }),
    ("the first two fields are swapped", |input| match input.scheme {
        Scheme::Sha256 => input.fields.swap(0, APP_SECRET),
        Scheme::HmacSha256 => input.fields.swap(0, METHOD),
    }),
    ("it is signed as V2_", |input| {
        input.scheme = match input.scheme {
            Scheme::Sha256 => Scheme::HmacSha256,
            Scheme::HmacSha256 => Scheme::Sha256,
        };
    }),
    ("https and http are swapped", |input| replace(input, SIGNED_URL, "https", "http")),
    ("it has an extra slash at the end", |input| input.fields[SIGNED_URL].push(b'/')),
    ("it has an extra slash at the end of its path", |input| replace(input, SIGNED_URL, "?", "/?")),
    ("it has an extra slash after the base URL", |input| replace(input, SIGNED_URL, "/pg", "//pg")),
    ("the query string is missing", |input| replace(input, SIGNED_URL, "?a=1", "")),
    ("the base URL is missing", |input| replace(input, SIGNED_URL, BASE, "")),
    ("the path is missing", |input| input.fields[SIGNED_URL] = BASE.into()),
    ("the path is that of another call", |input| {
        input.fields[SIGNED_URL] = format!("{BASE}/pg/v2/dispute/contest").into();
    }),
    ("with an LF at its end that was not sent", |input| input.fields[SIGNED_BODY].push(b'\n')),
    ("as if it were empty", |input| input.fields[SIGNED_BODY].clear()),
    ("without the white space between its values", |input| {
        input.fields[SIGNED_BODY] = r#"{"reason":"a, b: \"c\"","disputeNo":"D-1"}"#.into();
    }),
    ("as Python's json.dumps writes it", |input| {
        input.fields[SIGNED_BODY] = r#"{"reason": "a, b: \"c\"", "disputeNo": "D-1"}"#.into();
    }),
    ("with its members sorted and without white space", |input| {
        input.fields[SIGNED_BODY] = r#"{"disputeNo":"D-1","reason":"a, b: \"c\""}"#.into();
    }),
    ("it ends in an LF, as files do", |input| input.fields[APP_SECRET].push(b'\n')),
    ("its digits are in upper case", |input| input.fields[APP_SECRET].make_ascii_uppercase()),
    ("it is decoded to 16 bytes", |input| {
        input.fields[APP_SECRET] = hex::decode(&input.fields[APP_SECRET]).unwrap();
    }),
    ("the method is signed in lower case", |input| input.fields[METHOD].make_ascii_lowercase()),
    ("the timestamp is signed in seconds", |input| input.fields[TIMESTAMP].truncate(10)),
    ("", |input| replace(input, SIGNED_BODY, "D-1", "D-2")),
];

fn replace(input: &mut SigningInput, field: usize, from: &str, to: &str) {
    let text = String::from_utf8(input.fields[field].clone()).unwrap();
    input.fields[field] = text.replace(from, to).into();
}

fn verify(scheme: Scheme, mistake: Mutation, more: &[&str]) -> CommandOutput {
    let (signer, timestamp) = (signer(scheme), now_ms().to_string());
    let fields = [&signer.app_id, &signer.app_secret, "POST", URL, &timestamp, NONCE, BODY];
    let fields = fields.map(|text| text.as_bytes().to_vec());
    let mut input = SigningInput { scheme, fields, separator: "\n", terminator: "\n" };
    mistake(&mut input);
    SentRequest { url: URL, body: BODY, header: signer.header(&input.sign(), &timestamp, NONCE) }.verify(more)
}

/// Every mistake that `verify` knows, with its output.
pub(crate) fn outputs() -> Vec<(&'static str, CommandOutput)> {
    let of = |scheme| MISTAKES.map(|(expected, mistake)| (expected, verify(scheme, mistake, &[])));
    [of(Scheme::Sha256), of(Scheme::HmacSha256)].concat()
}

#[test]
fn signing_mistake_is_named() {
    let secret = signer(Scheme::Sha256).app_secret;
    for (expected, output) in outputs() {
        assert_eq!(output.code, 3, "{expected}: {output:?}");
        let headline = match expected {
            "" => "✗ the signature is not valid, and no usual mistake explains it.",
            _ => "✗ the signature is not valid, because of this mistake:\n",
        };
        assert!(output.stdout.starts_with(headline), "{expected}: {output:?}");
        assert!(output.stdout.contains(expected), "{expected}: {output:?}");
        let points = output.stdout.lines().filter(|line| line.starts_with("  · ")).count();
        assert_eq!(points, usize::from(!expected.is_empty()), "{expected}: {output:?}");
        assert!(!output.stdout.contains(&secret), "the secret is shown: {output:?}");
    }
}

#[test]
fn missing_slash_at_the_end_of_the_path_is_named() {
    for query in ["", "?a=1"] {
        let signed = format!("{BASE}/pg/v2/dispute/query{query}");
        let url = &signed.replacen("query", "query/", 1);
        let (signer, timestamp) = (signer(Scheme::Sha256), now_ms().to_string());
        let sign = signer.sign("POST", &signed, &timestamp, NONCE, BODY.as_bytes());
        let header = signer.header(&sign, &timestamp, NONCE);
        let output = SentRequest { url, body: BODY, header }.verify(&[]);
        assert!(output.stdout.contains("the slash at the end of its path is missing"), "{output:?}");
    }
}

#[test]
fn differing_field_is_shown_as_signed_and_as_expected() {
    let output = verify(Scheme::Sha256, |input| replace(input, SIGNED_URL, "https", "http"), &[]);
    let expected = format!("    signed:   {}\n    expected: {URL}\n", URL.replace("https", "http"));
    assert!(output.stdout.contains(&expected), "{output:?}");
}

#[test]
fn expected_header_is_valid() {
    for scheme in [Scheme::Sha256, Scheme::HmacSha256] {
        let json = verify(scheme, |input| input.terminator = "", &["--json"]).json();
        assert_eq!((&json["verifies"], &json["verifiedUrl"]), (&false.into(), &serde_json::Value::Null));
        let header = json["expectedAuthorization"].as_str().unwrap().to_owned();
        assert_eq!(SentRequest { url: URL, body: BODY, header }.verify(&[]).code, 0);
    }
}

#[test]
fn body_sent_with_an_unsigned_lf_is_named() {
    let (signer, timestamp) = (signer(Scheme::Sha256), now_ms().to_string());
    let header = signer.header(&signer.sign("POST", URL, &timestamp, NONCE, b"{}"), &timestamp, NONCE);
    let output = SentRequest { url: URL, body: "{}\n", header }.verify(&[]);
    assert!(output.stdout.contains("or the body was sent with an LF that was not signed"), "{output:?}");
}
