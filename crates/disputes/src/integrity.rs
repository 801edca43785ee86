//! Checks a dispute against its history: the hash chain, the submissions and files that its entries name, its current
//! state, and its facts.
//!
//! The hashes are not keyed. They reveal a change that was not made everywhere. An attacker who can write to the
//! database and recomputes all hashes is detected only by comparison with a backup.

use rebuttal_protocol::UnixMillis;
use rebuttal_protocol::operator::OpenDispute;

use crate::history::EntryDetail;
use crate::{ChainedEntry, Dispute, Fingerprint, LastSubmission, Opening, Submission};

/// What differs from the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntegrityError {
    /// The chain is broken at this entry.
    #[error("entry {0} of its history is missing, altered or out of order")]
    Entry(u64),
    /// The items, the files or the time of this submission differ.
    #[error("submission {0} does not match its hash in the history")]
    Submission(u32),
    /// The dispute's row contradicts the last entry.
    #[error("its status, type, deadline or last submission does not match the last history entry")]
    State,
    /// The merchant, the payment, an amount, the reason or another fact was changed.
    #[error("its facts (merchant, payment, amounts, reason, time) differ from those it was opened with")]
    Facts,
}

/// Checks a dispute against its history.
///
/// # Errors
///
/// The first difference.
pub fn check_integrity(
    dispute: &Dispute,
    facts: &OpenDispute,
    opened_at: UnixMillis,
    history: &[ChainedEntry],
    submissions: &[Submission],
) -> Result<(), IntegrityError> {
    let (mut before, mut proven) = (Fingerprint::ZERO, submissions.iter());
    let mut ends: Option<(EntryDetail, EntryDetail)> = None;
    for (number, entry) in (1..).zip(history) {
        let follows = entry.sequence == number
            && entry.hash_after(dispute.dispute_no.as_str(), before) == entry.hash
            && (number > 1 || entry.at == opened_at);
        let detail = entry.parse_detail().filter(|_| follows).ok_or(IntegrityError::Entry(number))?;
        if let Some(digest) = &detail.submission
            && proven.next().map(Into::into).as_ref() != Some(digest)
        {
            return Err(IntegrityError::Submission(digest.number));
        }
        before = entry.hash;
        let opened = ends.take().map_or_else(|| detail.clone(), |(opened, _)| opened);
        ends = Some((opened, detail));
    }
    if let Some(unproven) = proven.next() {
        return Err(IntegrityError::Submission(unproven.number));
    }
    let (opened, last) = ends.ok_or(IntegrityError::Entry(1))?;
    if !matches_entry(dispute, &last, before, history.len() as u64, submissions.last()) {
        return Err(IntegrityError::State);
    }
    // Stage and deadline change later; the first entry has those of the opening.
    let facts = OpenDispute { stage: opened.stage, deadline: opened.deadline, ..facts.clone() };
    let opening = Opening { dispute_no: dispute.dispute_no.clone(), facts }.fingerprint();
    let chained = opened.opening.is_none_or(|chained| chained == opening.to_string());
    if opening == dispute.opening && chained { Ok(()) } else { Err(IntegrityError::Facts) }
}

/// Whether the dispute's row matches its last entry.
fn matches_entry(
    dispute: &Dispute,
    last: &EntryDetail,
    head: Fingerprint,
    sequence: u64,
    submission: Option<&Submission>,
) -> bool {
    let submission = submission.map(|last| LastSubmission {
        number: last.number,
        stage: last.stage,
        fingerprint: last.fingerprint,
    });
    (dispute.status, dispute.stage, dispute.deadline) == (last.status, last.stage, last.deadline)
        && (dispute.head, dispute.sequence, dispute.submission) == (head, sequence, submission)
}
