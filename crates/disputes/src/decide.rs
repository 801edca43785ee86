//! The table of contract §6 as one pure function.

use std::time::Duration;

use rebuttal_protocol::UnixMillis;
use rebuttal_protocol::dispute::{Event, Status};
use rebuttal_protocol::operator::{self, OperatorAction};
use rebuttal_protocol::text::Note;

use crate::allowed::{Action, allows};
use crate::history::{ChainedEntry, EntryDetail};
use crate::refusal::Audience;
use crate::{
    Actor, Command, ContestItem, Dispute, DisputeRefusal, EvidenceFault, Fingerprint, LastSubmission,
    Submission, SubmittedEvidence,
};

/// How long a command that arrived in time may take to commit. A expire waits this long after the deadline, so that it
/// never overtakes a response that was in time; the committer gives up a response that waited longer.
pub const COMMIT_LIMIT: Duration = Duration::from_secs(5);

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It has been done before; nothing changes, and the answer is the same.
    Repetition,
    /// It changes the dispute.
    Change(Box<Change>),
}

/// A change of a dispute: what is saved, all in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The dispute afterwards.
    pub dispute: Dispute,
    /// The history's new entry.
    pub entry: ChainedEntry,
    /// The new submission of a contest.
    pub submission: Option<Submission>,
}

/// What a command leads to, before it is written down.
struct Transition {
    event: Event,
    next: Dispute,
    submission: Option<Submission>,
    note: Option<Note>,
}

/// Decides a command that arrived at a moment.
///
/// # Errors
/// Every [`DisputeRefusal`] but those of an opening; a refused command changes nothing.
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

/// Whether the outcome is already there. Decided before anything else is looked at: an answer that got lost must be
/// had again, deadline or not.
fn is_repetition(dispute: &Dispute, command: &Command) -> bool {
    use Status::NeedsResponse;
    let status = dispute.status;
    match command {
        Command::Contest { fingerprint, .. } => {
            is_allowed(dispute, Action::ContestAgain) && equals_present_submission(dispute, *fingerprint)
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

fn is_allowed(dispute: &Dispute, asked: Action) -> bool {
    allows(dispute.status, dispute.stage, asked)
}

fn equals_present_submission(dispute: &Dispute, fingerprint: Option<Fingerprint>) -> bool {
    dispute.present_submission().is_some_and(|submission| fingerprint == Some(submission.fingerprint))
}

fn outcome(dispute: &Dispute, command: &Command, arrival: UnixMillis) -> Result<Transition, DisputeRefusal> {
    match command {
        Command::Contest { items, fingerprint } => contest(dispute, items, *fingerprint, arrival),
        Command::Accept => {
            check_response(dispute, Action::Accept, arrival)?;
            Ok(to(dispute, Event::Accepted, Status::Accepted, None))
        }
        Command::Operator(act) => acted(dispute, act, arrival),
        Command::Expire => Ok(to(dispute, Event::Expired, expire(dispute, arrival)?, None)),
    }
}

/// The dispute moves to a status, and nothing else of it changes.
fn to(dispute: &Dispute, event: Event, status: Status, note: Option<&Note>) -> Transition {
    let next = Dispute { status, ..dispute.clone() };
    Transition { event, next, submission: None, note: note.cloned() }
}

/// The dispute needs a response until a new deadline.
fn due_at(dispute: &Dispute, event: Event, deadline: UnixMillis, note: Option<&Note>) -> Transition {
    let next = Dispute { status: Status::NeedsResponse, deadline, ..dispute.clone() };
    Transition { event, next, submission: None, note: note.cloned() }
}

fn acted(dispute: &Dispute, act: &OperatorAction, arrival: UnixMillis) -> Result<Transition, DisputeRefusal> {
    if new_deadline(act).is_some_and(|deadline| deadline <= arrival) {
        return Err(DisputeRefusal::DeadlineNotFuture(arrival));
    }
    if !is_allowed(dispute, Action::Operator(act.kind())) {
        return Err(invalid_state(dispute, Audience::Operator));
    }
    Ok(match act {
        OperatorAction::Resolve { outcome, note } => {
            let status = match outcome {
                operator::Outcome::Won => Status::Won,
                operator::Outcome::Lost => Status::Lost,
            };
            to(dispute, Event::Resolved, status, note.as_ref())
        }
        OperatorAction::RequestEvidence { deadline, note } => {
            due_at(dispute, Event::EvidenceRequested, *deadline, Some(note))
        }
        OperatorAction::Extend { deadline } if *deadline <= dispute.deadline => {
            return Err(DisputeRefusal::DeadlineNotLater(dispute.deadline));
        }
        OperatorAction::Extend { deadline } => due_at(dispute, Event::Extended, *deadline, None),
        OperatorAction::Advance { stage, .. } if *stage <= dispute.stage => {
            return Err(DisputeRefusal::StageNotLater { status: dispute.status, stage: dispute.stage });
        }
        OperatorAction::Advance { stage, deadline } => {
            let mut advanced = due_at(dispute, Event::Advanced, *deadline, None);
            advanced.next.stage = *stage;
            advanced
        }
        OperatorAction::Withdraw { note } => to(dispute, Event::Withdrawn, Status::Withdrawn, note.as_ref()),
    })
}

/// The deadline that an act sets.
const fn new_deadline(act: &OperatorAction) -> Option<UnixMillis> {
    match act {
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
    if dispute.evidence_requested() && equals_present_submission(dispute, fingerprint) {
        return Err(DisputeRefusal::NothingNew);
    }
    check_response(dispute, Action::Contest, arrival)?;
    let evidence = substantiate(items)?;
    // An item without an address is a fault already.
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
fn substantiate(items: &[ContestItem]) -> Result<Vec<SubmittedEvidence>, DisputeRefusal> {
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

/// A merchant's response counts where the state allows it and before the deadline; an expired dispute was answered too
/// late.
fn check_response(dispute: &Dispute, asked: Action, arrival: UnixMillis) -> Result<(), DisputeRefusal> {
    let is_expired = dispute.status == Status::Expired;
    if !is_expired && !is_allowed(dispute, asked) {
        let has_submitted = dispute.present_submission().is_some();
        return Err(invalid_state(dispute, Audience::Merchant { has_submitted }));
    }
    match dispute.is_late(arrival) {
        true => Err(DisputeRefusal::DeadlinePassed { deadline: dispute.deadline, arrival }),
        false if is_expired => Err(DisputeRefusal::Overtaken),
        false => Ok(()),
    }
}

/// What an unanswered deadline leads to: what was submitted before a request for more stands; else nothing does.
fn expire(dispute: &Dispute, now: UnixMillis) -> Result<Status, DisputeRefusal> {
    if dispute.status != Status::NeedsResponse || now < dispute.deadline + COMMIT_LIMIT {
        return Err(DisputeRefusal::NotDue);
    }
    Ok(if dispute.evidence_requested() { Status::UnderReview } else { Status::Expired })
}

fn invalid_state(dispute: &Dispute, to: Audience) -> DisputeRefusal {
    DisputeRefusal::InvalidState { status: dispute.status, stage: dispute.stage, to }
}
