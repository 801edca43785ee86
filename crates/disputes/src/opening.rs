//! Opening a dispute. Its facts never change afterwards; the same opening again is a repetition.

use rebuttal_protocol::dispute::{Event, Status};
use rebuttal_protocol::operator::OpenDispute;
use rebuttal_protocol::{DisputeNo, UnixMillis};

use crate::fingerprint::Fingerprinter;
use crate::history::{ChainedEntry, EntryDetail};
use crate::{Actor, Change, Decision, Dispute, DisputeRefusal, Fingerprint};

/// A dispute to be opened, with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The number that the operator chose, or one that the gateway generated.
    pub dispute_no: DisputeNo,
    /// What the dispute is about.
    pub facts: OpenDispute,
}

impl Opening {
    /// Identifies the number and every fact.
    pub fn fingerprint(&self) -> Fingerprint {
        let facts = &self.facts;
        Fingerprinter::new("opening")
            .text(self.dispute_no.as_str())
            .number(i64::from(facts.merchant_id.number()))
            .text(facts.payment_no.as_str())
            .text(facts.merchant_trade_no.as_str())
            .text(facts.payment_amount.currency().code())
            .number(facts.payment_amount.minor_units())
            .number(facts.dispute_amount.minor_units())
            .text(facts.dispute_reason.as_str())
            .optional(facts.reason_code.as_ref().map(|code| code.as_str()))
            .text(facts.stage.as_str())
            .optional(facts.rrn.as_ref().map(|rrn| rrn.as_str()))
            .number(facts.deadline.0)
            .finish()
    }
}

/// Decides an opening. `existing` is the dispute with this number, of any merchant.
///
/// # Errors
/// [`DisputeRefusal::OpenedDifferently`] where a dispute with this number has other content,
/// [`DisputeRefusal::DeadlineNotFuture`] where its deadline has passed.
pub fn open(
    existing: Option<&Dispute>,
    opening: &Opening,
    actor: &Actor,
    arrival: UnixMillis,
) -> Result<Decision, DisputeRefusal> {
    let fingerprint = opening.fingerprint();
    if let Some(existing) = existing {
        return match existing.opening == fingerprint {
            true => Ok(Decision::Repetition),
            false => Err(DisputeRefusal::OpenedDifferently),
        };
    }
    let facts = &opening.facts;
    if facts.deadline <= arrival {
        return Err(DisputeRefusal::DeadlineNotFuture(arrival));
    }
    let unopened = Dispute {
        dispute_no: opening.dispute_no.clone(),
        merchant_id: facts.merchant_id,
        status: Status::NeedsResponse,
        stage: facts.stage,
        deadline: facts.deadline,
        sequence: 0,
        head: Fingerprint::ZERO,
        submission: None,
        opening: fingerprint,
    };
    let detail = EntryDetail {
        status: unopened.status,
        stage: facts.stage,
        deadline: facts.deadline,
        opening: Some(fingerprint.to_string()),
        submission: None,
        note: None,
    };
    let entry = ChainedEntry::following(&unopened, arrival, Event::Opened, actor.to_string(), &detail);
    let dispute = Dispute { sequence: entry.sequence, head: entry.hash, ..unopened };
    Ok(Decision::Change(Box::new(Change { dispute, entry, submission: None })))
}
