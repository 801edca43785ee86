//! Where a dispute stands: everything that is decided under its lock, and nothing else.

use rebuttal_protocol::dispute::{Stage, Status};
use rebuttal_protocol::{DisputeNo, MerchantId, UnixMillis};

use crate::Fingerprint;

/// The state that decisions are made on. It is one row of the database: nothing decided is read from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The dispute's number.
    pub dispute_no: DisputeNo,
    /// Whose payment is disputed.
    pub merchant_id: MerchantId,
    /// Where it stands.
    pub status: Status,
    /// The present stage.
    pub stage: Stage,
    /// The latest deadline; it binds only in `NEEDS_RESPONSE`.
    pub deadline: UnixMillis,
    /// Number of the latest history entry; the first is 1.
    pub sequence: u64,
    /// Hash of the latest history entry, which holds the hash of the one before.
    pub head: Fingerprint,
    /// What was submitted last, in whatever stage.
    pub submission: Option<LastSubmission>,
    /// Identifies what the dispute was opened with.
    pub opening: Fingerprint,
}

/// What a repetition is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSubmission {
    /// Counts the dispute's submissions from 1.
    pub number: u32,
    /// In which stage it was submitted.
    pub stage: Stage,
    /// Identifies its items, in any order.
    pub fingerprint: Fingerprint,
}

impl Dispute {
    /// The present stage's latest submission.
    pub fn present_submission(&self) -> Option<LastSubmission> {
        self.submission.filter(|submission| submission.stage == self.stage)
    }

    /// Whether the merchant was asked for more than it had submitted.
    ///
    /// Derived: a contest leaves `NEEDS_RESPONSE`, stages never come back, and a expire after a request for evidence
    /// leads to `UNDER_REVIEW`, so only such a request leads back with a submission in the present stage.
    pub fn evidence_requested(&self) -> bool {
        self.status == Status::NeedsResponse && self.present_submission().is_some()
    }

    /// Whether a request that arrived at this moment came too late.
    pub fn is_late(&self, arrival: UnixMillis) -> bool {
        arrival >= self.deadline
    }
}
