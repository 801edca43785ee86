//! The table of contract §6 as one pure function.

use std::time::Duration;

use rebuttal_protocol::UnixMillis;
use rebuttal_protocol::dispute::{EvidenceItem, Stage, Status};
use rebuttal_protocol::operator::{self, Act};
use rebuttal_protocol::text::Note;

use crate::history::{Detail, Entry, Event};
use crate::refusal::Told;
use crate::{
    Actor, Command, Dispute, Finding, Fingerprint, LastSubmission, Refusal, Submission, SubmittedEvidence,
};

/// How long a command that arrived in time may take to commit. A lapse waits this long after the deadline, so that it
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
    pub entry: Entry,
    /// The new submission of a contest.
    pub submission: Option<Submission>,
}

/// What a command leads to, before it is written down.
struct Outcome {
    event: Event,
    next: Dispute,
    submission: Option<Submission>,
    note: Option<Note>,
}

/// Decides a command that arrived at a moment.
///
/// # Errors
/// Every [`Refusal`] but those of an opening; a refused command changes nothing.
pub fn decide(
    dispute: &Dispute,
    command: &Command,
    actor: &Actor,
    arrival: UnixMillis,
) -> Result<Decision, Refusal> {
    if is_repetition(dispute, command) {
        return Ok(Decision::Repetition);
    }
    let Outcome { event, next, submission, note } = outcome(dispute, command, arrival)?;
    let detail = Detail {
        status: next.status,
        stage: next.stage,
        deadline: next.deadline,
        opening: None,
        submission: submission.as_ref().map(Into::into),
        note,
    };
    let entry = Entry::following(dispute, arrival, event, actor.to_string(), &detail);
    let dispute = Dispute { sequence: entry.sequence, head: entry.hash, ..next };
    Ok(Decision::Change(Box::new(Change { dispute, entry, submission })))
}

/// Whether the outcome is already there. Decided before anything else is looked at: an answer that got lost must be
/// had again, deadline or not.
fn is_repetition(dispute: &Dispute, command: &Command) -> bool {
    use Status::{Accepted, Lost, NeedsResponse, UnderReview, Withdrawn, Won};
    let status = dispute.status;
    match command {
        Command::Contest { fingerprint, .. } => {
            matches!(status, UnderReview | Won | Lost) && equals_present_submission(dispute, *fingerprint)
        }
        Command::Accept => status == Accepted,
        Command::Act(Act::Resolve { outcome, .. }) => status.as_str() == outcome.as_str(),
        Command::Act(Act::RequestEvidence { deadline, .. }) => {
            dispute.evidence_requested() && dispute.deadline == *deadline
        }
        Command::Act(Act::Extend { deadline }) => status == NeedsResponse && dispute.deadline == *deadline,
        Command::Act(Act::Advance { stage, deadline }) => {
            status == NeedsResponse && dispute.stage == *stage && dispute.deadline == *deadline
        }
        Command::Act(Act::Withdraw { .. }) => status == Withdrawn,
        Command::Lapse => false,
    }
}

fn equals_present_submission(dispute: &Dispute, fingerprint: Option<Fingerprint>) -> bool {
    dispute.present_submission().is_some_and(|submission| fingerprint == Some(submission.fingerprint))
}

fn outcome(dispute: &Dispute, command: &Command, arrival: UnixMillis) -> Result<Outcome, Refusal> {
    use Status::{Expired, NeedsResponse, UnderReview};
    let to = |event, status, note: &Option<Note>| {
        let next = Dispute { status, ..dispute.clone() };
        Ok(Outcome { event, next, submission: None, note: note.clone() })
    };
    let due_at = |event, status, deadline: UnixMillis, note| {
        let next = Dispute { status, deadline, ..dispute.clone() };
        Ok(Outcome { event, next, submission: None, note })
    };
    match command {
        Command::Contest { items, findings, fingerprint } => {
            contest(dispute, items, findings, *fingerprint, arrival)
        }
        Command::Accept => {
            check_response(dispute, arrival)?;
            to(Event::Accepted, Status::Accepted, &None)
        }
        Command::Act(Act::Resolve { outcome, note }) => {
            check_status(dispute, &[NeedsResponse, UnderReview, Expired])?;
            let status = match outcome {
                operator::Outcome::Won => Status::Won,
                operator::Outcome::Lost => Status::Lost,
            };
            to(Event::Resolved, status, note)
        }
        Command::Act(Act::RequestEvidence { deadline, note }) => {
            check_future(*deadline, arrival)?;
            check_status(dispute, &[UnderReview])?;
            due_at(Event::EvidenceRequested, NeedsResponse, *deadline, Some(note.clone()))
        }
        Command::Act(Act::Extend { deadline }) => {
            check_future(*deadline, arrival)?;
            check_status(dispute, &[NeedsResponse, Expired])?;
            if *deadline <= dispute.deadline {
                return Err(Refusal::DeadlineNotLater(dispute.deadline));
            }
            due_at(Event::Extended, NeedsResponse, *deadline, None)
        }
        Command::Act(Act::Advance { stage, deadline }) => {
            check_future(*deadline, arrival)?;
            if dispute.status == Status::Withdrawn || dispute.stage == Stage::Arbitration {
                return Err(invalid_state(dispute, Told::Operator));
            }
            if *stage <= dispute.stage {
                return Err(Refusal::StageNotLater { status: dispute.status, stage: dispute.stage });
            }
            let mut advanced = due_at(Event::Advanced, NeedsResponse, *deadline, None)?;
            advanced.next.stage = *stage;
            Ok(advanced)
        }
        Command::Act(Act::Withdraw { note }) => {
            check_status(dispute, &[NeedsResponse, UnderReview, Status::Accepted, Expired])?;
            to(Event::Withdrawn, Status::Withdrawn, note)
        }
        Command::Lapse => lapse(dispute, arrival).and_then(|status| to(Event::Lapsed, status, &None)),
    }
}

fn contest(
    dispute: &Dispute,
    items: &[EvidenceItem],
    findings: &[Finding],
    fingerprint: Option<Fingerprint>,
    arrival: UnixMillis,
) -> Result<Outcome, Refusal> {
    if dispute.evidence_requested() && equals_present_submission(dispute, fingerprint) {
        return Err(Refusal::NothingNew);
    }
    check_response(dispute, arrival)?;
    let evidence = substantiate(items, findings)?;
    // An item without an address is a fault already.
    let fingerprint = fingerprint.ok_or_else(|| Refusal::Evidence(Vec::new()))?;
    let number = dispute.submission.map_or(0, |last| last.number) + 1;
    let submission =
        Submission { number, stage: dispute.stage, submitted_at: arrival, fingerprint, evidence };
    let next = Dispute {
        status: Status::UnderReview,
        submission: Some(LastSubmission { number, stage: dispute.stage, fingerprint }),
        ..dispute.clone()
    };
    Ok(Outcome { event: Event::Contested, next, submission: Some(submission), note: None })
}

/// All items with what was found for them, or every fault by its index.
fn substantiate(items: &[EvidenceItem], findings: &[Finding]) -> Result<Vec<SubmittedEvidence>, Refusal> {
    let mut evidence = Vec::with_capacity(items.len());
    let mut faults = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let finding = findings.get(index).cloned().unwrap_or(Err(crate::EvidenceFault::NotUploaded));
        match (item.url, finding) {
            (Some(url), Ok(file)) => evidence.push(SubmittedEvidence {
                evidence_type: item.evidence_type,
                name: item.name.clone(),
                url,
                file,
            }),
            (None, _) => faults.push((index, crate::EvidenceFault::NotFound)),
            (Some(_), Err(fault)) => faults.push((index, fault)),
        }
    }
    if faults.is_empty() { Ok(evidence) } else { Err(Refusal::Evidence(faults)) }
}

/// A merchant's response counts in `NEEDS_RESPONSE` before the deadline; an expired dispute was answered too late.
fn check_response(dispute: &Dispute, arrival: UnixMillis) -> Result<(), Refusal> {
    match dispute.status {
        Status::NeedsResponse if !dispute.is_late(arrival) => Ok(()),
        Status::Expired if !dispute.is_late(arrival) => Err(Refusal::Overtaken),
        Status::NeedsResponse | Status::Expired => {
            Err(Refusal::DeadlinePassed { deadline: dispute.deadline, arrival })
        }
        _ => {
            let has_submitted = dispute.present_submission().is_some();
            Err(invalid_state(dispute, Told::Merchant { has_submitted }))
        }
    }
}

fn check_status(dispute: &Dispute, allowed: &[Status]) -> Result<(), Refusal> {
    if allowed.contains(&dispute.status) { Ok(()) } else { Err(invalid_state(dispute, Told::Operator)) }
}

fn check_future(deadline: UnixMillis, arrival: UnixMillis) -> Result<(), Refusal> {
    if deadline > arrival { Ok(()) } else { Err(Refusal::DeadlineNotFuture(arrival)) }
}

/// What an unanswered deadline leads to: what was submitted before a request for more stands; else nothing does.
fn lapse(dispute: &Dispute, now: UnixMillis) -> Result<Status, Refusal> {
    if dispute.status != Status::NeedsResponse || now < dispute.deadline + COMMIT_LIMIT {
        return Err(Refusal::NotDue);
    }
    Ok(if dispute.evidence_requested() { Status::UnderReview } else { Status::Expired })
}

fn invalid_state(dispute: &Dispute, to: Told) -> Refusal {
    Refusal::InvalidState { status: dispute.status, stage: dispute.stage, to }
}
