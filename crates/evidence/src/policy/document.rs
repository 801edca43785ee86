//! The policy document: an expiration and exact conditions, as JSON in base64. Only the form that `write` produces
//! is parsed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rebuttal_protocol::UnixMillis;
use serde::{Deserialize, Serialize};

use super::BUCKET;

const LENGTH_RANGE: &str = "content-length-range";
const EXPIRATION_FORMAT: &str = "%Y-%m-%dT%H:%M:%S.%3fZ";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    expiration: String,
    conditions: Vec<Condition>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Condition {
    /// One member: what must have exactly this value.
    Exact(BTreeMap<String, String>),
    /// `content-length-range`, least and most bytes.
    Range(String, u64, u64),
}

/// What a policy allows.
pub(super) struct PolicyDocument {
    pub(super) expires_at: UnixMillis,
    /// The exact conditions, the bucket's among them; each name once, in lower case.
    pub(super) exact: BTreeMap<String, String>,
    /// Most bytes of the file.
    pub(super) max_bytes: u64,
}

impl PolicyDocument {
    /// Writes a policy in base64: this bucket, these fields, a file of allowed size, and the expiration.
    pub(super) fn write(
        bucket: &str,
        fields: &[(&'static str, String)],
        max_bytes: u64,
        expires_at: UnixMillis,
    ) -> String {
        let exact = |name: &str, value: &str| Condition::Exact([(name.to_owned(), value.to_owned())].into());
        let mut conditions = vec![exact(BUCKET, bucket)];
        conditions.extend(fields.iter().map(|(name, value)| exact(name, value)));
        conditions.push(Condition::Range(LENGTH_RANGE.to_owned(), 1, max_bytes));
        let moment = Timestamp::from_millisecond(expires_at.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let expiration = moment.strftime(EXPIRATION_FORMAT).to_string();
        // Strings, integers and maps with string keys always serialize.
        let json = serde_json::to_vec(&Json { expiration, conditions }).unwrap_or_default();
        STANDARD.encode(json)
    }

    /// Parses a policy in base64; `None` for anything that [`write`](Self::write) would not have written.
    pub(super) fn read(base64: &str) -> Option<Self> {
        let json: Json = serde_json::from_slice(&STANDARD.decode(base64).ok()?).ok()?;
        let expires_at = UnixMillis::from_rfc3339(&json.expiration).ok()?;
        let mut exact = BTreeMap::new();
        let mut range = None;
        for condition in json.conditions {
            match condition {
                Condition::Exact(members) if members.len() == 1 => {
                    for (name, value) in members {
                        if exact.insert(name.to_ascii_lowercase(), value).is_some() {
                            return None;
                        }
                    }
                }
                Condition::Range(name, 1, max) if name == LENGTH_RANGE && range.is_none() => {
                    range = Some(max)
                }
                Condition::Exact(_) | Condition::Range(..) => return None,
            }
        }
        range.map(|max_bytes| Self { expires_at, exact, max_bytes })
    }
}
