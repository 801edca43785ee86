//! A dispute as operators see it, as of any moment of its history, so that a repeated request under an idempotency key
//! gets the first answer, whatever happened since.

use jiff::tz::TimeZone;
use rebuttal_disputes::{Detail, Entry, Submission, SubmittedEvidence, operator_actions};
use rebuttal_protocol::MerchantId;
use rebuttal_protocol::dispute::{DisputeData, Event, Stage, Status};
use rebuttal_protocol::operator::ActKind;
use rebuttal_store::{DisputeRecord, Story};
use serde::Serialize;

use crate::api::dispute::query::data;

/// A dispute in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    #[serde(flatten)]
    dispute: DisputeData,
    merchant_id: MerchantId,
    reason_code: Option<String>,
    allowed_actions: Vec<ActKind>,
}

/// A dispute alone, with all that was submitted and all that happened.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    #[serde(flatten)]
    summary: Summary,
    submissions: Vec<SubmissionView>,
    history: Vec<EntryView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubmissionView {
    submission_id: String,
    submitted_time: String,
    #[serde(rename = "type")]
    stage: Stage,
    evidence: Vec<EvidenceView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EvidenceView {
    evidence_id: String,
    #[serde(rename = "type")]
    evidence_type: &'static str,
    name: String,
    url: String,
    sha256: String,
    size: u64,
    media_type: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryView {
    sequence: u64,
    time: String,
    event: Event,
    actor: String,
    status: Option<Status>,
    #[serde(rename = "type")]
    stage: Option<Stage>,
    deadline: Option<String>,
    submission_id: Option<String>,
    note: Option<String>,
    hash: String,
}

impl From<&DisputeRecord> for Summary {
    fn from(record: &DisputeRecord) -> Self {
        Self {
            dispute: data(record, &TimeZone::UTC),
            merchant_id: record.state.merchant_id,
            reason_code: record.facts.reason_code.as_ref().map(ToString::to_string),
            allowed_actions: operator_actions(record.state.status, record.state.stage).collect(),
        }
    }
}

impl View {
    /// The dispute as it stood after the history's entry of that number.
    pub(crate) fn as_of(mut story: Story, sequence: u64) -> Self {
        story.history.retain(|entry| entry.sequence <= sequence);
        let details: Vec<Option<Detail>> = story.history.iter().map(Entry::parse_detail).collect();
        if let Some(Some(last)) = details.last() {
            let state = &mut story.record.state;
            (state.status, state.stage, state.deadline) = (last.status, last.stage, last.deadline);
        }
        let numbers = details.iter().flatten().filter_map(|detail| Some(detail.submission.as_ref()?.number));
        let submitted = numbers.max().unwrap_or_default();
        story.submissions.retain(|submission| submission.number <= submitted);
        Self {
            summary: Summary::from(&story.record),
            submissions: story.submissions.iter().map(SubmissionView::from).collect(),
            history: story.history.iter().zip(details).map(EntryView::from).collect(),
        }
    }

    /// The dispute as it stands.
    pub(crate) fn now(story: Story) -> Self {
        Self::as_of(story, u64::MAX)
    }
}

impl From<&Submission> for SubmissionView {
    fn from(submission: &Submission) -> Self {
        let evidence = submission.evidence.iter().enumerate();
        Self {
            submission_id: submission.number.to_string(),
            submitted_time: submission.submitted_at.to_rfc3339(&TimeZone::UTC),
            stage: submission.stage,
            evidence: evidence
                .map(|(index, item)| EvidenceView::of(submission.number, index, item))
                .collect(),
        }
    }
}

impl EvidenceView {
    fn of(submission: u32, index: usize, item: &SubmittedEvidence) -> Self {
        Self {
            evidence_id: evidence_id(submission, index),
            evidence_type: item.evidence_type.as_str(),
            name: item.name.to_string(),
            url: item.url.to_string(),
            sha256: item.file.sha256.to_string(),
            size: item.file.size,
            media_type: item.file.media_type.clone(),
        }
    }
}

impl From<(&Entry, Option<Detail>)> for EntryView {
    fn from((entry, detail): (&Entry, Option<Detail>)) -> Self {
        let detail = detail.as_ref();
        Self {
            sequence: entry.sequence,
            time: entry.at.to_rfc3339(&TimeZone::UTC),
            event: entry.event,
            actor: entry.actor.clone(),
            status: detail.map(|detail| detail.status),
            stage: detail.map(|detail| detail.stage),
            deadline: detail.map(|detail| detail.deadline.to_rfc3339(&TimeZone::UTC)),
            submission_id: detail.and_then(|detail| Some(detail.submission.as_ref()?.number.to_string())),
            note: detail.and_then(|detail| Some(detail.note.as_ref()?.to_string())),
            hash: entry.hash.to_string(),
        }
    }
}

/// Names a piece of evidence within its dispute: the submission's number and its own place, both from 1.
pub(crate) fn evidence_id(submission: u32, index: usize) -> String {
    format!("{submission}-{}", index + 1)
}
