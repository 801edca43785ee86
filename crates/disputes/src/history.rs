//! The history of a dispute: a hash chain, so that an altered, removed or exchanged entry is detected.

use rebuttal_protocol::UnixMillis;
use rebuttal_protocol::dispute::{Event, Stage, Status};
use rebuttal_protocol::text::Note;
use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprinter;
use crate::{Dispute, Fingerprint, Submission};

/// What an entry has besides its event: the state afterwards, and what belongs to the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryDetail {
    /// The status afterwards.
    pub status: Status,
    /// The stage afterwards.
    #[serde(rename = "type")]
    pub stage: Stage,
    /// The deadline afterwards.
    pub deadline: UnixMillis,
    /// [`crate::Opening::fingerprint`] in lower-case hex, in the first entry only: it chains the facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<String>,
    /// What was submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<SubmissionDigest>,
    /// What an operator noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
}

/// A submission in the chain: its number, and a hash over every item and every file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionDigest {
    /// Counts the dispute's submissions from 1.
    pub number: u32,
    /// [`Submission::digest`], in lower-case hex.
    pub sha256: String,
}

impl From<&Submission> for SubmissionDigest {
    fn from(submission: &Submission) -> Self {
        Self { number: submission.number, sha256: submission.digest().to_string() }
    }
}

/// One entry of a history, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainedEntry {
    /// Counts the dispute's entries from 1.
    pub sequence: u64,
    /// When the command arrived.
    pub at: UnixMillis,
    /// What happened.
    pub event: Event,
    /// Who acted.
    pub actor: String,
    /// [`EntryDetail`] as JSON; exactly these bytes are hashed.
    pub detail: String,
    /// Hash of this entry, which includes the hash of the entry before.
    pub hash: Fingerprint,
}

impl ChainedEntry {
    /// Creates the entry after `dispute`'s latest.
    pub(crate) fn following(
        dispute: &Dispute,
        at: UnixMillis,
        event: Event,
        actor: String,
        detail: &EntryDetail,
    ) -> Self {
        let mut entry = Self {
            sequence: dispute.sequence + 1,
            at,
            event,
            actor,
            // Cannot fail: the detail has only strings, numbers and lists.
            detail: serde_json::to_string(detail).unwrap_or_default(),
            hash: Fingerprint::ZERO,
        };
        entry.hash = entry.hash_after(dispute.dispute_no.as_str(), dispute.head);
        entry
    }

    /// The hash of this entry after an entry with the hash `before`.
    pub fn hash_after(&self, dispute_no: &str, before: Fingerprint) -> Fingerprint {
        Fingerprinter::new("history")
            .bytes(&before.0)
            .text(dispute_no)
            .number(i64::try_from(self.sequence).unwrap_or(i64::MAX))
            .number(self.at.0)
            .text(self.event.as_str())
            .text(&self.actor)
            .text(&self.detail)
            .finish()
    }

    /// The detail, parsed; `None` where the stored text was altered.
    pub fn parse_detail(&self) -> Option<EntryDetail> {
        serde_json::from_str(&self.detail).ok()
    }
}
