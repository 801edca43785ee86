//! Mistakes in the shape of the signed text: what stands between the values, their order, their encoding, the scheme.

use rebuttal_client::Scheme;
use zeroize::Zeroizing;

use super::{Mistake, Place, mistake, replaced};
use crate::signing::{Draft, Value};

/// What was sent ends in an LF, which then looks like the one that must follow the body. Both causes make the same
/// bytes; the likelier one comes first.
const TWO_CAUSES: &str = "one LF is missing at the end of what is signed: the body ends in an LF that was not signed \
    with it, because it was added when the body was sent, or only to what is given here, as editors do with files; or the \
    LF after the last value, the body, was left out";

pub(super) fn line_ends(right: &Draft) -> Vec<Mistake> {
    let body = right.value(Value::Body).unwrap_or_default();
    let without = body.strip_suffix(b"\n").filter(|without| !without.ends_with(b"\r"));
    let two_causes = without.map(|without| replaced(Value::Body, TWO_CAUSES, without));
    let mut mistakes: Vec<_> = two_causes.into_iter().collect();
    mistakes.extend([
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
    ]);
    mistakes
}

pub(super) fn schemes(scheme: Scheme) -> Vec<Mistake> {
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
            mistake(Place::Scheme, "the appId and the appSecret are swapped", |draft| {
                let app_id = draft.value(Value::AppId).unwrap_or_default().to_vec();
                let secret = std::mem::replace(&mut draft.key, Zeroizing::new(app_id));
                draft.set(Value::AppId, &secret);
            }),
            mistake(Place::Scheme, "plain SHA-256 is used, where HMAC-SHA256 is meant", |draft| {
                draft.scheme = Scheme::V2Sha256;
            }),
        ],
    }
}

/// Values in another order, left out, or joined in ways that few think of.
pub(super) fn rare(right: &Draft) -> Vec<Mistake> {
    let names: Vec<Value> = right.values.iter().map(|(value, _)| *value).collect();
    let mut mistakes = Vec::new();
    let joins: [(&str, &'static [u8]); 5] =
        [("a space", b" "), ("a comma", b","), ("|", b"|"), (":", b":"), ("an LF and a space", b"\n ")];
    for (name, between) in joins {
        mistakes.push(mistake(
            Place::Ends,
            format!("the values are joined by {name} instead of ended by LF"),
            move |draft| (draft.between, draft.last) = (between, b""),
        ));
    }
    for (index, one) in names.iter().enumerate() {
        let (value, name) = (*one, one.name());
        mistakes.push(mistake(
            Place::Value(value),
            format!("the {name} is left out, with its LF"),
            move |draft| draft.values.retain(|(other, _)| *other != value),
        ));
        mistakes.push(mistake(Place::Ends, format!("the {name} is signed last"), move |draft| {
            if index < draft.values.len() {
                let moved = draft.values.remove(index);
                draft.values.push(moved);
            }
        }));
        for (at, other) in names.iter().enumerate().skip(index + 1) {
            let sentence = format!("the {name} and the {} are swapped", other.name());
            mistakes.push(mistake(Place::Ends, sentence, move |draft| {
                if at < draft.values.len() {
                    draft.values.swap(index, at);
                }
            }));
        }
    }
    mistakes.push(mistake(
        Place::Ends,
        "the text is encoded as UTF-16, as .NET's Encoding.Unicode and Java's UTF_16LE do, where UTF-8 is meant",
        |draft| {
            for (_, bytes) in &mut draft.values {
                let units = String::from_utf8_lossy(bytes).encode_utf16().flat_map(u16::to_le_bytes).collect();
                *bytes = Zeroizing::new(units);
            }
            (draft.between, draft.last) = (b"\n\0", b"\n\0");
        },
    ));
    mistakes.into_iter().map(Mistake::rare).collect()
}
