//! What can be asked of an open dispute, and who asks.

use std::fmt;

use rebuttal_protocol::AppId;
use rebuttal_protocol::dispute::ReceivedEvidence;
use rebuttal_protocol::operator::OperatorAction;

use crate::{Finding, Fingerprint, fingerprint_of};

/// A command on an open dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The merchant contests, with one finding for each item. Made by [`Command::contest`].
    Contest {
        /// What is submitted.
        items: Vec<ReceivedEvidence>,
        /// What was found at each item's url, in the same order.
        findings: Vec<Finding>,
        /// [`fingerprint_of`] the items, taken by the one who asks rather than by the one that all wait for.
        fingerprint: Option<Fingerprint>,
    },
    /// The merchant accepts the loss.
    Accept,
    /// An operator acts.
    Operator(OperatorAction),
    /// The deadline passed unanswered; sent by the gateway's own sweeper.
    Expire,
}

impl From<OperatorAction> for Command {
    fn from(action: OperatorAction) -> Self {
        Self::Operator(action)
    }
}

impl Command {
    /// A contest with one finding for each item, in the same order.
    pub fn contest(items: Vec<ReceivedEvidence>, findings: Vec<Finding>) -> Self {
        let fingerprint = fingerprint_of(&items);
        Self::Contest { items, findings, fingerprint }
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
