//! What a merchant submits: evidence items, each with its file.

use rebuttal_protocol::dispute::{EvidenceType, ReceivedEvidence, Stage};
use rebuttal_protocol::{EvidenceName, StorageUri, UnixMillis};

use crate::fingerprint::Fingerprinter;
use crate::{EvidenceFault, Fingerprint};

/// The file at a storageUri, as it was read and hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// SHA-256 of the content.
    pub sha256: Fingerprint,
    /// Length in bytes.
    pub size: u64,
    /// The media type of the content.
    pub media_type: String,
}

/// The file at an address, or why it is not accepted as evidence.
pub type FileCheck = Result<FoundFile, EvidenceFault>;

/// One item of a contest, with the check of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContestItem {
    /// What the merchant submits.
    pub evidence: ReceivedEvidence,
    /// What was found at its address.
    pub file: FileCheck,
}

/// An accepted submission; it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Counts the dispute's submissions from 1.
    pub number: u32,
    /// The stage in which it was submitted.
    pub stage: Stage,
    /// When the contest arrived.
    pub submitted_at: UnixMillis,
    /// Identifies its items, in any order.
    pub fingerprint: Fingerprint,
    /// The items in the order sent.
    pub evidence: Vec<SubmittedEvidence>,
}

impl Submission {
    /// A hash over the whole submission: each item in order, with its file.
    pub fn digest(&self) -> Fingerprint {
        let start = Fingerprinter::new("submitted")
            .number(i64::from(self.number))
            .text(self.stage.as_str())
            .number(self.submitted_at.0)
            .bytes(&self.fingerprint.0);
        let all = self.evidence.iter().fold(start, |digest, item| {
            digest
                .text(item.evidence_type.as_str())
                .text(item.name.as_str())
                .url(&item.url)
                .bytes(&item.file.sha256.0)
                .number(i64::try_from(item.file.size).unwrap_or(i64::MAX))
                .text(&item.file.media_type)
        });
        all.finish()
    }
}

/// One piece of submitted evidence, with its file at that time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmittedEvidence {
    /// What it shows.
    pub evidence_type: EvidenceType,
    /// The name that the merchant gave it.
    pub name: EvidenceName,
    /// Where the file is stored.
    pub url: StorageUri,
    /// The file.
    pub file: FoundFile,
}

/// Identifies a contest's items by types, names and urls, in any order (contract §4).
///
/// `None` where a url is not a storageUri: no submission has such an item, so none can be equal.
pub fn fingerprint_of(items: &[ContestItem]) -> Option<Fingerprint> {
    let mut items = items
        .iter()
        .map(|ContestItem { evidence, .. }| Some((evidence.url?, evidence.evidence_type, &evidence.name)))
        .collect::<Option<Vec<_>>>()?;
    items.sort_unstable();
    let start = Fingerprinter::new("submission").number(i64::try_from(items.len()).unwrap_or(i64::MAX));
    let all = items.into_iter().fold(start, |fingerprint, (url, evidence_type, name)| {
        fingerprint.url(&url).text(evidence_type.as_str()).text(name.as_str())
    });
    Some(all.finish())
}
