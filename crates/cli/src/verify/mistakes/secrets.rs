//! Mistakes in the secret: its 32 hex digits are meant as they are, as ASCII.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Mistake, Place, Seen, mistake};
use crate::signing::{Value, dashed};

pub(super) fn all(seen: &Seen<'_>) -> Vec<Mistake> {
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
    variants.extend(seen.others.iter().filter_map(|other| {
        let secret = other.secret.as_ref()?.expose().as_bytes().to_vec();
        Some((format!("the secret is that of the profile {}", other.profile), Zeroizing::new(secret)))
    }));
    variants.into_iter().map(used).chain(rare(seen).into_iter().map(|variant| used(variant).rare())).collect()
}

type Variant = (String, Zeroizing<Vec<u8>>);

/// The secret's bytes are others, in the text and as a key.
fn used((sentence, bytes): Variant) -> Mistake {
    mistake(Place::Value(Value::AppSecret), sentence, move |draft| {
        draft.set(Value::AppSecret, &bytes);
        draft.key.clone_from(&bytes);
    })
}

fn rare(seen: &Seen<'_>) -> Vec<Variant> {
    let secret = seen.secret;
    let mut variants = vec![
        ("the secret has spaces around it", format!(" {secret} ").into_bytes()),
        ("the secret has a tab at its end", format!("{secret}\t").into_bytes()),
        ("the secret has a CR at its end", format!("{secret}\r").into_bytes()),
        ("the secret has single quotes around it", format!("'{secret}'").into_bytes()),
        ("the secret has a byte order mark before it", format!("\u{feff}{secret}").into_bytes()),
        ("the secret has a zero byte at its end", format!("{secret}\0").into_bytes()),
        ("the secret is the app's id", seen.app_id.to_string().into_bytes()),
        ("the secret is written in base64", BASE64.encode(secret).into_bytes()),
        ("the secret's 16 bytes are written in base64", BASE64.encode(sixteen_bytes(secret)).into_bytes()),
        ("the secret is written in hex once more", hex::encode(secret.as_bytes()).into_bytes()),
        (
            "the secret is hashed with SHA-256 and written in hex",
            hex::encode(Sha256::digest(secret)).into_bytes(),
        ),
    ];
    variants.extend(
        BASE64.decode(secret).ok().map(|bytes| ("the secret is read as base64, which it is not", bytes)),
    );
    variants.extend(dashed(secret).map(|text| ("the secret has the dashes of a UUID", text.into_bytes())));
    variants.into_iter().map(|(sentence, bytes)| (sentence.to_owned(), Zeroizing::new(bytes))).collect()
}

fn sixteen_bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}
