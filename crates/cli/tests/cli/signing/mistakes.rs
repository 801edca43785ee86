//! Every common mistake of signers, under both schemes, is identified.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rebuttal_testbed::clock::now_ms;
use rebuttal_testbed::{Scheme, Signer};
use sha2::{Digest as _, Sha256};

use super::{BASE, BODY, NONCE, SentRequest, signer};
use crate::common::CommandOutput;

/// Where the request is sent. The escapes are those that libraries write differently.
const AT: &str = "https://pay.example/pg/v2/dispute/query?b=%2fx%20y&a=2";
/// A nonce with what some take out of it.
const DASHED: &str = "662ae409-a102-99d2-1603-c9149f1ae7a0";
/// The same without a query, where other mistakes can be made.
const PLAIN_AT: &str = "https://pay.example/pg/v2/dispute/query";
const SCHEMES: [Scheme; 2] = [Scheme::Sha256, Scheme::HmacSha256];

/// The input of a signature, in parts.
struct SigningInput {
    scheme: Scheme,
    values: Vec<(&'static str, Vec<u8>)>,
    key: Vec<u8>,
    between: &'static [u8],
    last: &'static [u8],
}

impl SigningInput {
    fn right(signer: &Signer, at: &str, timestamp: &str) -> Self {
        let Signer { app_id, app_secret, scheme } = signer;
        let mut values = vec![
            ("appId", app_id.as_str()),
            ("appSecret", app_secret),
            ("method", "POST"),
            ("URL", at),
            ("timestamp", timestamp),
            ("nonce", DASHED),
            ("body", BODY),
        ];
        values.retain(|(name, _)| *name != "appSecret" || *scheme == Scheme::Sha256);
        let values = values.into_iter().map(|(name, text)| (name, text.as_bytes().to_vec())).collect();
        Self { scheme: *scheme, values, key: app_secret.as_bytes().to_vec(), between: b"\n", last: b"\n" }
    }

    fn text(&self, name: &str) -> String {
        let value = match name {
            "appSecret" => &self.key,
            _ => &self.values.iter().find(|(known, _)| *known == name).unwrap().1,
        };
        String::from_utf8(value.clone()).unwrap()
    }

    fn set(&mut self, name: &str, bytes: impl AsRef<[u8]>) {
        if name == "appSecret" {
            self.key = bytes.as_ref().to_vec();
        }
        for (_, value) in self.values.iter_mut().filter(|(known, _)| *known == name) {
            *value = bytes.as_ref().to_vec();
        }
    }

    fn with(&mut self, name: &str, change: impl Fn(&str) -> String) {
        let text = change(&self.text(name));
        self.set(name, text);
    }

    fn at(&self, name: &str) -> usize {
        self.values.iter().position(|(known, _)| *known == name).unwrap()
    }

    fn sign(&self) -> String {
        let values: Vec<_> = self.values.iter().map(|(_, value)| value.as_slice()).collect();
        let bytes = [&values.join(self.between), self.last].concat();
        match self.scheme {
            Scheme::Sha256 => hex::encode(Sha256::digest(bytes)),
            Scheme::HmacSha256 => {
                let mac = Hmac::<Sha256>::new_from_slice(&self.key).unwrap().chain_update(bytes);
                hex::encode(mac.finalize().into_bytes())
            }
        }
    }
}

type Mutation = Box<dyn Fn(&mut SigningInput)>;

fn change(expected: &'static str, change: impl Fn(&mut SigningInput) + 'static) -> (&'static str, Mutation) {
    (expected, Box::new(change))
}

/// A value as text becomes another.
fn with(
    expected: &'static str,
    name: &'static str,
    to: impl Fn(&str) -> String + 'static,
) -> (&'static str, Mutation) {
    change(expected, move |input| input.with(name, &to))
}

fn in_the_shape() -> Vec<(&'static str, Mutation)> {
    vec![
        change("the LF after the last value, the body, is missing", |input| input.last = b""),
        change("the values end in CR LF instead of LF", |input| {
            (input.between, input.last) = (b"\r\n", b"\r\n");
        }),
        change("nothing stands between the values", |input| (input.between, input.last) = (b"", b"")),
        change("a backslash and the letter n", |input| (input.between, input.last) = (b"\\n", b"\\n")),
        change("the values are joined by &", |input| (input.between, input.last) = (b"&", b"")),
        change("the values are joined by a space", |input| (input.between, input.last) = (b" ", b"")),
        change("the values are joined by |", |input| (input.between, input.last) = (b"|", b"")),
        change("the timestamp and the nonce are swapped", |input| {
            let (one, other) = (input.at("timestamp"), input.at("nonce"));
            input.values.swap(one, other);
        }),
        change("the method and the URL are swapped", |input| {
            let (one, other) = (input.at("method"), input.at("URL"));
            input.values.swap(one, other);
        }),
        change("the appId is signed last", |input| input.values.rotate_left(1)),
        change("the method is left out, with its LF", |input| {
            input.values.retain(|(name, _)| *name != "method");
        }),
        change("the body is left out, with its LF", |input| {
            input.values.retain(|(name, _)| *name != "body");
        }),
        change("the text is encoded as UTF-16", |input| {
            for (_, value) in &mut input.values {
                let text = String::from_utf8(value.clone()).unwrap();
                *value = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            }
            (input.between, input.last) = (b"\n\0", b"\n\0");
        }),
    ]
}

fn in_the_url() -> Vec<(&'static str, Mutation)> {
    let url = |expected, to: fn(&str) -> String| with(expected, "URL", to);
    let path = |url: &str| url.split('?').next().unwrap().to_owned();
    vec![
        url("the path and the query alone, without the base URL", |url| {
            url.replace("https://pay.example", "")
        }),
        with("the query string is left out", "URL", path),
        url("http and https are confused", |url| url.replace("https", "http")),
        url("https:// is left out", |url| url.replace("https://", "")),
        url("the default port is written out", |url| url.replace("example/", "example:443/")),
        url("the host is in upper case", |url| url.replace("pay.example", "PAY.EXAMPLE")),
        url("a slash too many between the base URL and the path", |url| url.replace("/pg", "//pg")),
        url("a slash before the query string", |url| url.replace('?', "/?")),
        url("the URL is percent-encoded", |url| {
            let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
            let encoded = url.bytes().map(|byte| match keep(byte) {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            });
            encoded.collect()
        }),
        url("its %-escapes are resolved", |url| url.replace("%2f", "/").replace("%20", " ")),
        url("its %-escapes are in upper case", |url| url.replace("%2f", "%2F")),
        url("its spaces are written +, but sent as %20", |url| url.replace("%20", "+")),
        url("the parts of the query string are sorted", |url| {
            url.replace("b=%2fx%20y&a=2", "a=2&b=%2fx%20y")
        }),
        url("it is that of another call, /pg/v2/dispute/contest", |_| {
            "https://pay.example/pg/v2/dispute/contest".to_owned()
        }),
        url("the path is signed without /pg/v2", |url| url.replace("/pg/v2", "")),
    ]
}

fn in_a_url_without_query() -> Vec<(&'static str, Mutation)> {
    let url = |expected, to: fn(&str) -> String| with(expected, "URL", to);
    vec![
        url("a slash too many at the end", |url| format!("{url}/")),
        url("an empty query string is added", |url| format!("{url}?")),
        url("the path alone, without the base URL", |_| "/pg/v2/dispute/query".to_owned()),
        url("the base URL alone, without the path", |_| BASE.to_owned()),
    ]
}

fn in_the_secret() -> Vec<(&'static str, Mutation)> {
    let secret = |expected, to: fn(&str) -> String| with(expected, "appSecret", to);
    vec![
        secret("the secret has an LF at its end", |secret| format!("{secret}\n")),
        secret("the secret has CR LF at its end", |secret| format!("{secret}\r\n")),
        secret("the secret has a space at its end", |secret| format!("{secret} ")),
        secret("the secret has quotes around it", |secret| format!("\"{secret}\"")),
        secret("the secret has single quotes around it", |secret| format!("'{secret}'")),
        secret("the secret has a byte order mark before it", |secret| format!("\u{feff}{secret}")),
        secret("the secret has upper-case digits", str::to_uppercase),
        secret("the secret has nothing in its place: it is empty", |_| String::new()),
        secret("the secret is written in base64", |secret| BASE64.encode(secret)),
        secret("the secret's 16 bytes are written in base64", |secret| {
            BASE64.encode(hex::decode(secret).unwrap())
        }),
        secret("the secret is written in hex once more", |secret| hex::encode(secret)),
        secret("the secret is hashed with SHA-256", |secret| hex::encode(Sha256::digest(secret))),
        secret("the secret is the app's id", |_| "0a1b2c3d".repeat(4)),
        change("the secret is taken as 16 bytes", |input| {
            let bytes = hex::decode(input.text("appSecret")).unwrap();
            input.set("appSecret", bytes);
        }),
        change("the secret is read as base64, which it is not", |input| {
            let bytes = BASE64.decode(input.text("appSecret")).unwrap();
            input.set("appSecret", bytes);
        }),
    ]
}

fn in_the_body() -> Vec<(&'static str, Mutation)> {
    let body = |expected, to: fn(&str) -> String| with(expected, "body", to);
    vec![
        body("with an LF at its end that was not sent", |body| format!("{body}\n")),
        body("with CR LF at its end that was not sent", |body| format!("{body}\r\n")),
        body("with a byte order mark that was not sent", |body| format!("\u{feff}{body}")),
        body("as if it were empty", |_| String::new()),
        body("as {}", |_| "{}".to_owned()),
        body("as null", |_| "null".to_owned()),
        body("as a JSON string, in quotes and escaped", |body| serde_json::to_string(body).unwrap()),
        body("as Python's json.dumps writes it", |_| {
            r#"{"disputeNo": "D-1", "note": "a/b \u00e4"}"#.to_owned()
        }),
        body("as PHP's json_encode writes it", |_| r#"{"disputeNo":"D-1","note":"a\/b \u00e4"}"#.to_owned()),
        body("with ? for what is not ASCII", |body| body.replace('ä', "?")),
        body("as UTF-8 that was taken for Latin-1 and encoded once more", |body| body.replace('ä', "Ã¤")),
        body("without any space, those in its strings left out, too", |body| body.replace(' ', "")),
        body("as its SHA-256 in hex", |body| hex::encode(Sha256::digest(body))),
        body("in base64", |body| BASE64.encode(body)),
        change("in Latin-1, but sent in UTF-8", |input| {
            let body = input.text("body");
            let latin = body.chars().map(|character| u8::try_from(u32::from(character)).unwrap());
            let latin: Vec<_> = latin.collect();
            input.set("body", latin);
        }),
    ]
}

fn in_other_values() -> Vec<(&'static str, Mutation)> {
    let later = |millis: i64| move |text: &str| (text.parse::<i64>().unwrap() + millis).to_string();
    vec![
        with("the method is in lower case", "method", str::to_lowercase),
        with("the method is GET", "method", |_| "GET".to_owned()),
        with("the timestamp is signed in seconds, but sent in milliseconds", "timestamp", |text| {
            text[..10].to_owned()
        }),
        with("the timestamp is signed in whole seconds", "timestamp", |text| format!("{}000", &text[..10])),
        with("is 3 ms after the one that was sent: the clock was read twice", "timestamp", later(3)),
        with("is 100 ms before the one that was sent: the clock was read twice", "timestamp", later(-100)),
        with("the nonce is signed in upper case, but sent otherwise", "nonce", str::to_uppercase),
        with("the nonce is signed without its dashes", "nonce", |text| text.replace('-', "")),
        with("the appId that is signed is in upper case", "appId", str::to_uppercase),
        with("the appId that is signed has the dashes of a UUID", "appId", |_| {
            "0a1b2c3d-0a1b-2c3d-0a1b-2c3d0a1b2c3d".to_owned()
        }),
    ]
}

fn in_the_scheme(scheme: Scheme) -> Vec<(&'static str, Mutation)> {
    let without_secret = |input: &mut SigningInput| input.values.retain(|(name, _)| *name != "appSecret");
    let with_secret = |input: &mut SigningInput| input.values.insert(1, ("appSecret", input.key.clone()));
    match scheme {
        Scheme::Sha256 => vec![
            change("it is signed as V2_HMAC_SHA256, but the header says V2_SHA256", move |input| {
                without_secret(input);
                input.scheme = Scheme::HmacSha256;
            }),
            change("HMAC is used, where V2_SHA256 is the plain SHA-256", |input| {
                input.scheme = Scheme::HmacSha256;
            }),
            change("the secret's line is left out, which only V2_HMAC_SHA256 does", without_secret),
            change("the appId and the appSecret are swapped", |input| input.values.swap(0, 1)),
            change("the appSecret is signed last", |input| {
                let secret = input.values.remove(1);
                input.values.push(secret);
            }),
        ],
        Scheme::HmacSha256 => vec![
            change("it is signed as V2_SHA256, but the header says V2_HMAC_SHA256", move |input| {
                with_secret(input);
                input.scheme = Scheme::Sha256;
            }),
            change("the secret is a line too many: under HMAC it is the key alone", with_secret),
            change("plain SHA-256 is used, where HMAC-SHA256 is meant", |input| {
                input.scheme = Scheme::Sha256;
            }),
        ],
    }
}

/// A request whose sign is made with a change to what is right.
fn sent<'a>(scheme: Scheme, at: &'a str, timestamp: &str, changes: &[&Mutation]) -> SentRequest<'a> {
    let signer = signer(scheme);
    let mut input = SigningInput::right(&signer, at, timestamp);
    changes.iter().for_each(|change| change(&mut input));
    // What was changed is what was signed; the header says what the signer meant.
    SentRequest { url: at, body: BODY, header: signer.header(&input.sign(), timestamp, DASHED) }
}

/// Everything that `verify` says of mistakes, each with what it must say.
pub(crate) fn said() -> Vec<(&'static str, CommandOutput)> {
    let timestamp = now_ms().to_string();
    let mut said = Vec::new();
    for scheme in SCHEMES {
        let mistakes = [in_the_shape(), in_the_url(), in_the_secret(), in_the_body(), in_other_values()];
        for (expected, change) in mistakes.into_iter().flatten().chain(in_the_scheme(scheme)) {
            said.push((expected, sent(scheme, AT, &timestamp, &[&change]).verify(&[])));
        }
        for (expected, change) in in_a_url_without_query() {
            said.push((expected, sent(scheme, PLAIN_AT, &timestamp, &[&change]).verify(&[])));
        }
        let behind = "https://pay.example/api/pg/v2/dispute/query";
        let (expected, change) =
            with("what stands before /pg/v2 in its path is left out", "URL", |url| url.replace("/api", ""));
        said.push((expected, sent(scheme, behind, &timestamp, &[&change]).verify(&[])));
        let case = sent(scheme, AT, &timestamp, &[]);
        let body = format!("{BODY}\n");
        let expected = "the body ends in an LF that was not signed with it";
        said.push((expected, SentRequest { body: &body, ..case }.verify(&[])));
        let (expected, at) =
            ("the URL that it was sent to, which is not the gateway's own", "http://LAN/pg/v2/dispute/query");
        said.push((expected, sent(scheme, at, &timestamp, &[]).verify(&["--url", BASE])));
        let (expected, at) = (
            "the fragment, which is never sent, is signed with it",
            "https://pay.example/pg/v2/dispute/query#top",
        );
        said.push((expected, sent(scheme, at, &timestamp, &[]).verify(&[])));
        let (expected, at) = (
            "as it was written, where a gateway's host is in lower case",
            "https://PAY.example:443/pg/v2/dispute/query",
        );
        said.push((expected, sent(scheme, at, &timestamp, &[]).verify(&[])));
    }
    said
}

#[test]
fn signing_mistake_is_named() {
    let secret = signer(Scheme::Sha256).app_secret;
    for (expected, output) in said() {
        assert_eq!(output.code, 3, "{expected}: {output:?}");
        assert!(
            output.stdout.starts_with("✗ the sign is not right, and this is why:\n"),
            "{expected}: {output:?}"
        );
        assert!(output.stdout.contains(expected), "{expected}: {output:?}");
        let others =
            output.stdout.lines().filter(|line| line.starts_with("  · ") && !line.contains("has a fragment"));
        assert_eq!(others.count(), 1, "nothing else is: {expected}: {output:?}");
        assert!(!output.stdout.contains(&secret), "the secret is shown: {output:?}");
    }
}

#[test]
fn printed_header_is_right() {
    let timestamp = now_ms().to_string();
    for scheme in SCHEMES {
        let (_, change) = with("", "method", str::to_lowercase);
        let case = sent(scheme, AT, &timestamp, &[&change]);
        let json = case.verify(&["--json"]).json();
        assert_eq!((&json["verifies"], &json["verifiedUrl"]), (&false.into(), &serde_json::Value::Null));
        let header = json["rightAuthorization"].as_str().unwrap().to_owned();
        assert_eq!(SentRequest { header, ..case }.verify(&[]).code, 0);
    }
}

#[test]
fn two_mistakes_at_once_are_named() {
    let timestamp = now_ms().to_string();
    for scheme in SCHEMES {
        let (one, other) = (
            with("the query string is left out", "URL", |url| url.split('?').next().unwrap().to_owned()),
            with("the secret has an LF at its end", "appSecret", |secret| format!("{secret}\n")),
        );
        let output = sent(scheme, AT, &timestamp, &[&one.1, &other.1]).verify(&[]);
        assert!(
            output.code == 3 && output.stdout.contains(one.0) && output.stdout.contains(other.0),
            "{output:?}"
        );
    }
}

#[test]
fn unknown_mismatch_stays_unexplained() {
    let timestamp = now_ms().to_string();
    let (_, change) = with("", "body", |_| "{\"disputeNo\":\"D-2\"}".to_owned());
    let output = sent(Scheme::Sha256, AT, &timestamp, &[&change]).verify(&[]);
    assert!(output.code == 3 && output.stdout.contains("no usual mistake explains it"), "{output:?}");
}

#[test]
fn upper_case_signature_is_valid() {
    let timestamp = now_ms().to_string();
    let signer = signer(Scheme::Sha256);
    let sign = signer.sign("POST", AT, &timestamp, NONCE, BODY.as_bytes());
    let header = signer.header(&sign.to_uppercase(), &timestamp, NONCE);
    assert_eq!(SentRequest { url: AT, body: BODY, header }.verify(&[]).code, 0);
}
