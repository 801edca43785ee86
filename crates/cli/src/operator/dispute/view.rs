//! Disputes as shown to operators. Other members of the API are printed by `--json` only.

use console::style;
use rebuttal_client::internal;
use rebuttal_client::protocol::dispute::{DisputeData, Status};
use rebuttal_client::protocol::operator::answers::{
    DisputeSummary, Evidence, OperatorDispute, OperatorSubmission,
};
use rebuttal_client::protocol::{Note, UnixMillis};

use crate::summary;
use crate::terminal::{self, Table};

/// The disputes of a list, in columns.
pub(super) fn table(disputes: &[DisputeSummary]) -> Table<7> {
    let now = internal::now();
    let mut table =
        Table::new(["dispute", "merchant", "status", "type", "disputed", "due", "reason"]).numbers(&[1, 4]);
    for DisputeSummary { dispute, merchant_id, .. } in disputes {
        table.row([
            dispute.dispute_no.clone(),
            merchant_id.to_string(),
            colored_status(&dispute.status),
            dispute.stage.clone().unwrap_or_default(),
            format!("{} {}", dispute.dispute_amount, dispute.currency),
            pending_deadline(dispute).map(|at| due(at, now)).unwrap_or_default(),
            dispute.dispute_reason.clone(),
        ]);
    }
    table
}

/// Its deadline, where it needs a response.
fn pending_deadline(dispute: &DisputeData) -> Option<&str> {
    let is_pending = dispute.status.parse() == Ok(Status::NeedsResponse);
    dispute.deadline.as_deref().filter(|_| is_pending)
}

/// Prints all of a dispute.
pub(super) fn print(OperatorDispute { summary, submissions, history }: &OperatorDispute) {
    print_summary(summary);
    for OperatorSubmission { submission_id, submitted_time, stage, evidence } in submissions {
        let at = terminal::short_time(submitted_time);
        terminal::println("");
        terminal::print_wrapped(
            "  ",
            &format!("{} {submission_id}, {stage}, {at}", style("Submission").bold()),
            2,
        );
        let mut table = Table::new(["evidence", "type", "name", "size", "sha256"]).numbers(&[3]).names(&[2]);
        for item in evidence {
            let size = terminal::file_size(usize::try_from(item.size).unwrap_or(usize::MAX));
            let digest = item.sha256.get(..12).map(|start| format!("{start}…")).unwrap_or_default();
            let (id, kind) = (item.evidence_id.clone(), item.evidence_type.clone());
            table.row([id, kind, item.name.clone(), size, digest]);
        }
        terminal::print_table(&table, "");
        evidence.iter().for_each(print_notes);
    }
    terminal::println("");
    let mut table = Table::new(["#", "time", "event", "by", "then", "note"]).numbers(&[0]);
    for entry in history {
        table.row([
            entry.sequence.to_string(),
            terminal::short_time(&entry.time),
            entry.event.clone(),
            entry.actor.clone(),
            entry.status.clone().unwrap_or_default(),
            entry.note.clone().unwrap_or_default(),
        ]);
    }
    terminal::print_table(&table, "");
}

/// Prints what an operator should know before opening a file.
fn print_notes(Evidence { evidence_id, notes, .. }: &Evidence) {
    let Some(notes) = notes.as_ref().filter(|notes| !notes.is_empty()) else { return };
    // A newer gateway may return a note that this version does not know.
    let phrase = |note: &String| {
        note.parse().map_or_else(|_| terminal::sanitize(note), |note: Note| note.phrase().to_owned())
    };
    let phrases: Vec<_> = notes.iter().map(phrase).collect();
    terminal::print_wrapped("  ", &format!("{evidence_id} {}.", phrases.join("; ")), 2);
}

fn print_summary(DisputeSummary { dispute, merchant_id, reason_code, allowed_actions }: &DisputeSummary) {
    let now = internal::now();
    let reason = reason_code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let left = pending_deadline(dispute).map(|at| format!(", {}", due(at, now))).unwrap_or_default();
    let deadline = dispute.deadline.as_deref().map(terminal::short_time).unwrap_or_default();
    let disputed = format!("{} {} of {}", dispute.currency, dispute.dispute_amount, dispute.payment_amount);
    let actions = if allowed_actions.is_empty() { "none".to_owned() } else { allowed_actions.join(", ") };
    for (label, value) in [
        ("Dispute", terminal::bold(&dispute.dispute_no).to_string()),
        ("Merchant", merchant_id.to_string()),
        ("Status", colored_status(&dispute.status)),
        ("Type", dispute.stage.clone().unwrap_or_default()),
        ("Disputed", disputed),
        ("Reason", format!("{}{reason}", dispute.dispute_reason)),
        ("Payment", format!("{} (merchant's number {})", dispute.payment_no, dispute.merchant_trade_no)),
        ("RRN", dispute.rrn.clone().unwrap_or_default()),
        ("Opened", terminal::short_time(&dispute.created_time)),
        ("Deadline", format!("{deadline}{left}")),
        ("Possible", actions),
    ] {
        if !value.is_empty() {
            terminal::print_field(label, &value);
        }
    }
}

/// Prints the state of a dispute after an action, in one line.
pub(super) fn print_state(DisputeSummary { dispute, .. }: &DisputeSummary) {
    let now = internal::now();
    let due = pending_deadline(dispute).map(|at| format!(", due {}", due(at, now))).unwrap_or_default();
    let (status, stage) = (&dispute.status, dispute.stage.as_deref().unwrap_or_default());
    let text = format!("{} is {status} in {stage}{due}.", terminal::bold(&dispute.dispute_no));
    terminal::print_wrapped(&format!("{} ", terminal::ok_mark()), &text, 2);
}

/// A status in its colour.
fn colored_status(status: &str) -> String {
    match status.parse() {
        Ok(Status::NeedsResponse) => style(status).yellow().to_string(),
        Ok(Status::Won) => style(status).green().to_string(),
        Ok(Status::Lost | Status::Expired) => style(status).red().to_string(),
        // A newer gateway may return one that this version does not know.
        Ok(Status::UnderReview | Status::Accepted | Status::Withdrawn) | Err(_) => status.to_owned(),
    }
}

fn due(deadline: &str, now: UnixMillis) -> String {
    match UnixMillis::from_rfc3339(deadline) {
        Ok(at) => summary::time_left_styled(now, at).to_string(),
        Err(_) => deadline.to_owned(),
    }
}
