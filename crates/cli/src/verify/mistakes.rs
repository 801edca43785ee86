//! What signers usually do wrong, each as a change to what would be right.

use std::rc::Rc;

use rebuttal_client::Scheme;
use zeroize::Zeroizing;

use super::bodies;
use crate::settings::Secret;
use crate::signing::{Draft, Value};

/// One mistake.
#[derive(Clone)]
pub(super) struct Mistake {
    /// Mistakes of one place exclude each other.
    pub(super) place: Place,
    pub(super) sentence: String,
    pub(super) make: Rc<dyn Fn(&mut Draft)>,
}

/// Where a mistake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Value(Value),
    /// Between the values, and after the last.
    Ends,
    Scheme,
}

/// What is known beside the signed values.
pub(super) struct Seen<'a> {
    pub(super) sent_to: &'a str,
    /// What follows `#`, with it.
    pub(super) fragment: &'a str,
    pub(super) base_url: &'a str,
    pub(super) target: &'a str,
    pub(super) secret: &'a str,
    /// Those of other profiles, with the profiles' names.
    pub(super) other_secrets: Vec<(String, Secret)>,
}

/// Every mistake, the usual ones first.
pub(super) fn all(right: &Draft, seen: &Seen<'_>) -> Vec<Mistake> {
    let body = right.value(Value::Body).unwrap_or_default();
    let mut mistakes = line_ends();
    mistakes.extend(urls(seen));
    mistakes.extend(
        bodies::variants(body).into_iter().map(|(sentence, bytes)| replaced(Value::Body, sentence, bytes)),
    );
    mistakes.extend(secrets(seen));
    mistakes.extend(schemes(right.scheme));
    mistakes.extend(others(right));
    mistakes
}

fn mistake(place: Place, sentence: impl Into<String>, make: impl Fn(&mut Draft) + 'static) -> Mistake {
    Mistake { place, sentence: sentence.into(), make: Rc::new(make) }
}

fn replaced(value: Value, sentence: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Mistake {
    // May be a secret.
    let bytes = Zeroizing::new(bytes.into());
    mistake(Place::Value(value), sentence, move |draft| draft.set(value, &bytes))
}

fn line_ends() -> Vec<Mistake> {
    vec![
        mistake(Place::Ends, "the LF after the last value, the body, is missing", |draft| draft.last = b""),
        mistake(Place::Ends, "the values end in CR LF instead of LF", |draft| {
            (draft.between, draft.last) = (b"\r\n", b"\r\n");
        }),
        mistake(Place::Ends, "the values end in CR LF instead of LF, and the last one in nothing", |draft| {
            (draft.between, draft.last) = (b"\r\n", b"");
        }),
        mistake(Place::Ends, "nothing stands between the values, where each must end in LF", |draft| {
            (draft.between, draft.last) = (b"", b"");
        }),
        mistake(
            Place::Ends,
            "the values end in a backslash and the letter n, where LF is one byte, 0Ah",
            |draft| {
                (draft.between, draft.last) = (b"\\n", b"\\n");
            },
        ),
        mistake(
            Place::Ends,
            "the values end in a backslash and the letter n instead of LF, and the last in nothing",
            |draft| {
                (draft.between, draft.last) = (b"\\n", b"");
            },
        ),
        mistake(Place::Ends, "the values are joined by & instead of ended by LF", |draft| {
            (draft.between, draft.last) = (b"&", b"");
        }),
    ]
}

fn urls(seen: &Seen<'_>) -> Vec<Mistake> {
    let Seen { sent_to, fragment, base_url, target, .. } = seen;
    let sent_to = sent_to.strip_suffix(fragment).unwrap_or(sent_to);
    let right = format!("{base_url}{target}");
    let (path, query) = target.split_once('?').map_or((*target, None), |(path, query)| (path, Some(query)));
    let (scheme, host) = base_url.split_once("://").unwrap_or(("", base_url));
    let other_scheme = if scheme == "https" { "http" } else { "https" };
    let (authority, base_path) = host.split_at(host.find('/').unwrap_or(host.len()));
    let default_port = if scheme == "https" { 443 } else { 80 };
    let mut urls = vec![
        ("the URL that it was sent to, which is not the gateway's own", sent_to.to_owned()),
        ("the fragment, which is never sent, is signed with it", format!("{right}{fragment}")),
        ("the query string is left out", format!("{base_url}{path}")),
        ("the path and the query alone, without the base URL", (*target).to_owned()),
        ("the path alone, without the base URL", path.to_owned()),
        ("the base URL's path is left out", format!("{scheme}://{authority}{target}")),
        ("the base URL alone, without the path", (*base_url).to_owned()),
        ("the base URL alone with a slash, without the path", format!("{base_url}/")),
        ("http and https are confused", format!("{other_scheme}://{host}{target}")),
        ("http:// or https:// is left out", format!("{host}{target}")),
        ("a slash too many between the base URL and the path", format!("{base_url}/{target}")),
        (
            "the default port is written out",
            format!("{scheme}://{authority}:{default_port}{base_path}{target}"),
        ),
        ("the host is in upper case", format!("{scheme}://{}{base_path}{target}", authority.to_uppercase())),
        ("the whole URL is in lower case", right.to_lowercase()),
        ("localhost instead of 127.0.0.1", right.replace("127.0.0.1", "localhost")),
        ("127.0.0.1 instead of localhost", right.replace("localhost", "127.0.0.1")),
        ("the URL is percent-encoded", percent_encoded(&right)),
    ];
    match query {
        None => {
            urls.push(("a slash too many at the end", format!("{right}/")));
            urls.push(("an empty query string is added", format!("{right}?")));
        }
        Some(query) => urls.push(("a slash before the query string", format!("{base_url}{path}/?{query}"))),
    }
    if let Some(without) = path.strip_suffix('/') {
        urls.push(("the slash at the end is left out", format!("{base_url}{without}")));
    }
    urls.retain(|(_, url)| *url != right);
    urls.into_iter()
        .map(|(sentence, url)| replaced(Value::Url, format!("the URL: {sentence}"), url))
        .collect()
}

/// As JavaScript's `encodeURIComponent` and its kin write it.
fn percent_encoded(url: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    url.bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn secrets(seen: &Seen<'_>) -> Vec<Mistake> {
    let secret = seen.secret;
    let mut variants: Vec<(String, Zeroizing<Vec<u8>>)> = [
        ("an LF at its end, as files have", format!("{secret}\n")),
        ("CR LF at its end, as files of Windows have", format!("{secret}\r\n")),
        ("a space at its end", format!("{secret} ")),
        ("a space before it", format!(" {secret}")),
        ("quotes around it", format!("\"{secret}\"")),
        ("upper-case digits", secret.to_uppercase()),
        ("nothing in its place: it is empty", String::new()),
    ]
    .into_iter()
    .map(|(sentence, text)| (format!("the secret has {sentence}"), Zeroizing::new(text.into_bytes())))
    .collect();
    variants.push((
        "the secret is taken as 16 bytes, where its 32 digits are meant as they are".to_owned(),
        Zeroizing::new(sixteen_bytes(secret)),
    ));
    variants.extend(seen.other_secrets.iter().map(|(name, secret)| {
        (
            format!("the secret is that of the profile {name}"),
            Zeroizing::new(secret.expose().as_bytes().to_vec()),
        )
    }));
    let make = |(sentence, bytes): (String, Zeroizing<Vec<u8>>)| {
        mistake(Place::Value(Value::AppSecret), sentence, move |draft| {
            draft.set(Value::AppSecret, &bytes);
            draft.key.clone_from(&bytes);
        })
    };
    variants.into_iter().map(make).collect()
}

fn sixteen_bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

fn schemes(scheme: Scheme) -> Vec<Mistake> {
    let without_secret = |draft: &mut Draft| draft.values.retain(|(value, _)| *value != Value::AppSecret);
    let with_secret = |draft: &mut Draft| {
        let secret = draft.key.clone();
        draft.values.insert(1.min(draft.values.len()), (Value::AppSecret, secret));
    };
    match scheme {
        Scheme::V2Sha256 => vec![
            mistake(
                Place::Scheme,
                "it is signed as V2_HMAC_SHA256, but the header says V2_SHA256",
                move |draft| {
                    draft.scheme = Scheme::V2HmacSha256;
                    without_secret(draft);
                },
            ),
            mistake(
                Place::Scheme,
                "HMAC is used, where V2_SHA256 is the plain SHA-256 of the same bytes",
                |draft| {
                    draft.scheme = Scheme::V2HmacSha256;
                },
            ),
            mistake(
                Place::Scheme,
                "the secret's line is left out, which only V2_HMAC_SHA256 does",
                without_secret,
            ),
        ],
        Scheme::V2HmacSha256 => vec![
            mistake(
                Place::Scheme,
                "it is signed as V2_SHA256, but the header says V2_HMAC_SHA256",
                move |draft| {
                    with_secret(draft);
                    draft.scheme = Scheme::V2Sha256;
                },
            ),
            mistake(
                Place::Scheme,
                "the secret is a line too many: under HMAC it is the key alone",
                with_secret,
            ),
            mistake(Place::Scheme, "plain SHA-256 is used, where HMAC-SHA256 is meant", |draft| {
                draft.scheme = Scheme::V2Sha256;
            }),
        ],
    }
}

fn others(right: &Draft) -> Vec<Mistake> {
    let text = |value| String::from_utf8_lossy(right.value(value).unwrap_or_default()).into_owned();
    let (method, timestamp, nonce) = (text(Value::Method), text(Value::Timestamp), text(Value::Nonce));
    let seconds: String = timestamp.chars().take(timestamp.len().saturating_sub(3)).collect();
    let mut others = vec![
        replaced(Value::Method, "the method is in lower case", method.to_lowercase()),
        replaced(Value::Method, "the method is in upper case", method.to_uppercase()),
        replaced(Value::Method, "the method is GET", "GET"),
        replaced(Value::Method, "the method is empty", ""),
        replaced(Value::Timestamp, "the timestamp is signed in seconds, but sent in milliseconds", seconds),
        replaced(Value::Timestamp, "the timestamp is empty", ""),
        replaced(Value::Nonce, "the nonce is signed in lower case, but sent otherwise", nonce.to_lowercase()),
        replaced(Value::Nonce, "the nonce is signed in upper case, but sent otherwise", nonce.to_uppercase()),
        replaced(Value::Nonce, "the nonce is empty", ""),
    ];
    let same = |draft: &Draft| draft.bytes() == right.bytes();
    others.retain(|mistake| {
        let mut draft = right.clone();
        (mistake.make)(&mut draft);
        !same(&draft)
    });
    others
}
