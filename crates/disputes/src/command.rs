//! What can be asked of an open dispute, and who asks.

use std::fmt;

use rebuttal_protocol::AppId;
use rebuttal_protocol::UnixMillis;
use rebuttal_protocol::dispute::{EvidenceItem, Stage};
use rebuttal_protocol::operator::{Act, Outcome};
use rebuttal_protocol::text::Note;

use crate::{Finding, Fingerprint, fingerprint_of};

/// A command on an open dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The merchant contests, with one finding for each item. Made by [`Command::contest`].
    Contest {
        /// What is submitted.
        items: Vec<EvidenceItem>,
        /// What was found at each item's url, in the same order.
        findings: Vec<Finding>,
        /// [`fingerprint_of`] the items, taken by the one who asks rather than by the one that all wait for.
        fingerprint: Option<Fingerprint>,
    },
    /// The merchant accepts the loss.
    Accept,
    /// The dispute is decided.
    Resolve {
        /// For or against the merchant.
        outcome: Outcome,
        /// What to remember beside it.
        note: Option<Note>,
    },
    /// The merchant is asked for more evidence.
    RequestEvidence {
        /// Until when it may respond.
        deadline: UnixMillis,
        /// What is asked for.
        note: Note,
    },
    /// The merchant gets more time.
    Extend {
        /// The new deadline.
        deadline: UnixMillis,
    },
    /// The dispute goes on to a later stage.
    Advance {
        /// The later stage.
        stage: Stage,
        /// Until when the merchant may respond in it.
        deadline: UnixMillis,
    },
    /// The other side took the dispute back.
    Withdraw {
        /// What to remember beside it.
        note: Option<Note>,
    },
    /// The deadline passed unanswered; sent by the gateway's own sweeper.
    Lapse,
}

impl From<Act> for Command {
    fn from(act: Act) -> Self {
        match act {
            Act::Resolve { outcome, note } => Self::Resolve { outcome, note },
            Act::RequestEvidence { deadline, note } => Self::RequestEvidence { deadline, note },
            Act::Extend { deadline } => Self::Extend { deadline },
            Act::Advance { stage, deadline } => Self::Advance { stage, deadline },
            Act::Withdraw { note } => Self::Withdraw { note },
        }
    }
}

impl Command {
    /// A contest with one finding for each item, in the same order.
    pub fn contest(items: Vec<EvidenceItem>, findings: Vec<Finding>) -> Self {
        let fingerprint = fingerprint_of(&items);
        Self::Contest { items, findings, fingerprint }
    }

    /// Whether a merchant's app sends it, rather than an operator or the gateway.
    pub const fn is_merchants(&self) -> bool {
        matches!(self, Self::Contest { .. } | Self::Accept)
    }
}

/// Who acted, as the history tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A merchant's app.
    App(AppId),
    /// An operator, by the name of its token.
    Operator(String),
    /// The gateway itself.
    Gateway,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(app_id) => write!(f, "app:{app_id}"),
            Self::Operator(name) => write!(f, "operator:{name}"),
            Self::Gateway => f.write_str("gateway"),
        }
    }
}
