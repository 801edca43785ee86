//! The state of a dispute: everything that decisions depend on.

use rebuttal_protocol::dispute::{Stage, Status};
use rebuttal_protocol::{DisputeNo, MerchantId, UnixMillis};

use crate::Fingerprint;

/// The state of a dispute: one row of the database, locked while a command is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The dispute's number.
    pub dispute_no: DisputeNo,
    /// Whose payment is disputed.
    pub merchant_id: MerchantId,
    /// The current status.
    pub status: Status,
    /// The current stage.
    pub stage: Stage,
    /// The latest deadline; it applies only in `NEEDS_RESPONSE`.
    pub deadline: UnixMillis,
    /// Number of the latest history entry; the first is 1.
    pub sequence: u64,
    /// Hash of the latest history entry, which includes the hash of the one before.
    pub head: Fingerprint,
    /// The last submission, of any stage.
    pub submission: Option<LastSubmission>,
    /// Identifies the facts that the dispute was opened with.
    pub opening: Fingerprint,
}

/// The last submission, to compare a repetition with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSubmission {
    /// Counts the dispute's submissions from 1.
    pub number: u32,
    /// The stage in which it was submitted.
    pub stage: Stage,
    /// Identifies its items, in any order.
    pub fingerprint: Fingerprint,
}

impl Dispute {
    /// The current stage's latest submission.
    pub fn current_submission(&self) -> Option<LastSubmission> {
        self.submission.filter(|submission| submission.stage == self.stage)
    }

    /// Whether more evidence was requested after the last submission.
    ///
    /// Derived: a contest leaves `NEEDS_RESPONSE`, stages only advance, and an expiry after a request for evidence
    /// leads to `UNDER_REVIEW`. So only such a request returns to `NEEDS_RESPONSE` with a submission in the stage.
    pub fn evidence_requested(&self) -> bool {
        self.status == Status::NeedsResponse && self.current_submission().is_some()
    }

    /// Whether a request that arrived at `arrival` is too late.
    pub fn is_late(&self, arrival: UnixMillis) -> bool {
        arrival >= self.deadline
    }
}
