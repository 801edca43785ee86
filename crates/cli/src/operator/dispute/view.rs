//! A dispute as the operator API tells it, and how it is shown to people. What the API says beside this is passed on
//! by `--json` alone.

use console::style;
use rebuttal_client::plumbing;
use rebuttal_client::protocol::UnixMillis;
use serde::Deserialize;

use crate::look::{self, Table};
use crate::summary;

/// In a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    pub(super) dispute_no: String,
    merchant_id: u32,
    payment_no: String,
    merchant_trade_no: String,
    pub(super) status: String,
    #[serde(rename = "type")]
    stage: String,
    rrn: Option<String>,
    deadline: String,
    payment_amount: String,
    dispute_amount: String,
    currency: String,
    dispute_reason: String,
    reason_code: Option<String>,
    created_time: String,
    allowed_actions: Vec<String>,
}

/// Alone.
#[derive(Debug, Deserialize)]
pub(super) struct View {
    #[serde(flatten)]
    pub(super) summary: Summary,
    pub(super) submissions: Vec<Submission>,
    history: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Submission {
    submission_id: String,
    submitted_time: String,
    #[serde(rename = "type")]
    stage: String,
    pub(super) evidence: Vec<Item>,
}

/// A piece of evidence.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    pub(super) evidence_id: String,
    #[serde(rename = "type")]
    pub(super) evidence_type: String,
    pub(super) name: String,
    pub(super) url: String,
    pub(super) sha256: String,
    pub(super) size: u64,
}

#[derive(Debug, Deserialize)]
struct Entry {
    sequence: u64,
    time: String,
    event: String,
    actor: String,
    status: Option<String>,
    note: Option<String>,
}

/// The disputes of a list, in columns.
pub(super) fn table(disputes: &[Summary]) -> Table<7> {
    let now = plumbing::now();
    let mut table =
        Table::new(["dispute", "merchant", "status", "type", "disputed", "due", "reason"]).numbers(&[1, 4]);
    for dispute in disputes {
        table.row([
            dispute.dispute_no.clone(),
            dispute.merchant_id.to_string(),
            coloured(&dispute.status),
            dispute.stage.clone(),
            format!("{} {}", dispute.dispute_amount, dispute.currency),
            if dispute.is_waiting() { due(&dispute.deadline, now) } else { String::new() },
            dispute.dispute_reason.clone(),
        ]);
    }
    table
}

impl Summary {
    /// Whether its deadline still matters.
    fn is_waiting(&self) -> bool {
        self.status == "NEEDS_RESPONSE"
    }
}

impl View {
    /// Shows all of it.
    pub(super) fn say(&self) {
        self.summary.say();
        for submission in &self.submissions {
            let Submission { submission_id, submitted_time, stage, evidence } = submission;
            let at = look::moment(submitted_time);
            look::say("");
            look::say_after(
                "  ",
                &format!("{} {submission_id}, {stage}, {at}", style("Submission").bold()),
                2,
            );
            let mut table = Table::new(["evidence", "type", "name", "size", "sha256"]).numbers(&[3]);
            for item in evidence {
                let size = look::size(usize::try_from(item.size).unwrap_or(usize::MAX));
                let digest = item.sha256.get(..12).map(|start| format!("{start}…")).unwrap_or_default();
                let (id, kind) = (item.evidence_id.clone(), item.evidence_type.clone());
                table.row([id, kind, item.name.clone(), size, digest]);
            }
            look::say_table(&table, "");
        }
        look::say("");
        let mut table = Table::new(["#", "time", "event", "by", "then", "note"]).numbers(&[0]);
        for entry in &self.history {
            table.row([
                entry.sequence.to_string(),
                look::moment(&entry.time),
                entry.event.clone(),
                entry.actor.clone(),
                entry.status.clone().unwrap_or_default(),
                entry.note.clone().unwrap_or_default(),
            ]);
        }
        look::say_table(&table, "");
    }
}

impl Summary {
    fn say(&self) {
        let now = plumbing::now();
        let reason = self.reason_code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        let left = if self.is_waiting() { format!(", {}", due(&self.deadline, now)) } else { String::new() };
        let actions =
            if self.allowed_actions.is_empty() { "none".to_owned() } else { self.allowed_actions.join(", ") };
        for (label, value) in [
            ("Dispute", look::strong(&self.dispute_no).to_string()),
            ("Merchant", self.merchant_id.to_string()),
            ("Status", coloured(&self.status)),
            ("Type", self.stage.clone()),
            ("Disputed", format!("{} {} of {}", self.currency, self.dispute_amount, self.payment_amount)),
            ("Reason", format!("{}{reason}", self.dispute_reason)),
            ("Payment", format!("{} (theirs {})", self.payment_no, self.merchant_trade_no)),
            ("RRN", self.rrn.clone().unwrap_or_default()),
            ("Opened", look::moment(&self.created_time)),
            ("Deadline", format!("{}{left}", look::moment(&self.deadline))),
            ("Possible", actions),
        ] {
            if !value.is_empty() {
                look::say_fact(label, &value);
            }
        }
    }

    /// Tells in one line where the dispute stands after an act.
    pub(super) fn say_standing(&self) {
        let now = plumbing::now();
        let due =
            if self.is_waiting() { format!(", due {}", due(&self.deadline, now)) } else { String::new() };
        let text = format!("{} is {} in {}{due}.", look::strong(&self.dispute_no), self.status, self.stage);
        look::say_after(&format!("{} ", look::tick()), &text, 2);
    }
}

/// A status in the colour of what it asks for.
fn coloured(status: &str) -> String {
    match status {
        "NEEDS_RESPONSE" => style(status).yellow().to_string(),
        "WON" => style(status).green().to_string(),
        "LOST" | "EXPIRED" => style(status).red().to_string(),
        _ => status.to_owned(),
    }
}

fn due(deadline: &str, now: UnixMillis) -> String {
    match UnixMillis::from_rfc3339(deadline) {
        Ok(at) => summary::pressing(now, at).to_string(),
        Err(_) => deadline.to_owned(),
    }
}
