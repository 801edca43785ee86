//! What each state allows: the one rule by which commands are decided, refusals told, and operators shown what is
//! possible.

use std::fmt;

use rebuttal_protocol::dispute::{Stage, Status};
use rebuttal_protocol::operator::ActKind;

use crate::refusal::Told;

/// What is asked of a dispute, as far as states tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// An operator's act.
    Act(ActKind),
    /// A contest that says something new.
    Contest,
    /// An accept.
    Accept,
    /// The contest that the present stage was answered with.
    ContestAgain,
    /// The accept that the dispute ended with.
    AcceptAgain,
    /// The resolution that the dispute has.
    ResolveAgain,
    /// The withdrawal that the dispute ended with.
    WithdrawAgain,
}

impl Asked {
    /// What a merchant can ask.
    const OF_MERCHANT: [Self; 4] = [Self::Contest, Self::Accept, Self::ContestAgain, Self::AcceptAgain];
    /// What an operator can, beside acts.
    const OF_OPERATOR: [Self; 2] = [Self::ResolveAgain, Self::WithdrawAgain];
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Act(kind) => kind.as_str(),
            Self::Contest => "contest",
            Self::Accept => "accept",
            Self::ContestAgain => "the same contest again",
            Self::AcceptAgain => "the same accept again",
            Self::ResolveAgain => "the same outcome again",
            Self::WithdrawAgain => "the same withdrawal again",
        })
    }
}

/// Whether a state allows it (contract §6).
pub(crate) fn allows(status: Status, stage: Stage, asked: Asked) -> bool {
    use Status::{Accepted, Expired, Lost, NeedsResponse, UnderReview, Withdrawn, Won};
    match asked {
        Asked::Act(ActKind::RequestEvidence) => status == UnderReview,
        Asked::Act(ActKind::Resolve) => matches!(status, NeedsResponse | UnderReview | Expired),
        Asked::Act(ActKind::Advance) => status != Withdrawn && stage != Stage::Arbitration,
        Asked::Act(ActKind::Extend) => matches!(status, NeedsResponse | Expired),
        Asked::Act(ActKind::Withdraw) => !matches!(status, Won | Lost | Withdrawn),
        Asked::Contest | Asked::Accept => status == NeedsResponse,
        Asked::ContestAgain => matches!(status, UnderReview | Won | Lost),
        Asked::AcceptAgain => status == Accepted,
        Asked::ResolveAgain => matches!(status, Won | Lost),
        Asked::WithdrawAgain => status == Withdrawn,
    }
}

/// The operator's acts that a state allows, in the order of contract §6.
pub fn operator_actions(status: Status, stage: Stage) -> impl Iterator<Item = ActKind> {
    ActKind::ALL.iter().copied().filter(move |kind| allows(status, stage, Asked::Act(*kind)))
}

/// Names the stages that come after this one.
pub(crate) fn later(stage: Stage) -> String {
    let later = Stage::ALL.iter().filter(|other| **other > stage).map(|stage| stage.as_str());
    later.collect::<Vec<_>>().join(", ")
}

/// Names what a state allows to the one who is refused; queries are always allowed.
pub(crate) fn sentence(status: Status, stage: Stage, to: Told) -> String {
    let possible: Vec<_> = match to {
        Told::Merchant { has_submitted } => {
            let possible = |asked: &Asked| has_submitted || *asked != Asked::ContestAgain;
            Asked::OF_MERCHANT.into_iter().filter(possible).collect()
        }
        Told::Operator => ActKind::ALL.iter().copied().map(Asked::Act).chain(Asked::OF_OPERATOR).collect(),
    };
    let allowed = possible.into_iter().filter(|asked| allows(status, stage, *asked));
    match allowed.map(|asked| asked.to_string()).collect::<Vec<_>>().as_slice() {
        // Every state allows an operator something.
        [] => "nothing more from the merchant".to_owned(),
        allowed => format!("only: {}", allowed.join(", ")),
    }
}
