//! Compares the bytes that a signer hashed with the expected ones, field by field.

use sha2::{Digest as _, Sha256};

use crate::signing::{SecretRedactor, SignedBytes, SignedField, escape_invisible};
use crate::usage::SECRET_DIGITS;

/// The differences, as sentences. Of missing or additional lines, the first alone is reported: all that follows is
/// shifted.
pub(super) fn differences(
    expected: &SignedBytes,
    hashed: &[u8],
    sign: &str,
    redactor: &SecretRedactor,
) -> Vec<String> {
    let mut differences = Vec::new();
    if hex::encode(Sha256::digest(hashed)) != sign && expected.field(SignedField::AppSecret).is_some() {
        differences.push(
            "the SHA-256 of the given bytes is not the sign of the header: the sign is of others".to_owned(),
        );
    }
    if hashed == expected.bytes().as_slice() {
        differences.push("the given bytes are right".to_owned());
        return differences;
    }
    let count = expected.fields.len();
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
    differences.extend(LineComparison { expected, lines: &lines, redactor }.differences());
    differences
}

/// The signer's line for each field, in the expected order.
struct LineComparison<'a> {
    expected: &'a SignedBytes,
    lines: &'a [&'a [u8]],
    redactor: &'a SecretRedactor,
}

impl LineComparison<'_> {
    fn differences(&self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut at = 0;
        while let (Some((value, wanted)), Some(actual)) = (self.expected.fields.get(at), self.lines.get(at)) {
            let (next_value, next) = self
                .expected
                .fields
                .get(at + 1)
                .map_or((None, None), |(value, bytes)| (Some(value.name()), Some(bytes.as_slice())));
            let (name, actual_next) = (value.name(), self.lines.get(at + 1).copied());
            at += 1;
            if *actual == wanted.as_slice() {
                continue;
            }
            match (next == Some(*actual), actual_next == Some(wanted.as_slice())) {
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
                    let line = self.shown(actual);
                    differences.push(format!(
                        "before the {name} is a line too many, {line}; all that follows is shifted"
                    ));
                    return differences;
                }
                (false, false) => differences.push(self.difference(*value, actual, wanted)),
            }
        }
        differences
    }

    fn difference(&self, value: SignedField, actual: &[u8], wanted: &[u8]) -> String {
        if value != SignedField::AppSecret {
            return format!(
                "the {} is {}, where {} is right",
                value.name(),
                self.shown(actual),
                escape_invisible(wanted)
            );
        }
        let how = match actual.len() {
            _ if actual.eq_ignore_ascii_case(wanted) => "its digits are in upper case".to_owned(),
            _ if actual.trim_ascii() == wanted => "it has white space around it".to_owned(),
            length if length == wanted.len() => "it is another one, as long as the right one".to_owned(),
            1 => format!("it has 1 byte, where {} are right", wanted.len()),
            length => format!("it has {length} bytes, where {} are right", wanted.len()),
        };
        format!("the secret differs: {how}")
    }

    /// The signer's line. It may contain an unknown secret, so text in the form of a secret is shown only where it is a
    /// part of the expected bytes.
    fn shown(&self, actual: &[u8]) -> String {
        let text = escape_invisible(actual);
        if self.redactor.shows_secret() {
            return text;
        }
        let public = self.expected.fields.iter().filter(|(value, _)| *value != SignedField::AppSecret);
        let public: Vec<_> = public.map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
        let runs = text.split(|sign: char| !sign.is_ascii_hexdigit());
        let unknown = runs.filter(|run| run.len() == SECRET_DIGITS);
        let unknown = unknown.filter(|run| !public.iter().any(|value| value.contains(*run)));
        unknown.fold(text.clone(), |shown, run| {
            shown.replace(run, "(not shown: 32 hex digits, as a secret has)")
        })
    }
}
