//! The table of contract §6 as one pure function.

use std::time::Duration;

use rebuttal_protocol::UnixMillis;
use rebuttal_protocol::dispute::{Event, Status};
use rebuttal_protocol::operator::{self, OperatorAction};
use rebuttal_protocol::text::Note;

use crate::allowed::{Action, Audience, allows};
use crate::history::{ChainedEntry, EntryDetail};
use crate::{
    Actor, Command, ContestItem, Dispute, DisputeRefusal, EvidenceFault, Fingerprint, LastSubmission,
    Submission, SubmittedEvidence,
};

/// How long a command that arrived in time may take to commit. An expiry waits this long after the deadline, so that
/// it never overtakes a response that was in time; the committer rejects a response that waited longer.
pub const COMMIT_LIMIT: Duration = Duration::from_secs(5);

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A repetition: nothing changes, and the answer is the same.
    Repetition,
    /// It changes the dispute.
    Change(Box<Change>),
}

/// A change of a dispute, saved in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The dispute afterwards.
    pub dispute: Dispute,
    /// The history's new entry.
    pub entry: ChainedEntry,
    /// The new submission of a contest.
    pub submission: Option<Submission>,
}

/// A change without its history entry.
struct Transition {
    event: Event,
    next: Dispute,
    submission: Option<Submission>,
    note: Option<Note>,
}

/// Decides a command that arrived at `arrival`.
///
/// # Errors
/// Every [`DisputeRefusal`] except those of an opening. A refused command changes nothing.
pub fn decide(
    dispute: &Dispute,
    command: &Command,
    actor: &Actor,
    arrival: UnixMillis,
) -> Result<Decision, DisputeRefusal> {
    if is_repetition(dispute, command) {
        return Ok(Decision::Repetition);
    }
    let Transition { event, next, submission, note } = outcome(dispute, command, arrival)?;
    let detail = EntryDetail {
        status: next.status,
        stage: next.stage,
        deadline: next.deadline,
        opening: None,
        submission: submission.as_ref().map(Into::into),
        note,
    };
    let entry = ChainedEntry::following(dispute, arrival, event, actor.to_string(), &detail);
    let dispute = Dispute { sequence: entry.sequence, head: entry.hash, ..next };
    Ok(Decision::Change(Box::new(Change { dispute, entry, submission })))
}

/// Whether the command is a repetition. This is checked first, so that a lost answer can be fetched again even after
/// the deadline.
fn is_repetition(dispute: &Dispute, command: &Command) -> bool {
    use Status::NeedsResponse;
    let status = dispute.status;
    match command {
        Command::Contest { fingerprint, .. } => {
            is_allowed(dispute, Action::ContestAgain) && equals_current_submission(dispute, *fingerprint)
        }
        Command::Accept => is_allowed(dispute, Action::AcceptAgain),
        Command::Operator(OperatorAction::Resolve { outcome, .. }) => {
            is_allowed(dispute, Action::ResolveAgain) && status.as_str() == outcome.as_str()
        }
        Command::Operator(OperatorAction::RequestEvidence { deadline, .. }) => {
            dispute.evidence_requested() && dispute.deadline == *deadline
        }
        Command::Operator(OperatorAction::Extend { deadline }) => {
            status == NeedsResponse && dispute.deadline == *deadline
        }
        Command::Operator(OperatorAction::Advance { stage, deadline }) => {
            status == NeedsResponse && dispute.stage == *stage && dispute.deadline == *deadline
        }
        Command::Operator(OperatorAction::Withdraw { .. }) => is_allowed(dispute, Action::WithdrawAgain),
        Command::Expire => false,
    }
}

fn is_allowed(dispute: &Dispute, action: Action) -> bool {
    allows(dispute.status, dispute.stage, action)
}

fn equals_current_submission(dispute: &Dispute, fingerprint: Option<Fingerprint>) -> bool {
    dispute.current_submission().is_some_and(|submission| fingerprint == Some(submission.fingerprint))
}

fn outcome(dispute: &Dispute, command: &Command, arrival: UnixMillis) -> Result<Transition, DisputeRefusal> {
    match command {
        Command::Contest { items, fingerprint } => contest(dispute, items, *fingerprint, arrival),
        Command::Accept => {
            check_response(dispute, Action::Accept, arrival)?;
            Ok(change_status(dispute, Event::Accepted, Status::Accepted, None))
        }
        Command::Operator(action) => decide_action(dispute, action, arrival),
        Command::Expire => Ok(change_status(dispute, Event::Expired, expire(dispute, arrival)?, None)),
    }
}

/// The status changes, and nothing else.
fn change_status(dispute: &Dispute, event: Event, status: Status, note: Option<&Note>) -> Transition {
    let next = Dispute { status, ..dispute.clone() };
    Transition { event, next, submission: None, note: note.cloned() }
}

/// The dispute needs a response before a new deadline.
fn needs_response(dispute: &Dispute, event: Event, deadline: UnixMillis, note: Option<&Note>) -> Transition {
    let next = Dispute { status: Status::NeedsResponse, deadline, ..dispute.clone() };
    Transition { event, next, submission: None, note: note.cloned() }
}

fn decide_action(
    dispute: &Dispute,
    action: &OperatorAction,
    arrival: UnixMillis,
) -> Result<Transition, DisputeRefusal> {
    if new_deadline(action).is_some_and(|deadline| deadline <= arrival) {
        return Err(DisputeRefusal::DeadlineNotFuture(arrival));
    }
    if !is_allowed(dispute, Action::Operator(action.kind())) {
        return Err(invalid_state(dispute, Audience::Operator));
    }
    Ok(match action {
        OperatorAction::Resolve { outcome, note } => {
            let status = match outcome {
                operator::DisputeOutcome::Won => Status::Won,
                operator::DisputeOutcome::Lost => Status::Lost,
            };
            change_status(dispute, Event::Resolved, status, note.as_ref())
        }
        OperatorAction::RequestEvidence { deadline, note } => {
            needs_response(dispute, Event::EvidenceRequested, *deadline, Some(note))
        }
        OperatorAction::Extend { deadline } if *deadline <= dispute.deadline => {
            return Err(DisputeRefusal::DeadlineNotLater(dispute.deadline));
        }
        OperatorAction::Extend { deadline } => needs_response(dispute, Event::Extended, *deadline, None),
        OperatorAction::Advance { stage, .. } if *stage <= dispute.stage => {
            return Err(DisputeRefusal::StageNotLater { status: dispute.status, stage: dispute.stage });
        }
        OperatorAction::Advance { stage, deadline } => {
            let mut advanced = needs_response(dispute, Event::Advanced, *deadline, None);
            advanced.next.stage = *stage;
            advanced
        }
        OperatorAction::Withdraw { note } => {
            change_status(dispute, Event::Withdrawn, Status::Withdrawn, note.as_ref())
        }
    })
}

/// The deadline that an action sets.
const fn new_deadline(action: &OperatorAction) -> Option<UnixMillis> {
    match action {
        OperatorAction::RequestEvidence { deadline, .. }
        | OperatorAction::Extend { deadline }
        | OperatorAction::Advance { deadline, .. } => Some(*deadline),
        OperatorAction::Resolve { .. } | OperatorAction::Withdraw { .. } => None,
    }
}

fn contest(
    dispute: &Dispute,
    items: &[ContestItem],
    fingerprint: Option<Fingerprint>,
    arrival: UnixMillis,
) -> Result<Transition, DisputeRefusal> {
    if dispute.evidence_requested() && equals_current_submission(dispute, fingerprint) {
        return Err(DisputeRefusal::NothingNew);
    }
    check_response(dispute, Action::Contest, arrival)?;
    let evidence = check_evidence(items)?;
    // Without a fingerprint an item has no valid address, which is a fault of its own.
    let fingerprint = fingerprint.ok_or_else(|| DisputeRefusal::Evidence(Vec::new()))?;
    let number = dispute.submission.map_or(0, |last| last.number) + 1;
    let submission =
        Submission { number, stage: dispute.stage, submitted_at: arrival, fingerprint, evidence };
    let next = Dispute {
        status: Status::UnderReview,
        submission: Some(LastSubmission { number, stage: dispute.stage, fingerprint }),
        ..dispute.clone()
    };
    Ok(Transition { event: Event::Contested, next, submission: Some(submission), note: None })
}

/// All items with their files, or every fault by the item's index.
fn check_evidence(items: &[ContestItem]) -> Result<Vec<SubmittedEvidence>, DisputeRefusal> {
    let mut submitted = Vec::with_capacity(items.len());
    let mut faults = Vec::new();
    for (index, ContestItem { evidence, file }) in items.iter().enumerate() {
        match (evidence.url, file) {
            (Some(url), Ok(file)) => submitted.push(SubmittedEvidence {
                evidence_type: evidence.evidence_type,
                name: evidence.name.clone(),
                url,
                file: file.clone(),
            }),
            (None, _) => faults.push((index, EvidenceFault::NotFound)),
            (Some(_), Err(fault)) => faults.push((index, fault.clone())),
        }
    }
    if faults.is_empty() { Ok(submitted) } else { Err(DisputeRefusal::Evidence(faults)) }
}

/// Checks that the state allows a merchant's response and that it arrived before the deadline.
fn check_response(dispute: &Dispute, action: Action, arrival: UnixMillis) -> Result<(), DisputeRefusal> {
    let is_expired = dispute.status == Status::Expired;
    if !is_expired && !is_allowed(dispute, action) {
        let has_submitted = dispute.current_submission().is_some();
        return Err(invalid_state(dispute, Audience::Merchant { has_submitted }));
    }
    match dispute.is_late(arrival) {
        true => Err(DisputeRefusal::DeadlinePassed { deadline: dispute.deadline, arrival }),
        false if is_expired => Err(DisputeRefusal::Overtaken),
        false => Ok(()),
    }
}

/// The status after a deadline without a response: a submission from before a request for more evidence still counts.
fn expire(dispute: &Dispute, now: UnixMillis) -> Result<Status, DisputeRefusal> {
    if dispute.status != Status::NeedsResponse || now < dispute.deadline + COMMIT_LIMIT {
        return Err(DisputeRefusal::NotDue);
    }
    Ok(if dispute.evidence_requested() { Status::UnderReview } else { Status::Expired })
}

fn invalid_state(dispute: &Dispute, to: Audience) -> DisputeRefusal {
    DisputeRefusal::InvalidState { status: dispute.status, stage: dispute.stage, to }
}
