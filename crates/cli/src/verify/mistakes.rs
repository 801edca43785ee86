//! The usual mistakes of signers. Each is tried alone: applied to the bytes that should have been signed, it must
//! produce the signature that was sent.

use rebuttal_client::Scheme;
use serde_json::Value;

use super::request::CheckedRequest;
use crate::profiles::{Profile, ProfileName};
use crate::signing::request_checks::merchant_paths;
use crate::signing::{SignedBytes, SignedField};

/// A mistake, and the bytes that a signer who makes it signs.
pub(super) struct Mistake {
    pub(super) sentence: String,
    /// The field that differs, if it is one.
    pub(super) field: Option<SignedField>,
    pub(super) signed: SignedBytes,
}

/// Every mistake, applied to this request.
pub(super) fn all(request: &CheckedRequest<'_>, profiles: &[(ProfileName, Profile)]) -> Vec<Mistake> {
    let expected = request.expected_bytes(request.header.scheme);
    let fields =
        [urls(request, profiles), bodies(request.body), secrets(request, profiles), other_values(request)];
    let mut mistakes = structures(request, &expected);
    mistakes.extend(fields.into_iter().flatten().map(|(field, sentence, bytes)| {
        let mut signed = expected.clone();
        signed.set(field, &bytes);
        Mistake { sentence, field: Some(field), signed }
    }));
    mistakes
}

/// The field that a mistake is in, a sentence that names it, and the bytes that are signed instead.
type WrongField = (SignedField, String, Vec<u8>);

fn structures(request: &CheckedRequest<'_>, expected: &SignedBytes) -> Vec<Mistake> {
    let other = match expected.scheme {
        Scheme::V2Sha256 => Scheme::V2HmacSha256,
        Scheme::V2HmacSha256 => Scheme::V2Sha256,
    };
    let separated = |separator, terminator| SignedBytes { separator, terminator, ..expected.clone() };
    let mut swapped = expected.clone();
    swapped.fields.swap(0, 1);
    [
        (format!("it is signed as {other}, but the header says {}", expected.scheme), request.expected_bytes(other)),
        (
            "the LF after the last field, the body, was not signed, or the body was sent with an LF that was not signed"
                .to_owned(),
            match request.body.strip_suffix(b"\n") {
                Some(body) => {
                    let mut signed = expected.clone();
                    signed.set(SignedField::Body, body);
                    signed
                }
                None => separated(b"\n", b""),
            },
        ),
        ("the fields end in CR LF instead of LF".to_owned(), separated(b"\r\n", b"\r\n")),
        ("the fields are not separated; each must end in LF".to_owned(), separated(b"", b"")),
        ("the first two fields are swapped".to_owned(), swapped),
    ]
    .map(|(sentence, signed)| Mistake { sentence, field: None, signed })
    .into()
}

fn urls(request: &CheckedRequest<'_>, profiles: &[(ProfileName, Profile)]) -> Vec<WrongField> {
    let (base, target) = (request.base_url.as_str(), request.target.as_str());
    let url = format!("{base}{target}");
    let other_scheme = match url.strip_prefix("https://") {
        Some(rest) => format!("http://{rest}"),
        None => url.replacen("http://", "https://", 1),
    };
    let path = target.split('?').next().unwrap_or(target);
    let query = target.strip_prefix(path).unwrap_or_default();
    let without_slash = path.trim_end_matches('/');
    let mut urls = vec![
        (
            "the spelling differs from the gateway's (lower-case host, no default port)",
            request.sent_to.written.clone(),
        ),
        ("https and http are swapped", other_scheme),
        ("it has an extra slash at the end", format!("{url}/")),
        ("it has an extra slash at the end of its path", format!("{base}{path}/{query}")),
        ("the slash at the end of its path is missing", format!("{base}{without_slash}{query}")),
        ("it has an extra slash after the base URL", format!("{base}/{target}")),
        ("the query string is missing", format!("{base}{path}")),
        ("the base URL is missing", target.to_owned()),
        ("the path is missing", base.to_owned()),
    ];
    let others = merchant_paths().filter(|other| *other != without_slash);
    urls.extend(others.map(|other| ("the path is that of another call", format!("{base}{other}"))));
    let urls = urls.into_iter().map(|(how, url)| (how.to_owned(), url));
    let of_profiles = profiles.iter().filter_map(|(name, profile)| {
        let url = profile.url.as_ref()?;
        Some((format!("the base URL is that of the profile {name}"), format!("{url}{target}")))
    });
    urls.chain(of_profiles)
        .map(|(how, url)| (SignedField::Url, format!("the signed URL is wrong: {how}"), url.into_bytes()))
        .collect()
}

fn bodies(body: &[u8]) -> Vec<WrongField> {
    let mut bodies = vec![
        ("with an LF at its end that was not sent", [body, b"\n"].concat()),
        ("as if it were empty", Vec::new()),
        ("without the white space between its values", respaced(body, b"")),
        ("with a space after each colon and comma, as Python's json.dumps writes it", respaced(body, b" ")),
    ];
    // serde_json sorts members.
    let sorted = serde_json::from_slice::<Value>(body).ok();
    let sorted = sorted.and_then(|value| serde_json::to_vec(&value).ok());
    bodies.extend(sorted.map(|sorted| ("with its members sorted and without white space", sorted)));
    bodies
        .into_iter()
        .map(|(how, bytes)| (SignedField::Body, format!("the body is signed {how}"), bytes))
        .collect()
}

/// JSON with other white space between its tokens: only `after` each colon and comma.
fn respaced(json: &[u8], after: &[u8]) -> Vec<u8> {
    let (mut respaced, mut in_string, mut escaped) = (Vec::new(), false, false);
    for byte in json {
        if in_string {
            respaced.push(*byte);
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
        } else if !byte.is_ascii_whitespace() {
            respaced.push(*byte);
            in_string = *byte == b'"';
            if matches!(byte, b':' | b',') {
                respaced.extend_from_slice(after);
            }
        }
    }
    respaced
}

fn secrets(request: &CheckedRequest<'_>, profiles: &[(ProfileName, Profile)]) -> Vec<WrongField> {
    let secret = request.secret.expose();
    let mut secrets = vec![
        ("it ends in an LF, as files do".to_owned(), format!("{secret}\n").into_bytes()),
        ("its digits are in upper case".to_owned(), secret.to_uppercase().into_bytes()),
        (
            "it is decoded to 16 bytes, but its 32 digits are used as they are".to_owned(),
            hex::decode(secret).unwrap_or_default(),
        ),
    ];
    secrets.extend(profiles.iter().filter_map(|(name, profile)| {
        let secret = profile.app_secret.as_ref()?;
        Some((format!("it is that of the profile {name}"), secret.expose().as_bytes().to_vec()))
    }));
    secrets
        .into_iter()
        .map(|(how, bytes)| (SignedField::AppSecret, format!("the secret is wrong: {how}"), bytes))
        .collect()
}

fn other_values(request: &CheckedRequest<'_>) -> Vec<WrongField> {
    let seconds = request.header.timestamp.0 / 1000;
    vec![
        (
            SignedField::Method,
            "the method is signed in lower case".to_owned(),
            request.method.to_lowercase().into(),
        ),
        (
            SignedField::Method,
            "the method is signed as POST, but sent otherwise".to_owned(),
            b"POST".to_vec(),
        ),
        (
            SignedField::Timestamp,
            "the timestamp is signed in seconds, but sent in milliseconds".to_owned(),
            seconds.to_string().into_bytes(),
        ),
    ]
}
