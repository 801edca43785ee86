//! Compares the bytes that a signer hashed with those that are right, value by value.

use sha2::{Digest as _, Sha256};

use crate::signing::{Draft, Value, Voice, visible};
use crate::usage::SECRET_DIGITS;

/// What is different, as sentences. Where lines are missing or too many, the first such place alone is told: all that
/// follows is shifted.
pub(super) fn differences(right: &Draft, hashed: &[u8], sign: &str, voice: &Voice) -> Vec<String> {
    let mut differences = Vec::new();
    if hex::encode(Sha256::digest(hashed)) != sign && right.value(Value::AppSecret).is_some() {
        differences.push(
            "the SHA-256 of the given bytes is not the sign of the header: the sign is of others".to_owned(),
        );
    }
    if hashed == right.bytes().as_slice() {
        differences.push("the given bytes are right".to_owned());
        return differences;
    }
    let count = right.values.len();
    let lines: Vec<_> = hashed.splitn(count, |byte| *byte == b'\n').collect();
    if let [_] = lines.as_slice() {
        differences.push(format!(
            "the given bytes are one line, where {count} values belong and each of them ends in one LF"
        ));
        return differences;
    }
    if lines.len() < count {
        differences.push(format!("the given bytes have {} lines, where {count} values belong", lines.len()));
    }
    let Some((body, before)) = lines.split_last() else { return differences };
    if !hashed.ends_with(b"\n") {
        differences.push("the given bytes do not end in LF".to_owned());
    }
    let lines = [before, &[body.strip_suffix(b"\n").unwrap_or(body)]].concat();
    differences.extend(Lines { right, lines: &lines, voice }.differences());
    differences
}

/// What the signer has for each value, in the order of what is right.
struct Lines<'a> {
    right: &'a Draft,
    lines: &'a [&'a [u8]],
    voice: &'a Voice,
}

impl Lines<'_> {
    fn differences(&self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut at = 0;
        while let (Some((value, ours)), Some(theirs)) = (self.right.values.get(at), self.lines.get(at)) {
            let (next_value, next) = self
                .right
                .values
                .get(at + 1)
                .map_or((None, None), |(value, bytes)| (Some(value.name()), Some(bytes.as_slice())));
            let (name, their_next) = (value.name(), self.lines.get(at + 1).copied());
            at += 1;
            if *theirs == ours.as_slice() {
                continue;
            }
            match (next == Some(*theirs), their_next == Some(ours.as_slice())) {
                (true, true) => {
                    differences
                        .push(format!("the {name} and the {} are swapped", next_value.unwrap_or_default()));
                    at += 1;
                }
                (true, false) => {
                    differences.push(format!("the {name} is missing; all that follows is shifted"));
                    return differences;
                }
                (false, true) => {
                    let line = self.shown(theirs);
                    differences.push(format!(
                        "before the {name} is a line too many, {line}; all that follows is shifted"
                    ));
                    return differences;
                }
                (false, false) => differences.push(self.difference(*value, theirs, ours)),
            }
        }
        differences
    }

    fn difference(&self, value: Value, theirs: &[u8], ours: &[u8]) -> String {
        if value != Value::AppSecret {
            return format!(
                "the {} is {}, where {} is right",
                value.name(),
                self.shown(theirs),
                visible(ours)
            );
        }
        let how = match theirs.len() {
            _ if theirs.eq_ignore_ascii_case(ours) => "its digits are in upper case".to_owned(),
            _ if theirs.trim_ascii() == ours => "it has white space around it".to_owned(),
            length if length == ours.len() => "it is another one, as long as the right one".to_owned(),
            1 => format!("it has 1 byte, where {} are right", ours.len()),
            length => format!("it has {length} bytes, where {} are right", ours.len()),
        };
        format!("the secret differs: {how}")
    }

    /// What the signer has. In the place of any value may be a secret that nobody here knows, so what has the form of
    /// one is shown only where it is a part of what is right.
    fn shown(&self, theirs: &[u8]) -> String {
        let text = visible(theirs);
        if self.voice.shows_secret() {
            return text;
        }
        let public = self.right.values.iter().filter(|(value, _)| *value != Value::AppSecret);
        let public: Vec<_> = public.map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
        let runs = text.split(|sign: char| !sign.is_ascii_hexdigit());
        let strange = runs.filter(|run| run.len() == SECRET_DIGITS);
        let strange = strange.filter(|run| !public.iter().any(|value| value.contains(*run)));
        strange.fold(text.clone(), |shown, run| {
            shown.replace(run, "(not shown: 32 hex digits, as a secret has)")
        })
    }
}
