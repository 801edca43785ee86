//! What is at stake, on standard error, before the question.

use console::style;
use rebuttal_client::Answer;
use rebuttal_client::protocol::UnixMillis;
use rebuttal_client::protocol::dispute::{DisputeData, Status};

use super::pieces::{Piece, Source};
use crate::look;

/// A deadline nearer than this is shown in red.
const NEAR_MILLIS: i64 = 24 * 3600 * 1000;

/// Shows the dispute as the gateway's verified answer tells it, and the evidence as it will be submitted.
pub(super) fn print(dispute: &Answer<DisputeData>, pieces: &[Piece]) {
    let data = &dispute.data;
    eprintln!();
    row("Dispute", &style(&data.dispute_no).bold().for_stderr());
    row("Status", &data.status);
    row("Disputed", &format!("{} {} of {}", data.currency, data.dispute_amount, data.payment_amount));
    row("Reason", &data.dispute_reason);
    row("Payment", &format!("{} (your {})", data.payment_no, data.merchant_trade_no));
    if let Some(stage) = &data.stage {
        row("Stage", stage);
    }
    if let Some(deadline) = &data.deadline {
        row("Deadline", &time_left(deadline, dispute.proof.answer.timestamp));
    }
    eprintln!();
    for Piece { evidence_type, name, source } in pieces {
        let details = match source {
            Source::File(file) => format!("{}, {}", file.name(), look::size(file.content().len())),
            Source::Uploaded(address) => address.to_string(),
        };
        row(evidence_type.as_str(), &format!("{name} {}", style(format!("({details})")).dim().for_stderr()));
    }
    if data.status != Status::NeedsResponse.as_str() {
        eprintln!();
        let warning =
            "Contests are taken in NEEDS_RESPONSE only; one that repeats the last is OK, others are refused.";
        eprintln!("  {}", style(warning).yellow().for_stderr());
    }
}

fn row(label: &str, value: &dyn std::fmt::Display) {
    eprintln!("  {:<10} {value}", style(label).dim().for_stderr());
}

/// By the gateway's clock, which signed the answer, not by ours.
fn time_left(deadline: &str, now: UnixMillis) -> String {
    let Ok(at) = UnixMillis::from_rfc3339(deadline) else { return deadline.to_owned() };
    let left = style(look::distance(now, at)).for_stderr();
    let left = if at.0 - now.0 < NEAR_MILLIS { left.red().bold() } else { left };
    format!("{}, {left}", look::moment(deadline))
}
