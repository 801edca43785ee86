//! What each state allows: one rule for deciding commands, for the text of refusals, and for the actions listed for
//! operators.

use std::fmt;

use rebuttal_protocol::dispute::{Stage, Status};
use rebuttal_protocol::operator::OperatorActionKind;

/// An action on a dispute, at the detail at which states differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// An operator's action.
    Operator(OperatorActionKind),
    /// A contest that differs from the last submission of the stage.
    Contest,
    /// An accept.
    Accept,
    /// The same contest as the last submission of the current stage.
    ContestAgain,
    /// An accept of an accepted dispute.
    AcceptAgain,
    /// A resolution with the outcome that the dispute has.
    ResolveAgain,
    /// A withdrawal of a withdrawn dispute.
    WithdrawAgain,
}

impl Action {
    /// The actions of merchants.
    const OF_MERCHANT: [Self; 4] = [Self::Contest, Self::Accept, Self::ContestAgain, Self::AcceptAgain];
    /// The operator actions besides [`OperatorActionKind`].
    const OF_OPERATOR: [Self; 2] = [Self::ResolveAgain, Self::WithdrawAgain];
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operator(kind) => kind.as_str(),
            Self::Contest => "contest",
            Self::Accept => "accept",
            Self::ContestAgain => "the same contest again",
            Self::AcceptAgain => "the same accept again",
            Self::ResolveAgain => "the same outcome again",
            Self::WithdrawAgain => "the same withdrawal again",
        })
    }
}

/// Who reads what a state allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// An operator.
    Operator,
    /// The merchant.
    Merchant {
        /// Whether the merchant submitted something in the current stage, and may submit it again.
        has_submitted: bool,
    },
}

/// Whether a state allows an action (contract §6).
pub(crate) fn allows(status: Status, stage: Stage, action: Action) -> bool {
    use Status::{Accepted, Expired, Lost, NeedsResponse, UnderReview, Withdrawn, Won};
    match action {
        Action::Operator(OperatorActionKind::RequestEvidence) => status == UnderReview,
        Action::Operator(OperatorActionKind::Resolve) => {
            matches!(status, NeedsResponse | UnderReview | Expired)
        }
        Action::Operator(OperatorActionKind::Advance) => status != Withdrawn && stage != Stage::Arbitration,
        Action::Operator(OperatorActionKind::Extend) => matches!(status, NeedsResponse | Expired),
        Action::Operator(OperatorActionKind::Withdraw) => !matches!(status, Won | Lost | Withdrawn),
        Action::Contest | Action::Accept => status == NeedsResponse,
        Action::ContestAgain => matches!(status, UnderReview | Won | Lost),
        Action::AcceptAgain => status == Accepted,
        Action::ResolveAgain => matches!(status, Won | Lost),
        Action::WithdrawAgain => status == Withdrawn,
    }
}

/// The operator's actions that a state allows, in the order of contract §6.
pub fn operator_actions(status: Status, stage: Stage) -> impl Iterator<Item = OperatorActionKind> {
    OperatorActionKind::ALL.iter().copied().filter(move |kind| allows(status, stage, Action::Operator(*kind)))
}

/// The later stages, as an error message lists them.
pub(crate) fn later(stage: Stage) -> String {
    let later = Stage::ALL.iter().filter(|other| **other > stage).map(|stage| stage.as_str());
    later.collect::<Vec<_>>().join(", ")
}

/// What a state allows this audience, as a clause of an error message. Queries are always allowed.
pub(crate) fn sentence(status: Status, stage: Stage, to: Audience) -> String {
    let possible: Vec<_> = match to {
        Audience::Merchant { has_submitted } => {
            let possible = |action: &Action| has_submitted || *action != Action::ContestAgain;
            Action::OF_MERCHANT.into_iter().filter(possible).collect()
        }
        Audience::Operator => {
            OperatorActionKind::ALL.iter().copied().map(Action::Operator).chain(Action::OF_OPERATOR).collect()
        }
    };
    let allowed = possible.into_iter().filter(|action| allows(status, stage, *action));
    match allowed.map(|action| action.to_string()).collect::<Vec<_>>().as_slice() {
        // Only for merchants: every state allows operators an action.
        [] => "nothing more from the merchant".to_owned(),
        allowed => format!("only: {}", allowed.join(", ")),
    }
}
