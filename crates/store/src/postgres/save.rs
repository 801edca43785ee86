//! The second round trip of a batch: saves the result and commits. Nothing can be checked in between, so every
//! statement fails rather than skips rows, and a failed statement makes the commit fail.

use rebuttal_protocol::StorageUri;

use super::session::{Session, SessionError, Value};
use super::statements::{
    DELETE_UNREFERENCED, ENTER_QUEUE, INSERT_DISPUTES, INSERT_HISTORY, INSERT_KEYS, INSERT_OUTBOX,
    INSERT_SUBMISSIONS, INSERT_UPLOADS, LEAVE_QUEUE, MARK_BATCH, UNMARK_UPLOADS, UPDATE_DISPUTES,
};
use crate::batch::{Before, Changes, QueuePosition, RecordedAnswer, StoredDispute};
use crate::stored_submission::{SubmissionColumns, evidence_json};
use crate::views::EntryId;

/// A commit that is cancelled while it waits for a standby is committed nevertheless, and a failover would lose it: so
/// a commit has no timeout on the server. In a failed transaction the first statement fails, too, and the second one is
/// not executed, so an unsaved batch never looks committed.
const COMMIT: &str = "SET LOCAL statement_timeout = 0; COMMIT";

/// Saves everything, marks the batch as the lane's latest, and commits.
///
/// New rows are inserted after the locks of `load`, each kind sorted by the key that can conflict with another lane.
/// The nonces are inserted by `load`.
pub(super) async fn save(
    session: &Session,
    changes: &Changes,
    lane: &str,
    batch: i64,
) -> Result<(), SessionError> {
    let mark: [Value<'_>; 2] = [&lane, &batch];
    let (
        opened,
        updated,
        left,
        entered,
        keys,
        history,
        outbox,
        submissions,
        uploads,
        referred,
        unmarked,
        marked,
        committed,
    ) = tokio::join! {
        biased;
        insert_disputes(session, changes),
        update_disputes(session, changes),
        leave_queue(session, changes),
        enter_queue(session, changes),
        insert_keys(session, changes),
        insert_history(session, changes),
        insert_outbox(session, changes),
        insert_submissions(session, changes),
        insert_uploads(session, changes),
        delete_unreferenced(session, changes),
        unmark_uploads(session, changes),
        session.run(MARK_BATCH, &mark),
        session.batch(COMMIT),
    };
    // The first error is the cause of those after it.
    [opened, updated, left, entered, keys, history, outbox, submissions, uploads, referred, unmarked]
        .into_iter()
        .collect::<Result<(), _>>()?;
    marked?;
    committed
}

/// The columns of state, of many disputes.
#[derive(Default)]
struct StateColumns<'c> {
    ids: Vec<EntryId>,
    statuses: Vec<&'c str>,
    stages: Vec<&'c str>,
    deadlines: Vec<i64>,
    sequences: Vec<i64>,
    heads: Vec<&'c [u8]>,
    last_entries: Vec<EntryId>,
    submission_numbers: Vec<i64>,
    submission_stages: Vec<&'c str>,
    submission_fingerprints: Vec<Vec<u8>>,
}

impl<'c> StateColumns<'c> {
    fn of(disputes: impl Iterator<Item = &'c StoredDispute>) -> Self {
        let mut columns = Self::default();
        for StoredDispute { id, last_entry, state } in disputes {
            let submission = SubmissionColumns::of(state);
            columns.ids.push(*id);
            columns.statuses.push(state.status.as_str());
            columns.stages.push(state.stage.as_str());
            columns.deadlines.push(state.deadline.0);
            columns.sequences.push(signed(state.sequence));
            columns.heads.push(&state.head.0);
            columns.last_entries.push(*last_entry);
            columns.submission_numbers.push(submission.number.into());
            columns.submission_stages.push(submission.stage.as_str());
            columns.submission_fingerprints.push(submission.fingerprint.0.to_vec());
        }
        columns
    }

    /// In the order of both statements.
    fn values(&self) -> [Value<'_>; 10] {
        [
            &self.ids,
            &self.statuses,
            &self.stages,
            &self.deadlines,
            &self.sequences,
            &self.heads,
            &self.last_entries,
            &self.submission_numbers,
            &self.submission_stages,
            &self.submission_fingerprints,
        ]
    }
}

/// Sorted by number.
async fn insert_disputes(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    let opened = || {
        changes.disputes.values().filter_map(|changed| match &changed.before {
            Before::Opening(opening, opened_at) => Some((&**opening, opened_at.0, &changed.after)),
            Before::Stored(_) => None,
        })
    };
    let columns = StateColumns::of(opened().map(|(.., after)| after));
    if columns.ids.is_empty() {
        return Ok(());
    }
    let facts = || opened().map(|(opening, ..)| &opening.facts);
    let numbers: Vec<&str> = opened().map(|(opening, ..)| opening.dispute_no.as_str()).collect();
    let merchants: Vec<i64> = facts().map(|facts| facts.merchant_id.number().into()).collect();
    let fingerprints: Vec<&[u8]> = opened().map(|(.., after)| after.state.opening.0.as_slice()).collect();
    let payments: Vec<&str> = facts().map(|facts| facts.payment_no.as_str()).collect();
    let trades: Vec<&str> = facts().map(|facts| facts.merchant_trade_no.as_str()).collect();
    let payment_amounts: Vec<i64> = facts().map(|facts| facts.payment_amount.minor_units()).collect();
    let dispute_amounts: Vec<i64> = facts().map(|facts| facts.dispute_amount.minor_units()).collect();
    let currencies: Vec<&str> = facts().map(|facts| facts.payment_amount.currency().code()).collect();
    let reasons: Vec<&str> = facts().map(|facts| facts.dispute_reason.as_str()).collect();
    let codes: Vec<Option<&str>> =
        facts().map(|facts| facts.reason_code.as_ref().map(|code| code.as_str())).collect();
    let rrns: Vec<Option<&str>> = facts().map(|facts| facts.rrn.as_ref().map(|rrn| rrn.as_str())).collect();
    let created: Vec<i64> = opened().map(|(_, opened_at, _)| opened_at).collect();
    let facts: [Value<'_>; 12] = [
        &numbers,
        &merchants,
        &fingerprints,
        &payments,
        &trades,
        &payment_amounts,
        &dispute_amounts,
        &currencies,
        &reasons,
        &codes,
        &rrns,
        &created,
    ];
    session.run(INSERT_DISPUTES, &[&columns.values()[..], &facts].concat()).await.map(drop)
}

async fn update_disputes(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    let stored = changes.disputes.values().filter(|changed| matches!(changed.before, Before::Stored(_)));
    let columns = StateColumns::of(stored.map(|changed| &changed.after));
    if columns.ids.is_empty() {
        return Ok(());
    }
    session.run(UPDATE_DISPUTES, &columns.values()).await.map(drop)
}

async fn leave_queue(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    let before = changes.disputes.values().filter_map(|changed| match &changed.before {
        Before::Stored(before) => Some(before.queue_position()),
        Before::Opening(..) => None,
    });
    change_queue(session, LEAVE_QUEUE, before).await
}

async fn enter_queue(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    let after = changes.disputes.values().map(|changed| changed.after.queue_position());
    change_queue(session, ENTER_QUEUE, after).await
}

async fn change_queue(
    session: &Session,
    sql: &'static str,
    rows: impl Iterator<Item = QueuePosition>,
) -> Result<(), SessionError> {
    let (mut statuses, mut positions, mut disputes) = (Vec::new(), Vec::new(), Vec::new());
    for QueuePosition { status, position, dispute_id } in rows {
        statuses.push(status.as_str());
        positions.push(position);
        disputes.push(dispute_id);
    }
    if disputes.is_empty() {
        return Ok(());
    }
    session.run(sql, &[&statuses, &positions, &disputes]).await.map(drop)
}

async fn insert_keys(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    if changes.keys.is_empty() {
        return Ok(());
    }
    let mut keys: Vec<_> = changes.keys.iter().collect();
    keys.sort_by_key(|(key, ..)| (&key.token, &key.key));
    let tokens: Vec<&str> = keys.iter().map(|(key, ..)| key.token.as_str()).collect();
    let texts: Vec<&str> = keys.iter().map(|(key, ..)| key.key.as_str()).collect();
    let requests: Vec<&[u8]> = keys.iter().map(|(key, ..)| key.request.0.as_slice()).collect();
    let answers = keys.iter().map(|(_, answer, _)| answer_json(answer)).collect::<Result<Vec<_>, _>>()?;
    let created: Vec<i64> = keys.iter().map(|(.., created_at)| created_at.0).collect();
    session.run(INSERT_KEYS, &[&tokens, &texts, &requests, &answers, &created]).await.map(drop)
}

/// An answer in its stored form.
pub(super) fn answer_json(answer: &RecordedAnswer) -> Result<String, SessionError> {
    serde_json::to_string(answer).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> SessionError {
    SessionError::Unreadable(error.to_string())
}

async fn insert_history(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    if changes.entries.is_empty() {
        return Ok(());
    }
    let entries = || changes.entries.iter().map(|new| &new.entry);
    let ids: Vec<EntryId> = changes.entries.iter().map(|new| new.id).collect();
    let disputes: Vec<EntryId> = changes.entries.iter().map(|new| new.dispute_id).collect();
    let previous: Vec<Option<EntryId>> = changes.entries.iter().map(|new| new.previous).collect();
    let sequences: Vec<i64> = entries().map(|entry| signed(entry.sequence)).collect();
    let times: Vec<i64> = entries().map(|entry| entry.at.0).collect();
    let events: Vec<&str> = entries().map(|entry| entry.event.as_str()).collect();
    let actors: Vec<&str> = entries().map(|entry| entry.actor.as_str()).collect();
    let details: Vec<&str> = entries().map(|entry| entry.detail.as_str()).collect();
    let hashes: Vec<&[u8]> = entries().map(|entry| entry.hash.0.as_slice()).collect();
    let values: [Value<'_>; 9] =
        [&ids, &disputes, &previous, &sequences, &times, &events, &actors, &details, &hashes];
    session.run(INSERT_HISTORY, &values).await.map(drop)
}

async fn insert_outbox(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    if changes.entries.is_empty() {
        return Ok(());
    }
    let (ids, created): (Vec<EntryId>, Vec<i64>) =
        changes.entries.iter().map(|new| (new.id, new.entry.at.0)).unzip();
    session.run(INSERT_OUTBOX, &[&ids, &created]).await.map(drop)
}

async fn insert_submissions(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    let new = || {
        changes
            .entries
            .iter()
            .filter_map(|new| new.submission.as_ref().map(|submission| (new.id, submission)))
    };
    let submissions = || new().map(|(_, submission)| submission);
    let ids: Vec<EntryId> = new().map(|(id, _)| id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i64> = submissions().map(|submission| submission.number.into()).collect();
    let stages: Vec<&str> = submissions().map(|submission| submission.stage.as_str()).collect();
    let times: Vec<i64> = submissions().map(|submission| submission.submitted_at.0).collect();
    let fingerprints: Vec<&[u8]> =
        submissions().map(|submission| submission.fingerprint.0.as_slice()).collect();
    let evidence = submissions().map(|submission| evidence_json(&submission.evidence));
    let evidence = evidence.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let values: [Value<'_>; 6] = [&ids, &numbers, &stages, &times, &fingerprints, &evidence];
    session.run(INSERT_SUBMISSIONS, &values).await.map(drop)
}

async fn insert_uploads(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    if changes.uploads.is_empty() {
        return Ok(());
    }
    let mut uploads: Vec<_> = changes.uploads.iter().map(|new| (new.upload.url.key(), new)).collect();
    uploads.sort_by(|(one, _), (other, _)| one.cmp(other));
    let files = || uploads.iter().map(|(_, new)| &new.upload.file);
    let urls: Vec<&str> = uploads.iter().map(|(url, _)| url.as_str()).collect();
    let hashes: Vec<&[u8]> = files().map(|file| file.sha256.0.as_slice()).collect();
    let sizes: Vec<i64> = files().map(|file| signed(file.size)).collect();
    let media_types: Vec<&str> = files().map(|file| file.media_type.as_str()).collect();
    let times: Vec<i64> = uploads.iter().map(|(_, new)| new.uploaded_at.0).collect();
    let inspections =
        uploads.iter().map(|(_, new)| new.inspection.as_ref().map(serde_json::to_string).transpose());
    let inspections = inspections.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let values: [Value<'_>; 6] = [&urls, &hashes, &sizes, &media_types, &times, &inspections];
    session.run(INSERT_UPLOADS, &values).await.map(drop)
}

async fn delete_unreferenced(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    if changes.referenced.is_empty() {
        return Ok(());
    }
    let (times, urls): (Vec<i64>, Vec<String>) =
        changes.referenced.iter().map(|(url, uploaded_at)| (uploaded_at.0, url.key())).unzip();
    session.run(DELETE_UNREFERENCED, &[&times, &urls]).await.map(drop)
}

async fn unmark_uploads(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    if changes.referenced.is_empty() {
        return Ok(());
    }
    let urls: Vec<String> = changes.referenced.keys().map(StorageUri::key).collect();
    session.run(UNMARK_UPLOADS, &[&urls]).await.map(drop)
}

/// PostgreSQL has no unsigned integers; no value comes near the limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
