//! Mistakes in the secret, which is used as its 32 hex digits in ASCII.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Mistake, MistakeLocation, SearchContext, mistake};
use crate::signing::{SignedField, with_uuid_dashes};

pub(super) fn all(context: &SearchContext<'_>) -> Vec<Mistake> {
    let secret = context.secret;
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
    variants.extend(context.others.iter().filter_map(|other| {
        let secret = other.secret.as_ref()?.expose().as_bytes().to_vec();
        Some((format!("the secret is that of the profile {}", other.profile), Zeroizing::new(secret)))
    }));
    variants
        .into_iter()
        .map(replaced_secret)
        .chain(rare(context).into_iter().map(|variant| replaced_secret(variant).rare()))
        .collect()
}

type Variant = (String, Zeroizing<Vec<u8>>);

/// Replaces the secret's bytes, in the signed bytes and as a key.
fn replaced_secret((sentence, bytes): Variant) -> Mistake {
    mistake(MistakeLocation::Field(SignedField::AppSecret), sentence, move |signed| {
        signed.set(SignedField::AppSecret, &bytes);
        signed.key.clone_from(&bytes);
    })
}

fn rare(context: &SearchContext<'_>) -> Vec<Variant> {
    let secret = context.secret;
    let mut variants = vec![
        ("the secret has spaces around it", format!(" {secret} ").into_bytes()),
        ("the secret has a tab at its end", format!("{secret}\t").into_bytes()),
        ("the secret has a CR at its end", format!("{secret}\r").into_bytes()),
        ("the secret has single quotes around it", format!("'{secret}'").into_bytes()),
        ("the secret has a byte order mark before it", format!("\u{feff}{secret}").into_bytes()),
        ("the secret has a zero byte at its end", format!("{secret}\0").into_bytes()),
        ("the secret is the app's id", context.app_id.to_string().into_bytes()),
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
    variants.extend(
        with_uuid_dashes(secret).map(|text| ("the secret has the dashes of a UUID", text.into_bytes())),
    );
    variants.into_iter().map(|(sentence, bytes)| (sentence.to_owned(), Zeroizing::new(bytes))).collect()
}

fn sixteen_bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}
