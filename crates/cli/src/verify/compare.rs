//! Compares the bytes that a signer hashed with those that are right, value by value.

use sha2::{Digest as _, Sha256};

use crate::signing::{Draft, Value, visible};

/// What is different, as sentences; the secret is never in one.
pub(super) fn differences(right: &Draft, hashed: &[u8], sign: &str) -> Vec<String> {
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
    let parts: Vec<_> = hashed.splitn(count, |byte| *byte == b'\n').collect();
    if parts.len() < count {
        differences.push(format!("the given bytes have {} lines, where {count} values belong", parts.len()));
    }
    for ((value, ours), theirs) in right.values.iter().zip(parts) {
        let theirs = match value {
            Value::Body => theirs.strip_suffix(b"\n").unwrap_or_else(|| {
                differences.push("the given bytes do not end in LF".to_owned());
                theirs
            }),
            _ => theirs,
        };
        if theirs == ours.as_slice() {
            continue;
        }
        differences.push(match value {
            Value::AppSecret => {
                format!("the secret differs; it has {} bytes, where 32 are right", theirs.len())
            }
            _ => format!("the {} is {}, where {} is right", value.name(), visible(theirs), visible(ours)),
        });
    }
    differences
}
