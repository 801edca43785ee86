//! Mistakes in the app's id, the method, the timestamp and the nonce.

use super::{Mistake, Seen, replaced};
use crate::signing::{Draft, Value, dashed};

/// How far a clock is tried that was read twice, once for the sign and once for the header.
const CLOCK_READ_TWICE_MILLIS: i64 = 100;

fn text(right: &Draft, value: Value) -> String {
    String::from_utf8_lossy(right.value(value).unwrap_or_default()).into_owned()
}

pub(super) fn all(right: &Draft, seen: &Seen<'_>) -> Vec<Mistake> {
    let text = |value| text(right, value);
    let (method, timestamp, nonce) = (text(Value::Method), text(Value::Timestamp), text(Value::Nonce));
    let seconds: String = timestamp.chars().take(timestamp.len().saturating_sub(3)).collect();
    let mut values = vec![
        replaced(Value::Method, "the method is in lower case", method.to_lowercase()),
        replaced(Value::Method, "the method is in upper case", method.to_uppercase()),
        replaced(Value::Method, "the method is GET", "GET"),
        replaced(Value::Method, "the method is empty", ""),
        replaced(
            Value::Timestamp,
            "the timestamp is signed in seconds, but sent in milliseconds",
            seconds.clone(),
        ),
        replaced(Value::Timestamp, "the timestamp is signed in whole seconds", format!("{seconds}000")),
        replaced(Value::Timestamp, "the timestamp is empty", ""),
        replaced(Value::Nonce, "the nonce is signed in lower case, but sent otherwise", nonce.to_lowercase()),
        replaced(Value::Nonce, "the nonce is signed in upper case, but sent otherwise", nonce.to_uppercase()),
        replaced(Value::Nonce, "the nonce is empty", ""),
        replaced(Value::Nonce, "the nonce is signed without its dashes", nonce.replace('-', "")),
    ];
    values.extend(app_ids(right, seen));
    values
}

fn app_ids(right: &Draft, seen: &Seen<'_>) -> Vec<Mistake> {
    let app_id = text(right, Value::AppId);
    let mut ids = vec![
        ("is in upper case".to_owned(), app_id.to_uppercase()),
        ("is empty".to_owned(), String::new()),
        ("is the one given here, but another was sent".to_owned(), seen.app_id.to_string()),
        ("is the app's secret".to_owned(), seen.secret.to_owned()),
    ];
    ids.extend(dashed(&app_id).map(|dashed| ("has the dashes of a UUID".to_owned(), dashed)));
    ids.extend(seen.others.iter().filter_map(|other| {
        Some((
            format!("is that of the profile {}, but another was sent", other.profile),
            other.app_id?.to_string(),
        ))
    }));
    ids.into_iter()
        .map(|(how, id)| replaced(Value::AppId, format!("the appId that is signed {how}"), id))
        .collect()
}

/// Timestamps close to the one that was sent.
pub(super) fn near_timestamps(right: &Draft) -> Vec<Mistake> {
    let Ok(sent) = text(right, Value::Timestamp).parse::<i64>() else { return Vec::new() };
    let apart = (1..=CLOCK_READ_TWICE_MILLIS).flat_map(|millis| [-millis, millis]);
    let near = apart.map(|millis| {
        let (far, way) = (millis.abs(), if millis < 0 { "before" } else { "after" });
        let sentence = format!(
            "the timestamp that is signed is {far} ms {way} the one that was sent: the clock was read twice"
        );
        replaced(Value::Timestamp, sentence, format!("{:013}", sent.saturating_add(millis))).rare()
    });
    near.collect()
}
