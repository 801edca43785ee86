//! What a merchant submits: evidence items, and for each what was really found where it points.

use rebuttal_protocol::dispute::{EvidenceType, ReceivedEvidence, Stage};
use rebuttal_protocol::{EvidenceName, StorageUri, UnixMillis};

use crate::fingerprint::Fingerprinter;
use crate::{EvidenceFault, Fingerprint};

/// What lies at a storageUri, as it was read and hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// SHA-256 of the content.
    pub sha256: Fingerprint,
    /// Length in bytes.
    pub size: u64,
    /// What the content was found to be.
    pub media_type: String,
}

/// What an evidence store has at an address, or why that is no evidence.
pub type FileCheck = Result<FoundFile, EvidenceFault>;

/// One item of a contest, with the check of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContestItem {
    /// What the merchant submits.
    pub evidence: ReceivedEvidence,
    /// What was found at its address.
    pub file: FileCheck,
}

/// A submission that was taken; it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Counts the dispute's submissions from 1.
    pub number: u32,
    /// In which stage it was submitted.
    pub stage: Stage,
    /// When the contest arrived.
    pub submitted_at: UnixMillis,
    /// Identifies its items, in any order.
    pub fingerprint: Fingerprint,
    /// The items in the order sent.
    pub evidence: Vec<SubmittedEvidence>,
}

impl Submission {
    /// Proves everything about the submission: each item in its order, and what its file was.
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

/// One piece of submitted evidence, with what its file was at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmittedEvidence {
    /// What it shows.
    pub evidence_type: EvidenceType,
    /// What the merchant calls it.
    pub name: EvidenceName,
    /// Where the file lies.
    pub url: StorageUri,
    /// What the file was.
    pub file: FoundFile,
}

/// Identifies a contest's items by types, names and urls, in any order (contract §4).
///
/// `None` where a url is not a storageUri: no submission holds such an item, so none can equal it.
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
