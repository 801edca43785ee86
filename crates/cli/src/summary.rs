//! A dispute from the gateway's verified answer, for people.

use console::{StyledObject, style};
use rebuttal_client::Answer;
use rebuttal_client::protocol::UnixMillis;
use rebuttal_client::protocol::dispute::{DisputeData, Status};

use crate::terminal;

/// A deadline nearer than this is shown in red.
const NEAR_MILLIS: i64 = 24 * 3600 * 1000;
/// A deadline nearer than this is shown in yellow.
const SOON_MILLIS: i64 = 3 * NEAR_MILLIS;

/// The facts of a dispute, with their labels.
pub(crate) fn facts(dispute: &Answer<DisputeData>) -> Vec<(&'static str, String)> {
    let data = &dispute.data;
    let mut facts = vec![
        ("Dispute", style(&data.dispute_no).bold().to_string()),
        ("Status", data.status.clone()),
        ("Disputed", format!("{} {} of {}", data.currency, data.dispute_amount, data.payment_amount)),
        ("Reason", terminal::sanitize(&data.dispute_reason)),
        (
            "Payment",
            format!(
                "{} (your {})",
                terminal::sanitize(&data.payment_no),
                terminal::sanitize(&data.merchant_trade_no)
            ),
        ),
    ];
    facts.extend(data.stage.as_ref().map(|stage| ("Stage", stage.to_string())));
    facts.extend(data.rrn.as_ref().map(|rrn| ("RRN", rrn.to_string())));
    let deadline = data.deadline.as_ref();
    let is_open = data.status == Status::NeedsResponse.as_str();
    facts.extend(deadline.map(|at| match is_open {
        true => ("Deadline", time_left(at, dispute.proof.answer.timestamp)),
        false => ("Deadline", terminal::short_time(at)),
    }));
    facts
}

/// Prints it on standard error, before a confirmation.
pub(crate) fn print(dispute: &Answer<DisputeData>) {
    eprintln!();
    for (label, value) in facts(dispute) {
        terminal::eprint_field(label, &value);
    }
    eprintln!();
}

/// Warns if the dispute's state accepts no response.
pub(crate) fn print_warning(dispute: &Answer<DisputeData>) {
    if dispute.data.status != Status::NeedsResponse.as_str() {
        eprintln!();
        let warning = "A contest is accepted only in NEEDS_RESPONSE; a repetition of the last one is answered OK, others are refused.";
        terminal::eprint_hint(&style(warning).yellow().for_stderr().to_string());
    }
}

/// By the clock of the gateway, which signed the answer, not by the local one.
fn time_left(deadline: &str, now: UnixMillis) -> String {
    let Ok(at) = UnixMillis::from_rfc3339(deadline) else { return deadline.to_owned() };
    format!("{}, {}", terminal::short_time(deadline), time_left_styled(now, at))
}

/// The time left until a deadline, coloured by urgency.
pub(crate) fn time_left_styled(now: UnixMillis, at: UnixMillis) -> StyledObject<String> {
    let left = style(terminal::relative_time(now, at));
    match at.0 - now.0 {
        ..NEAR_MILLIS => left.red().bold(),
        NEAR_MILLIS..SOON_MILLIS => left.yellow(),
        _ => left,
    }
}
