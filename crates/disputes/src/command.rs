//! The commands on an open dispute, and who sends them.

use std::borrow::Cow;
use std::fmt;

use rebuttal_protocol::AppId;
use rebuttal_protocol::operator::OperatorAction;

use crate::{ContestItem, EvidenceFault, Fingerprint, fingerprint_of};

/// A command on an open dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The merchant contests. Created by [`Command::contest`].
    Contest {
        /// What is submitted, with the check of each file.
        items: Vec<ContestItem>,
        /// [`fingerprint_of`] the items. The caller computes it to save the committer's time.
        fingerprint: Option<Fingerprint>,
    },
    /// The merchant accepts the loss.
    Accept,
    /// An operator acts.
    Operator(OperatorAction),
    /// The deadline passed without a response; sent by a background job of the gateway.
    Expire,
}

impl From<OperatorAction> for Command {
    fn from(action: OperatorAction) -> Self {
        Self::Operator(action)
    }
}

impl Command {
    /// A contest of these items.
    pub fn contest(items: Vec<ContestItem>) -> Self {
        let fingerprint = fingerprint_of(&items);
        Self::Contest { items, fingerprint }
    }

    /// The same command, in which each item for which `fault_of` returns a fault has that fault as its check. Copied
    /// only if there is one.
    pub fn with_faults(&self, fault_of: impl Fn(&ContestItem) -> Option<EvidenceFault>) -> Cow<'_, Self> {
        let Self::Contest { items, fingerprint } = self else { return Cow::Borrowed(self) };
        let faults: Vec<_> = items.iter().map(fault_of).collect();
        if faults.iter().all(Option::is_none) {
            return Cow::Borrowed(self);
        }
        let items = items.iter().zip(faults).map(|(item, fault)| match fault {
            Some(fault) => ContestItem { evidence: item.evidence.clone(), file: Err(fault) },
            None => item.clone(),
        });
        Cow::Owned(Self::Contest { items: items.collect(), fingerprint: *fingerprint })
    }
}

/// Who acted, as the history records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A merchant's app.
    App(AppId),
    /// An operator, by the name of its token.
    Operator(String),
    /// A background job of the gateway.
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
