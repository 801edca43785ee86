//! Mistakes in the app's id, the method, the timestamp and the nonce.

use super::{Mistake, SearchContext, replaced};
use crate::signing::{SignedBytes, SignedField, with_uuid_dashes};

/// Largest difference that is tried for a clock that was read twice, once for the signature and once for the header.
const CLOCK_READ_TWICE_MILLIS: i64 = 100;

fn text(expected: &SignedBytes, value: SignedField) -> String {
    String::from_utf8_lossy(expected.field(value).unwrap_or_default()).into_owned()
}

pub(super) fn all(expected: &SignedBytes, context: &SearchContext<'_>) -> Vec<Mistake> {
    let text = |value| text(expected, value);
    let (method, timestamp, nonce) =
        (text(SignedField::Method), text(SignedField::Timestamp), text(SignedField::Nonce));
    let seconds: String = timestamp.chars().take(timestamp.len().saturating_sub(3)).collect();
    let mut values = vec![
        replaced(SignedField::Method, "the method is in lower case", method.to_lowercase()),
        replaced(SignedField::Method, "the method is in upper case", method.to_uppercase()),
        replaced(SignedField::Method, "the method is GET", "GET"),
        replaced(SignedField::Method, "the method is empty", ""),
        replaced(
            SignedField::Timestamp,
            "the timestamp is signed in seconds, but sent in milliseconds",
            seconds.clone(),
        ),
        replaced(SignedField::Timestamp, "the timestamp is signed in whole seconds", format!("{seconds}000")),
        replaced(SignedField::Timestamp, "the timestamp is empty", ""),
        replaced(
            SignedField::Nonce,
            "the nonce is signed in lower case, but sent otherwise",
            nonce.to_lowercase(),
        ),
        replaced(
            SignedField::Nonce,
            "the nonce is signed in upper case, but sent otherwise",
            nonce.to_uppercase(),
        ),
        replaced(SignedField::Nonce, "the nonce is empty", ""),
        replaced(SignedField::Nonce, "the nonce is signed without its dashes", nonce.replace('-', "")),
    ];
    values.extend(app_ids(expected, context));
    values
}

fn app_ids(expected: &SignedBytes, context: &SearchContext<'_>) -> Vec<Mistake> {
    let app_id = text(expected, SignedField::AppId);
    let mut ids = vec![
        ("is in upper case".to_owned(), app_id.to_uppercase()),
        ("is empty".to_owned(), String::new()),
        ("is the one given here, but another was sent".to_owned(), context.app_id.to_string()),
        ("is the app's secret".to_owned(), context.secret.to_owned()),
    ];
    ids.extend(with_uuid_dashes(&app_id).map(|dashed| ("has the dashes of a UUID".to_owned(), dashed)));
    ids.extend(context.others.iter().filter_map(|other| {
        Some((
            format!("is that of the profile {}, but another was sent", other.profile),
            other.app_id?.to_string(),
        ))
    }));
    ids.into_iter()
        .map(|(how, id)| replaced(SignedField::AppId, format!("the appId that is signed {how}"), id))
        .collect()
}

/// Timestamps close to the one that was sent.
pub(super) fn near_timestamps(expected: &SignedBytes) -> Vec<Mistake> {
    let Ok(sent) = text(expected, SignedField::Timestamp).parse::<i64>() else { return Vec::new() };
    let apart = (1..=CLOCK_READ_TWICE_MILLIS).flat_map(|millis| [-millis, millis]);
    let near = apart.map(|millis| {
        let (far, way) = (millis.abs(), if millis < 0 { "before" } else { "after" });
        let sentence = format!(
            "the timestamp that is signed is {far} ms {way} the one that was sent: the clock was read twice"
        );
        replaced(SignedField::Timestamp, sentence, format!("{:013}", sent.saturating_add(millis))).rare()
    });
    near.collect()
}
