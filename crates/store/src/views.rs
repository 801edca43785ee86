//! Results of reads: a dispute with its facts, its history, and pages of a list.

use std::collections::HashMap;

use rebuttal_disputes::{ChainedEntry, Dispute, IntegrityError, Submission, check_integrity};
use rebuttal_protocol::dispute::{Stage, Status};
use rebuttal_protocol::operator::OpenDispute;
use rebuttal_protocol::{DisputeNo, FileInspection, MerchantId, StorageUri, UnixMillis};

use crate::error::StoreError;

/// The key of a history entry, and of the submission that belongs to it. A dispute's key is that of its first entry.
/// Entries are appended, so ids increase with time; there are gaps.
pub(crate) type EntryId = i64;

/// A dispute's state and facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeRecord {
    /// Its current state.
    pub state: Dispute,
    /// What it was opened with; stage and deadline are the current ones.
    pub facts: OpenDispute,
    /// When it was opened.
    pub created_at: UnixMillis,
}

/// A dispute with everything that happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeDetail {
    /// State and facts.
    pub record: DisputeRecord,
    /// The history, in order.
    pub history: Vec<ChainedEntry>,
    /// The submissions, in order.
    pub submissions: Vec<Submission>,
}

impl DisputeDetail {
    /// Where the files of its submissions are stored.
    pub fn urls(&self) -> Vec<StorageUri> {
        self.submissions.iter().flat_map(|submission| &submission.evidence).map(|item| item.url).collect()
    }

    /// Checks that every entry's hash follows from the one before, up to the head, that every submission is the one
    /// that its entry proves, and that state and facts are what the history says.
    ///
    /// # Errors
    ///
    /// The first difference that is found.
    pub fn check_integrity(&self) -> Result<(), IntegrityError> {
        let DisputeRecord { state, facts, created_at } = &self.record;
        check_integrity(state, facts, *created_at, &self.history, &self.submissions)
    }
}

/// What the inspections of uploads found; without those that were recorded without an inspection.
pub type Inspections = HashMap<StorageUri, FileInspection<String>>;

/// The oldest items of the background jobs' backlog; `None` where there is nothing to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The earliest deadline of a dispute that needs a response.
    pub earliest_deadline: Option<UnixMillis>,
    /// Time of the oldest upload that no submission refers to and that is not marked for deletion.
    pub oldest_unreferenced_at: Option<UnixMillis>,
    /// When the oldest marked upload was marked whose file is not deleted yet.
    pub oldest_marked_at: Option<UnixMillis>,
}

/// An upload that no submission referred to, and that is marked for deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkedUpload {
    /// When it was marked.
    pub at: UnixMillis,
    /// Where its file is stored.
    pub url: StorageUri,
}

impl MarkedUpload {
    /// The start of a page, as the statement's parameters.
    pub(crate) fn begin(after: Option<Self>) -> (i64, String) {
        after.map_or((i64::MIN, String::new()), |Self { at, url }| (at.0, url.key()))
    }
}

/// Which disputes a list contains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DisputeFilter {
    /// Of this merchant.
    pub merchant_id: Option<MerchantId>,
    /// In this state.
    pub status: Option<Status>,
    /// In this stage.
    pub stage: Option<Stage>,
    /// With a deadline before this time.
    pub deadline_before: Option<UnixMillis>,
    /// Opened after this time.
    pub created_after: Option<UnixMillis>,
    /// With a dispute, payment, trade or reference number that starts with this.
    pub q: Option<String>,
    /// After this position, in the order from the newest to the oldest.
    pub after: Option<DisputeCursor>,
    /// Most items.
    pub limit: u32,
}

/// Where a page of a list ended: at the dispute with this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisputeCursor(pub i64);

/// A page of a list, the newest first. It may have fewer items than the limit although there is a next page: not more
/// than a bounded number of disputes is examined for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputePage {
    /// The disputes.
    pub items: Vec<DisputeRecord>,
    /// Where the next page starts, if there may be one.
    pub next: Option<DisputeCursor>,
    /// How many match, counted to [`DisputePage::COUNT_MAX`].
    pub total: u64,
    /// Whether `total` is all; otherwise there are at least as many.
    pub total_exact: bool,
}

impl DisputePage {
    /// Most matches that are counted.
    pub const COUNT_MAX: u64 = 10_000;
}

/// Where histories are read.
pub(crate) trait HistorySource {
    /// The number of disputes, counted up to `most`.
    async fn count(&self, most: u64) -> Result<u64, StoreError>;
    /// Keys and numbers of at most `limit` disputes after a key.
    async fn numbers(&self, after: EntryId, limit: u32) -> Result<Vec<(EntryId, String)>, StoreError>;
    /// A dispute's detail.
    async fn detail(&self, dispute_no: &DisputeNo) -> Result<Option<DisputeDetail>, StoreError>;
    /// The number of a dispute that is not in the queue where it belongs.
    async fn unqueued(&self) -> Result<Option<String>, StoreError>;
    /// The key of a dispute that has a history and no row.
    async fn stray(&self) -> Result<Option<EntryId>, StoreError>;
}
