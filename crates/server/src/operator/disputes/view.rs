//! A dispute in an answer, as it was after any entry of its history, so that a repeated request under an idempotency
//! key gets the first answer even after later changes.

use jiff::tz::TimeZone;
use rebuttal_disputes::{ChainedEntry, EntryDetail, Submission, SubmittedEvidence, operator_actions};
use rebuttal_protocol::operator::answers;
use rebuttal_protocol::{Extent, FileInspection};
use rebuttal_store::{DisputeDetail, DisputeRecord, Inspections};

use crate::gateway::dispute_data::dispute_data;

/// A dispute in a list.
pub(crate) fn summary(record: &DisputeRecord) -> answers::DisputeSummary {
    let actions = operator_actions(record.state.status, record.state.stage);
    answers::DisputeSummary {
        dispute: dispute_data(record, &TimeZone::UTC),
        merchant_id: record.state.merchant_id,
        reason_code: record.facts.reason_code.as_ref().map(ToString::to_string),
        allowed_actions: actions.map(|kind| kind.to_string()).collect(),
    }
}

/// The dispute as it was after the history entry with this sequence number, with what is known of its files.
pub(crate) fn as_of(
    mut detail: DisputeDetail,
    inspections: &Inspections,
    sequence: u64,
) -> answers::OperatorDispute {
    detail.history.retain(|entry| entry.sequence <= sequence);
    let details: Vec<Option<EntryDetail>> = detail.history.iter().map(ChainedEntry::parse_detail).collect();
    if let Some(Some(last)) = details.last() {
        let state = &mut detail.record.state;
        (state.status, state.stage, state.deadline) = (last.status, last.stage, last.deadline);
    }
    let numbers = details.iter().flatten().filter_map(|detail| Some(detail.submission.as_ref()?.number));
    let submitted = numbers.max().unwrap_or_default();
    detail.submissions.retain(|submission| submission.number <= submitted);
    answers::OperatorDispute {
        summary: summary(&detail.record),
        submissions: detail.submissions.iter().map(|one| submission(one, inspections)).collect(),
        history: detail
            .history
            .iter()
            .zip(details)
            .map(|(entry, detail)| history_entry(entry, detail))
            .collect(),
    }
}

/// The current dispute.
pub(crate) fn now(detail: DisputeDetail, inspections: &Inspections) -> answers::OperatorDispute {
    as_of(detail, inspections, u64::MAX)
}

fn submission(submission: &Submission, inspections: &Inspections) -> answers::OperatorSubmission {
    let items = submission.evidence.iter().enumerate();
    let evidence = |(index, item): (usize, &SubmittedEvidence)| {
        evidence(submission.number, index, item, inspections.get(&item.url))
    };
    answers::OperatorSubmission {
        submission_id: submission.number.to_string(),
        submitted_time: submission.submitted_at.to_rfc3339_utc(),
        stage: submission.stage.to_string(),
        evidence: items.map(evidence).collect(),
    }
}

fn evidence(
    submission: u32,
    index: usize,
    item: &SubmittedEvidence,
    inspection: Option<&FileInspection<String>>,
) -> answers::Evidence {
    let (mut pages, mut sheets, mut width, mut height) = (None, None, None, None);
    match inspection.map(|inspection| inspection.extent) {
        Some(Extent::Pages(number)) => pages = Some(number),
        Some(Extent::Sheets(number)) => sheets = Some(number),
        Some(Extent::Pixels { width: across, height: down }) => (width, height) = (Some(across), Some(down)),
        None => {}
    }
    answers::Evidence {
        evidence_id: evidence_id(submission, index),
        evidence_type: item.evidence_type.to_string(),
        name: item.name.to_string(),
        url: item.url.to_string(),
        sha256: item.file.sha256.to_string(),
        size: item.file.size,
        media_type: item.file.media_type.clone(),
        pages,
        sheets,
        width,
        height,
        notes: inspection.map(|inspection| inspection.notes.clone()),
    }
}

fn history_entry(entry: &ChainedEntry, detail: Option<EntryDetail>) -> answers::HistoryEntry {
    let detail = detail.as_ref();
    answers::HistoryEntry {
        sequence: entry.sequence,
        time: entry.at.to_rfc3339_utc(),
        event: entry.event.to_string(),
        actor: entry.actor.clone(),
        status: detail.map(|detail| detail.status.to_string()),
        stage: detail.map(|detail| detail.stage.to_string()),
        deadline: detail.map(|detail| detail.deadline.to_rfc3339_utc()),
        submission_id: detail.and_then(|detail| Some(detail.submission.as_ref()?.number.to_string())),
        note: detail.and_then(|detail| Some(detail.note.as_ref()?.to_string())),
        hash: entry.hash.to_string(),
    }
}

/// Identifies an evidence item within its dispute: the submission's number and the item's position, both from 1.
pub(crate) fn evidence_id(submission: u32, index: usize) -> String {
    format!("{submission}-{}", index + 1)
}
