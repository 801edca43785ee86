//! The second round trip of a batch: saves the result and commits. Nothing can be checked in between, so every
//! statement fails rather than skips rows, and a failed statement makes the commit fail.

use std::collections::HashMap;

use rebuttal_disputes::{Dispute, Opening};
use rebuttal_protocol::{DisputeNo, StorageUri, UnixMillis};

use super::session::{Session, SessionError, Value};
use super::statements::{
    INSERT_DISPUTES, INSERT_EVIDENCE, INSERT_HISTORY, INSERT_KEYS, INSERT_OUTBOX, INSERT_SUBMISSIONS,
    INSERT_UPLOADS, MARK_BATCH, REFER_TO_UPLOADS, UPDATE_DISPUTES,
};
use crate::batch::{Changes, RecordedAnswer};

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
    let (opened, updated, keys, history, outbox, submissions, evidence, uploads, referred, marked, committed) = tokio::join! {
        biased;
        insert_disputes(session, changes),
        update_disputes(session, changes),
        insert_keys(session, changes),
        insert_history(session, changes),
        insert_outbox(session, changes),
        insert_submissions(session, changes),
        insert_evidence(session, changes),
        insert_uploads(session, changes),
        refer_to_uploads(session, changes),
        session.run(MARK_BATCH, &mark),
        session.batch(COMMIT),
    };
    // The first error is the cause of those after it.
    opened?;
    updated?;
    keys?;
    history?;
    outbox?;
    submissions?;
    evidence?;
    uploads?;
    referred?;
    marked?;
    committed
}

/// The columns of state, of many disputes.
#[derive(Default)]
struct StateColumns<'c> {
    numbers: Vec<&'c str>,
    statuses: Vec<&'c str>,
    stages: Vec<&'c str>,
    deadlines: Vec<i64>,
    sequences: Vec<i64>,
    heads: Vec<&'c [u8]>,
    submission_numbers: Vec<Option<i64>>,
    submission_stages: Vec<Option<&'c str>>,
    submission_fingerprints: Vec<Option<&'c [u8]>>,
}

impl<'c> StateColumns<'c> {
    fn of(disputes: impl Iterator<Item = &'c Dispute>) -> Self {
        let mut columns = Self::default();
        for dispute in disputes {
            let submission = dispute.submission.as_ref();
            columns.numbers.push(dispute.dispute_no.as_str());
            columns.statuses.push(dispute.status.as_str());
            columns.stages.push(dispute.stage.as_str());
            columns.deadlines.push(dispute.deadline.0);
            columns.sequences.push(signed(dispute.sequence));
            columns.heads.push(&dispute.head.0);
            columns.submission_numbers.push(submission.map(|submission| submission.number.into()));
            columns.submission_stages.push(submission.map(|submission| submission.stage.as_str()));
            columns.submission_fingerprints.push(submission.map(|submission| &submission.fingerprint.0[..]));
        }
        columns
    }

    /// The columns after the number, in the order of both statements.
    fn values(&self) -> [Value<'_>; 8] {
        [
            &self.statuses,
            &self.stages,
            &self.deadlines,
            &self.sequences,
            &self.heads,
            &self.submission_numbers,
            &self.submission_stages,
            &self.submission_fingerprints,
        ]
    }
}

async fn insert_disputes(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    if changes.openings.is_empty() {
        return Ok(());
    }
    let mut openings: Vec<&(Opening, UnixMillis)> = changes.openings.iter().collect();
    openings.sort_by_key(|(opening, _)| &opening.dispute_no);
    let state_of = |(opening, _): &&(Opening, UnixMillis)| changes.disputes.get(&opening.dispute_no);
    let columns = StateColumns::of(openings.iter().filter_map(state_of));
    let facts = || openings.iter().map(|(opening, _)| &opening.facts);
    let merchants: Vec<i64> = facts().map(|facts| facts.merchant_id.number().into()).collect();
    let fingerprints: Vec<[u8; 32]> = openings.iter().map(|(opening, _)| opening.fingerprint().0).collect();
    let fingerprints: Vec<&[u8]> = fingerprints.iter().map(<[u8; 32]>::as_slice).collect();
    let payments: Vec<&str> = facts().map(|facts| facts.payment_no.as_str()).collect();
    let trades: Vec<&str> = facts().map(|facts| facts.merchant_trade_no.as_str()).collect();
    let payment_amounts: Vec<i64> = facts().map(|facts| facts.payment_amount.minor_units()).collect();
    let dispute_amounts: Vec<i64> = facts().map(|facts| facts.dispute_amount.minor_units()).collect();
    let currencies: Vec<&str> = facts().map(|facts| facts.payment_amount.currency().code()).collect();
    let reasons: Vec<&str> = facts().map(|facts| facts.dispute_reason.as_str()).collect();
    let codes: Vec<Option<&str>> =
        facts().map(|facts| facts.reason_code.as_ref().map(|code| code.as_str())).collect();
    let rrns: Vec<Option<&str>> = facts().map(|facts| facts.rrn.as_ref().map(|rrn| rrn.as_str())).collect();
    let created: Vec<i64> = openings.iter().map(|(_, created_at)| created_at.0).collect();
    let whose: [Value<'_>; 2] = [&columns.numbers, &merchants];
    let opened: [Value<'_>; 10] = [
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
    let values = [&whose[..], &columns.values(), &opened].concat();
    session.run(INSERT_DISPUTES, &values).await.map(drop)
}

async fn update_disputes(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    let opened: HashMap<&DisputeNo, ()> =
        changes.openings.iter().map(|(opening, _)| (&opening.dispute_no, ())).collect();
    let columns = StateColumns::of(
        changes.disputes.values().filter(|dispute| !opened.contains_key(&dispute.dispute_no)),
    );
    if columns.numbers.is_empty() {
        return Ok(());
    }
    let numbers: [Value<'_>; 1] = [&columns.numbers];
    let values = [&numbers[..], &columns.values()].concat();
    session.run(UPDATE_DISPUTES, &values).await.map(drop)
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
    serde_json::to_string(answer).map_err(|error| SessionError::Unreadable(error.to_string()))
}

async fn insert_history(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    if changes.entries.is_empty() {
        return Ok(());
    }
    let entries = || changes.entries.iter().map(|(_, entry)| entry);
    let numbers: Vec<&str> = changes.entries.iter().map(|(dispute_no, _)| dispute_no.as_str()).collect();
    let sequences: Vec<i64> = entries().map(|entry| signed(entry.sequence)).collect();
    let times: Vec<i64> = entries().map(|entry| entry.at.0).collect();
    let events: Vec<&str> = entries().map(|entry| entry.event.as_str()).collect();
    let actors: Vec<&str> = entries().map(|entry| entry.actor.as_str()).collect();
    let details: Vec<&str> = entries().map(|entry| entry.detail.as_str()).collect();
    let hashes: Vec<&[u8]> = entries().map(|entry| entry.hash.0.as_slice()).collect();
    session
        .run(INSERT_HISTORY, &[&numbers, &sequences, &times, &events, &actors, &details, &hashes])
        .await
        .map(drop)
}

async fn insert_outbox(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    if changes.entries.is_empty() {
        return Ok(());
    }
    let numbers: Vec<&str> = changes.entries.iter().map(|(dispute_no, _)| dispute_no.as_str()).collect();
    let sequences: Vec<i64> = changes.entries.iter().map(|(_, entry)| signed(entry.sequence)).collect();
    let created: Vec<i64> = changes.entries.iter().map(|(_, entry)| entry.at.0).collect();
    session.run(INSERT_OUTBOX, &[&numbers, &sequences, &created]).await.map(drop)
}

async fn insert_submissions(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    if changes.submissions.is_empty() {
        return Ok(());
    }
    let submissions = || changes.submissions.iter().map(|(_, submission)| submission);
    let disputes: Vec<&str> = changes.submissions.iter().map(|(no, _)| no.as_str()).collect();
    let numbers: Vec<i64> = submissions().map(|submission| submission.number.into()).collect();
    let stages: Vec<&str> = submissions().map(|submission| submission.stage.as_str()).collect();
    let times: Vec<i64> = submissions().map(|submission| submission.submitted_at.0).collect();
    let fingerprints: Vec<&[u8]> =
        submissions().map(|submission| submission.fingerprint.0.as_slice()).collect();
    session.run(INSERT_SUBMISSIONS, &[&disputes, &numbers, &stages, &times, &fingerprints]).await.map(drop)
}

async fn insert_evidence(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    let items = || {
        changes.submissions.iter().flat_map(|(dispute_no, submission)| {
            let items = (1_i64..).zip(&submission.evidence);
            items.map(move |(position, item)| (dispute_no, i64::from(submission.number), position, item))
        })
    };
    let disputes: Vec<&str> = items().map(|(dispute_no, ..)| dispute_no.as_str()).collect();
    if disputes.is_empty() {
        return Ok(());
    }
    let submissions: Vec<i64> = items().map(|(_, submission, ..)| submission).collect();
    let positions: Vec<i64> = items().map(|(_, _, position, _)| position).collect();
    let types: Vec<&str> = items().map(|(.., item)| item.evidence_type.as_str()).collect();
    let names: Vec<&str> = items().map(|(.., item)| item.name.as_str()).collect();
    let urls: Vec<String> = items().map(|(.., item)| item.url.key()).collect();
    let hashes: Vec<&[u8]> = items().map(|(.., item)| item.file.sha256.0.as_slice()).collect();
    let sizes: Vec<i64> = items().map(|(.., item)| signed(item.file.size)).collect();
    let media_types: Vec<&str> = items().map(|(.., item)| item.file.media_type.as_str()).collect();
    session
        .run(
            INSERT_EVIDENCE,
            &[&disputes, &submissions, &positions, &types, &names, &urls, &hashes, &sizes, &media_types],
        )
        .await
        .map(drop)
}

async fn insert_uploads(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    if changes.uploads.is_empty() {
        return Ok(());
    }
    let mut uploads: Vec<_> =
        changes.uploads.iter().map(|(upload, at)| (upload.url.key(), upload, at)).collect();
    uploads.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let urls: Vec<&str> = uploads.iter().map(|(url, ..)| url.as_str()).collect();
    let hashes: Vec<&[u8]> = uploads.iter().map(|(_, upload, _)| upload.file.sha256.0.as_slice()).collect();
    let sizes: Vec<i64> = uploads.iter().map(|(_, upload, _)| signed(upload.file.size)).collect();
    let media_types: Vec<&str> =
        uploads.iter().map(|(_, upload, _)| upload.file.media_type.as_str()).collect();
    let times: Vec<i64> = uploads.iter().map(|(.., at)| at.0).collect();
    session.run(INSERT_UPLOADS, &[&urls, &hashes, &sizes, &media_types, &times]).await.map(drop)
}

async fn refer_to_uploads(session: &Session, changes: &Changes) -> Result<(), SessionError> {
    if changes.referenced.is_empty() {
        return Ok(());
    }
    let urls: Vec<String> = changes.referenced.iter().map(StorageUri::key).collect();
    session.run(REFER_TO_UPLOADS, &[&urls]).await.map(drop)
}

/// PostgreSQL has no unsigned integers; no value comes near the limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
