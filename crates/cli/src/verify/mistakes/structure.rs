//! Mistakes in the structure of the signed bytes: separators, order, encoding, scheme.

use rebuttal_client::Scheme;
use zeroize::Zeroizing;

use super::{Mistake, MistakeLocation, mistake, replaced};
use crate::signing::{SignedBytes, SignedField};

/// What was sent ends in an LF, which then looks like the one that must follow the body. Both causes make the same
/// bytes; the likelier one comes first.
const TWO_CAUSES: &str = "one LF is missing at the end of what is signed: the body ends in an LF that was not signed \
    with it, because it was added when the body was sent, or only to what is given here, as editors do with files; or the \
    LF after the last value, the body, was left out";

pub(super) fn line_ends(expected: &SignedBytes) -> Vec<Mistake> {
    let body = expected.field(SignedField::Body).unwrap_or_default();
    let without = body.strip_suffix(b"\n").filter(|without| !without.ends_with(b"\r"));
    let two_causes = without.map(|without| replaced(SignedField::Body, TWO_CAUSES, without));
    let mut mistakes: Vec<_> = two_causes.into_iter().collect();
    mistakes.extend([
        mistake(MistakeLocation::Separators, "the LF after the last value, the body, is missing", |signed| {
            signed.terminator = b""
        }),
        mistake(MistakeLocation::Separators, "the values end in CR LF instead of LF", |signed| {
            (signed.separator, signed.terminator) = (b"\r\n", b"\r\n");
        }),
        mistake(
            MistakeLocation::Separators,
            "the values end in CR LF instead of LF, and the last one in nothing",
            |signed| {
                (signed.separator, signed.terminator) = (b"\r\n", b"");
            },
        ),
        mistake(
            MistakeLocation::Separators,
            "nothing stands between the values, where each must end in LF",
            |signed| {
                (signed.separator, signed.terminator) = (b"", b"");
            },
        ),
        mistake(
            MistakeLocation::Separators,
            "the values end in a backslash and the letter n, where LF is one byte, 0Ah",
            |signed| {
                (signed.separator, signed.terminator) = (b"\\n", b"\\n");
            },
        ),
        mistake(
            MistakeLocation::Separators,
            "the values end in a backslash and the letter n instead of LF, and the last in nothing",
            |signed| {
                (signed.separator, signed.terminator) = (b"\\n", b"");
            },
        ),
        mistake(MistakeLocation::Separators, "the values are joined by & instead of ended by LF", |signed| {
            (signed.separator, signed.terminator) = (b"&", b"");
        }),
    ]);
    mistakes
}

pub(super) fn schemes(scheme: Scheme) -> Vec<Mistake> {
    let without_secret =
        |signed: &mut SignedBytes| signed.fields.retain(|(value, _)| *value != SignedField::AppSecret);
    let with_secret = |signed: &mut SignedBytes| {
        let secret = signed.key.clone();
        signed.fields.insert(1.min(signed.fields.len()), (SignedField::AppSecret, secret));
    };
    match scheme {
        Scheme::V2Sha256 => vec![
            mistake(
                MistakeLocation::Scheme,
                "it is signed as V2_HMAC_SHA256, but the header says V2_SHA256",
                move |signed| {
                    signed.scheme = Scheme::V2HmacSha256;
                    without_secret(signed);
                },
            ),
            mistake(
                MistakeLocation::Scheme,
                "HMAC is used, where V2_SHA256 is the plain SHA-256 of the same bytes",
                |signed| {
                    signed.scheme = Scheme::V2HmacSha256;
                },
            ),
            mistake(
                MistakeLocation::Scheme,
                "the secret's line is left out, which only V2_HMAC_SHA256 does",
                without_secret,
            ),
        ],
        Scheme::V2HmacSha256 => vec![
            mistake(
                MistakeLocation::Scheme,
                "it is signed as V2_SHA256, but the header says V2_HMAC_SHA256",
                move |signed| {
                    with_secret(signed);
                    signed.scheme = Scheme::V2Sha256;
                },
            ),
            mistake(
                MistakeLocation::Scheme,
                "the secret is a line too many: under HMAC it is the key alone",
                with_secret,
            ),
            mistake(MistakeLocation::Scheme, "the appId and the appSecret are swapped", |signed| {
                let app_id = signed.field(SignedField::AppId).unwrap_or_default().to_vec();
                let secret = std::mem::replace(&mut signed.key, Zeroizing::new(app_id));
                signed.set(SignedField::AppId, &secret);
            }),
            mistake(MistakeLocation::Scheme, "plain SHA-256 is used, where HMAC-SHA256 is meant", |signed| {
                signed.scheme = Scheme::V2Sha256;
            }),
        ],
    }
}

/// Fields in another order, left out, or with unusual separators.
pub(super) fn rare(expected: &SignedBytes) -> Vec<Mistake> {
    let names: Vec<SignedField> = expected.fields.iter().map(|(value, _)| *value).collect();
    let mut mistakes = Vec::new();
    let joins: [(&str, &'static [u8]); 5] =
        [("a space", b" "), ("a comma", b","), ("|", b"|"), (":", b":"), ("an LF and a space", b"\n ")];
    for (name, between) in joins {
        mistakes.push(mistake(
            MistakeLocation::Separators,
            format!("the values are joined by {name} instead of ended by LF"),
            move |signed| (signed.separator, signed.terminator) = (between, b""),
        ));
    }
    for (index, one) in names.iter().enumerate() {
        let (value, name) = (*one, one.name());
        mistakes.push(mistake(
            MistakeLocation::Field(value),
            format!("the {name} is left out, with its LF"),
            move |signed| signed.fields.retain(|(other, _)| *other != value),
        ));
        mistakes.push(mistake(
            MistakeLocation::Separators,
            format!("the {name} is signed last"),
            move |signed| {
                if index < signed.fields.len() {
                    let moved = signed.fields.remove(index);
                    signed.fields.push(moved);
                }
            },
        ));
        for (at, other) in names.iter().enumerate().skip(index + 1) {
            let sentence = format!("the {name} and the {} are swapped", other.name());
            mistakes.push(mistake(MistakeLocation::Separators, sentence, move |signed| {
                if at < signed.fields.len() {
                    signed.fields.swap(index, at);
                }
            }));
        }
    }
    mistakes.push(mistake(
        MistakeLocation::Separators,
        "the text is encoded as UTF-16, as .NET's Encoding.Unicode and Java's UTF_16LE do, where UTF-8 is meant",
        |signed| {
            for (_, bytes) in &mut signed.fields {
                let units = String::from_utf8_lossy(bytes).encode_utf16().flat_map(u16::to_le_bytes).collect();
                *bytes = Zeroizing::new(units);
            }
            (signed.separator, signed.terminator) = (b"\n\0", b"\n\0");
        },
    ));
    mistakes.into_iter().map(Mistake::rare).collect()
}
