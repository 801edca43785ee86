//! What each state allows, for the messages of refusals and the operator's view.

use rebuttal_protocol::dispute::{Stage, Status};

use crate::refusal::Told;

/// The operator's acts, named as the API names them, in the order of contract §6.
const OPERATOR_ACTIONS: [&str; 5] = ["requestEvidence", "resolve", "advance", "extend", "withdraw"];

/// The operator's acts that a state allows.
pub fn operator_actions(status: Status, stage: Stage) -> Vec<&'static str> {
    OPERATOR_ACTIONS.into_iter().filter(|action| allows(status, stage, action)).collect()
}

fn allows(status: Status, stage: Stage, action: &str) -> bool {
    use Status::{Accepted, Expired, Lost, NeedsResponse, UnderReview, Withdrawn, Won};
    match action {
        "requestEvidence" => status == UnderReview,
        "resolve" => matches!(status, NeedsResponse | UnderReview | Expired),
        "advance" => status != Withdrawn && stage != Stage::Arbitration,
        "extend" => matches!(status, NeedsResponse | Expired),
        "withdraw" => !matches!(status, Won | Lost | Withdrawn),
        "contest" | "accept" => status == NeedsResponse,
        "the same contest again" => matches!(status, UnderReview | Won | Lost),
        "the same accept again" => status == Accepted,
        _ => false,
    }
}

/// Names the stages that come after this one.
pub(crate) fn later(stage: Stage) -> String {
    let later = Stage::ALL.iter().filter(|other| **other > stage).map(|stage| stage.as_str());
    later.collect::<Vec<_>>().join(", ")
}

/// Names what a state allows to the one who is refused; queries are always allowed.
pub(crate) fn sentence(status: Status, stage: Stage, to: Told) -> String {
    const AGAIN: &str = "the same contest again";
    const MERCHANT: [&str; 4] = ["contest", "accept", AGAIN, "the same accept again"];
    let (actions, nothing): (Vec<_>, _) = match to {
        Told::Merchant { has_submitted } => {
            let possible = MERCHANT.into_iter().filter(|action| has_submitted || *action != AGAIN);
            let allowed = possible.filter(|action| allows(status, stage, action));
            (allowed.collect(), "nothing more from the merchant")
        }
        Told::Operator => (operator_actions(status, stage), "nothing but to be looked at"),
    };
    match actions.is_empty() {
        true => nothing.to_owned(),
        false => format!("only: {}", actions.join(", ")),
    }
}
