//! Submissions in their stored form: the last one's columns in the dispute's row, and the evidence as a JSON array.

use std::borrow::Cow;
use std::fmt::Display;

use rebuttal_disputes::{Dispute, Fingerprint, FoundFile, LastSubmission, SubmittedEvidence};
use rebuttal_protocol::StorageUri;
use rebuttal_protocol::dispute::Stage;
use serde::{Deserialize, Serialize};

/// The columns of a dispute's last submission. Without one they have values of the same length, so that the first
/// submission does not enlarge the row, which its page may have no space for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SubmissionColumns {
    /// 0: there is none.
    pub(crate) number: u32,
    pub(crate) stage: Stage,
    pub(crate) fingerprint: Fingerprint,
}

impl SubmissionColumns {
    pub(crate) fn of(dispute: &Dispute) -> Self {
        match dispute.submission {
            Some(LastSubmission { number, stage, fingerprint }) => Self { number, stage, fingerprint },
            None => Self { number: 0, stage: dispute.stage, fingerprint: Fingerprint::ZERO },
        }
    }

    pub(crate) fn last_submission(self) -> Option<LastSubmission> {
        let Self { number, stage, fingerprint } = self;
        (number > 0).then_some(LastSubmission { number, stage, fingerprint })
    }
}

/// An item of evidence. The migration to version 4 writes the same keys.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredItem<'a> {
    #[serde(rename = "type")]
    evidence_type: Cow<'a, str>,
    name: Cow<'a, str>,
    /// The key within the bucket.
    url: Cow<'a, str>,
    /// Lower-case hex.
    sha256: Cow<'a, str>,
    size: u64,
    media_type: Cow<'a, str>,
}

impl<'a> From<&'a SubmittedEvidence> for StoredItem<'a> {
    fn from(item: &'a SubmittedEvidence) -> Self {
        Self {
            evidence_type: item.evidence_type.as_str().into(),
            name: item.name.as_str().into(),
            url: item.url.key().into(),
            sha256: item.file.sha256.to_string().into(),
            size: item.file.size,
            media_type: item.file.media_type.as_str().into(),
        }
    }
}

impl StoredItem<'_> {
    fn parse(self) -> Result<SubmittedEvidence, String> {
        let mut sha256 = [0; 32];
        hex::decode_to_slice(&*self.sha256, &mut sha256).map_err(text)?;
        Ok(SubmittedEvidence {
            evidence_type: self.evidence_type.parse().map_err(text)?,
            name: self.name.parse().map_err(text)?,
            url: StorageUri::from_key(&self.url).map_err(text)?,
            file: FoundFile {
                sha256: Fingerprint(sha256),
                size: self.size,
                media_type: self.media_type.into_owned(),
            },
        })
    }
}

/// The evidence of a submission as JSON.
///
/// # Errors
/// None in practice: strings and numbers always serialize.
pub(crate) fn evidence_json(evidence: &[SubmittedEvidence]) -> serde_json::Result<String> {
    serde_json::to_string(&evidence.iter().map(StoredItem::from).collect::<Vec<_>>())
}

/// Parses the evidence of a submission.
///
/// # Errors
/// What is wrong with the text, which something other than the store wrote.
pub(crate) fn parse_evidence(json: &str) -> Result<Vec<SubmittedEvidence>, String> {
    let items: Vec<StoredItem<'_>> = serde_json::from_str(json).map_err(text)?;
    items.into_iter().map(StoredItem::parse).collect()
}

fn text(error: impl Display) -> String {
    error.to_string()
}
