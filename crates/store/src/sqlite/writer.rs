//! The connection that writes: the four steps of the committer on SQLite.

use std::path::Path;

use rebuttal_disputes::{Dispute, Opening};
use rebuttal_protocol::UnixMillis;
use rusqlite::{Connection, Error, ErrorCode, OptionalExtension, ffi, params};

use super::checkpointer::Checkpointer;
use super::dispute_queue::DisputeQueue;
use super::file_identity::FileIdentity;
use super::statements::{
    BEGIN, COMMIT, DELETE_UNREFERENCED, FIND_KEYS, FIND_NONCES, FIND_UPLOADS, INSERT_DISPUTES,
    INSERT_HISTORY, INSERT_KEYS, INSERT_NONCES, INSERT_OUTBOX, INSERT_SUBMISSIONS, INSERT_UNREFERENCED,
    INSERT_UPLOADS, LAST_ENTRY, LOAD_DISPUTES, ROLLBACK, TOKEN, UPDATE_DISPUTES, UPDATE_STAGE_AND_DEADLINE,
};
use super::{accounts, maintenance, rows, schema};
use crate::StoreError;
use crate::batch::{
    Before, ChangedDispute, Changes, KeySet, Loaded, NewEntry, NewUpload, RecordedAnswer, StoredAnswer,
    StoredDispute, StoredUpload,
};
use crate::committer::{Database, Failure};
use crate::error::is_of_data;
use crate::stored_submission::{SubmissionColumns, evidence_json};
use crate::views::EntryId;
use crate::write_request::{Outcome, RequestHash, SingleOperation, WriteRequest, WriteResult};

/// The writing connection.
pub(crate) struct Writer {
    connection: Connection,
    checkpointer: Checkpointer,
    queue: DisputeQueue,
    files: FileIdentity,
    /// Whether the files were replaced at the last check.
    replaced: bool,
    /// The id of the next history entry.
    next_entry: EntryId,
}

impl Writer {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = schema::open_writer(path)?;
        let checkpointer = Checkpointer::start(path, &mut connection)?;
        let last_entry: EntryId = connection.query_row(LAST_ENTRY, [], |row| row.get(0))?;
        let queue = DisputeQueue::open(&connection)?;
        let files = FileIdentity::of(path)?;
        Ok(Self { connection, checkpointer, queue, files, replaced: false, next_entry: last_entry + 1 })
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.queue.begin();
        self.connection.prepare_cached(BEGIN)?.execute([]).map(drop)
    }

    /// Commits, unless the files at the path are not the ones that were opened.
    fn commit(&mut self) -> Result<(), Failure> {
        let checked = self.files.check();
        let was_replaced = std::mem::replace(&mut self.replaced, checked.is_err());
        if let Err(error) = checked {
            if !was_replaced {
                tracing::error!(
                    %error,
                    "database or log file was moved, replaced or deleted; writes fail until it is restored. Move it back, or \
                     stop the gateway with SIGTERM, which checkpoints the log into the database, and start it again"
                );
            }
            return Err(Failure::Unavailable(format!(
                "the database file was moved, replaced or deleted: {error}"
            )));
        }
        if let Err(failure) = commit(&self.connection) {
            self.queue.uncertain();
            return Err(failure);
        }
        self.queue.committed();
        self.checkpointer.after_commit(&self.connection);
        Ok(())
    }
}

impl Database for Writer {
    async fn load(&mut self, names: &KeySet) -> Result<Loaded, Failure> {
        let loaded = self.begin().and_then(|()| load(&self.connection, names)).map_err(failure)?;
        Ok(Loaded { next_entry: self.next_entry, ..loaded })
    }

    async fn save(&mut self, changes: &Changes) -> Result<(), Failure> {
        // Also if the commit fails: it may be on disk nevertheless.
        self.next_entry += changes.entries.len() as EntryId;
        save(&self.connection, &mut self.queue, changes).map_err(failure)?;
        self.commit()
    }

    async fn roll_back(&mut self) {
        if self.connection.is_autocommit() {
            return;
        }
        if let Err(error) = self.connection.execute_batch(ROLLBACK) {
            tracing::error!(%error, "transaction could not be rolled back");
        }
    }

    async fn run_single(&mut self, request: &WriteRequest<SingleOperation>) -> Result<WriteResult, Failure> {
        let begun = self.begin();
        let connection = &self.connection;
        let answer = begun.and_then(|()| match &request.operation {
            SingleOperation::Account(change) => accounts::apply(connection, change, request),
            SingleOperation::Maintenance(step) => {
                let rows = maintenance::apply(connection, &mut self.queue, step, request.arrived_at);
                rows.map(|rows| Ok(Outcome::Rows(rows)))
            }
        });
        let outcome = match answer {
            Ok(answer) => self.commit().map(|()| answer),
            Err(error) => Err(failure(error)),
        };
        if outcome.is_err() {
            self.roll_back().await;
        }
        outcome
    }

    async fn close(&mut self) {
        let deleted = self
            .begin()
            .and_then(|()| self.queue.delete_stale(&self.connection, usize::MAX))
            .and_then(|_| self.connection.execute_batch(COMMIT));
        if let Err(error) = deleted {
            tracing::warn!(%error, "stale rows of the queue of disputes stay; the next process deletes them");
            self.roll_back().await;
        }
        self.checkpointer.close(&self.connection);
    }
}

/// Commits. If the log could not be written, it does not contain the whole transaction, so recovery does not apply it.
/// After any other error, such as a failed sync, it may or may not contain it.
fn commit(connection: &Connection) -> Result<(), Failure> {
    let outcome = connection.prepare_cached(COMMIT).and_then(|mut commit| commit.execute([]));
    outcome.map(drop).map_err(|error| {
        let unwritten = error.sqlite_error().is_some_and(|error| {
            matches!(error.code, ErrorCode::DiskFull | ErrorCode::DatabaseBusy)
                || error.extended_code == ffi::SQLITE_IOERR_WRITE
        });
        match unwritten {
            true => Failure::Unavailable(error.to_string()),
            false => Failure::Unknown(error.to_string()),
        }
    })
}

fn failure(error: Error) -> Failure {
    let refused =
        matches!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig));
    match refused || is_of_data(&error) {
        true => Failure::Data(error.to_string()),
        false => Failure::Unavailable(error.to_string()),
    }
}

fn load(connection: &Connection, names: &KeySet) -> Result<Loaded, Error> {
    let mut loaded = Loaded { nonce_bound: maintenance::nonce_bound(connection)?, ..Loaded::default() };
    let mut disputes = connection.prepare_cached(LOAD_DISPUTES)?;
    for dispute_no in &names.disputes {
        if let Some(dispute) = disputes.query_row([dispute_no.as_str()], rows::stored_dispute).optional()? {
            loaded.disputes.insert(dispute_no.clone(), dispute);
        }
    }
    let mut nonces = connection.prepare_cached(FIND_NONCES)?;
    for nonce in &names.nonces {
        if nonces.exists(params![nonce.timestamp.0, nonce.app_id.as_bytes(), nonce.nonce.as_str()])? {
            loaded.used_nonces.insert(nonce.clone());
        }
    }
    let mut tokens = connection.prepare_cached(TOKEN)?;
    for token in &names.tokens {
        if tokens.exists([token.0])? {
            loaded.tokens.insert(*token);
        }
    }
    for name in &names.keys {
        if let Some(stored) = stored_answer(connection, &name.token, &name.key)? {
            loaded.keys.insert(name.clone(), stored);
        }
    }
    let mut uploads = connection.prepare_cached(FIND_UPLOADS)?;
    for url in &names.uploads {
        let stored = uploads.query_row([url.key()], |row| {
            Ok(StoredUpload {
                file: rows::found_file(row, 0)?,
                uploaded_at: rows::millis(row, 3)?,
                marked: row.get(4)?,
            })
        });
        if let Some(stored) = stored.optional()? {
            loaded.uploads.insert(*url, stored);
        }
    }
    Ok(loaded)
}

/// The first answer under an idempotency key.
pub(super) fn stored_answer(
    connection: &Connection,
    token: &str,
    key: &str,
) -> Result<Option<StoredAnswer>, Error> {
    let mut select = connection.prepare_cached(FIND_KEYS)?;
    select
        .query_row([token, key], |row| {
            let answer = serde_json::from_str(row.get_ref(1)?.as_str()?).map_err(|error| {
                Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, error.into())
            })?;
            Ok(StoredAnswer {
                request: RequestHash(row.get(0)?),
                answer,
                created_at: UnixMillis(row.get(2)?),
            })
        })
        .optional()
}

/// Stores the first answer under an idempotency key.
pub(super) fn insert_answer(
    connection: &Connection,
    key: &crate::write_request::IdempotencyKey,
    answer: &RecordedAnswer,
    created_at: UnixMillis,
) -> Result<(), Error> {
    connection
        .prepare_cached(INSERT_KEYS)?
        .execute(params![key.token, key.key, key.request.0, answer_json(answer)?, created_at.0])
        .map(drop)
}

/// An answer in its stored form.
pub(super) fn answer_json(answer: &RecordedAnswer) -> Result<String, Error> {
    serde_json::to_string(answer).map_err(|error| Error::ToSqlConversionFailure(error.into()))
}

fn save(connection: &Connection, queue: &mut DisputeQueue, changes: &Changes) -> Result<(), Error> {
    let mut nonces = connection.prepare_cached(INSERT_NONCES)?;
    for nonce in &changes.nonces {
        nonces.execute(params![nonce.timestamp.0, nonce.app_id.as_bytes(), nonce.nonce.as_str()])?;
    }
    for (key, answer, created_at) in &changes.keys {
        insert_answer(connection, key, answer, *created_at)?;
    }
    save_disputes(connection, changes)?;
    queue.save(connection, changes)?;
    save_history(connection, changes)?;
    save_uploads(connection, changes)
}

fn save_disputes(connection: &Connection, changes: &Changes) -> Result<(), Error> {
    for ChangedDispute { before, after } in changes.disputes.values() {
        match before {
            Before::Opening(opening, opened_at) => insert_dispute(connection, opening, *opened_at, after)?,
            Before::Stored(before) => update_dispute(connection, &before.state, after)?,
        }
    }
    Ok(())
}

fn insert_dispute(
    connection: &Connection,
    opening: &Opening,
    opened_at: UnixMillis,
    StoredDispute { id, last_entry, state }: &StoredDispute,
) -> Result<(), Error> {
    let (facts, submission) = (&opening.facts, SubmissionColumns::of(state));
    let mut insert = connection.prepare_cached(INSERT_DISPUTES)?;
    insert.execute(params![
        id,
        opening.dispute_no.as_str(),
        facts.merchant_id.number(),
        state.status.as_str(),
        state.stage.as_str(),
        state.deadline.0,
        state.sequence,
        state.head.0,
        last_entry,
        submission.number,
        submission.stage.as_str(),
        submission.fingerprint.0,
        state.opening.0,
        facts.payment_no.as_str(),
        facts.merchant_trade_no.as_str(),
        facts.payment_amount.minor_units(),
        facts.dispute_amount.minor_units(),
        facts.payment_amount.currency().code(),
        facts.dispute_reason.as_str(),
        facts.reason_code.as_ref().map(|code| code.as_str()),
        facts.rrn.as_ref().map(|rrn| rrn.as_str()),
        opened_at.0,
    ])?;
    Ok(())
}

fn update_dispute(
    connection: &Connection,
    before: &Dispute,
    StoredDispute { id, last_entry, state }: &StoredDispute,
) -> Result<(), Error> {
    let submission = SubmissionColumns::of(state);
    if (before.stage, before.deadline) != (state.stage, state.deadline) {
        let mut update = connection.prepare_cached(UPDATE_STAGE_AND_DEADLINE)?;
        update.execute(params![id, state.stage.as_str(), state.deadline.0])?;
    }
    let mut update = connection.prepare_cached(UPDATE_DISPUTES)?;
    update.execute(params![
        id,
        state.status.as_str(),
        state.sequence,
        state.head.0,
        last_entry,
        submission.number,
        submission.stage.as_str(),
        submission.fingerprint.0,
    ])?;
    Ok(())
}

fn save_history(connection: &Connection, changes: &Changes) -> Result<(), Error> {
    let mut history = connection.prepare_cached(INSERT_HISTORY)?;
    let mut submissions = connection.prepare_cached(INSERT_SUBMISSIONS)?;
    let mut outbox = connection.prepare_cached(INSERT_OUTBOX)?;
    for NewEntry { id, dispute_id, previous, entry, submission } in &changes.entries {
        history.execute(params![
            id,
            dispute_id,
            previous,
            entry.sequence,
            entry.at.0,
            entry.event.as_str(),
            entry.actor,
            entry.detail,
            entry.hash.0,
        ])?;
        if let Some(submission) = submission {
            let evidence = evidence_json(&submission.evidence)
                .map_err(|error| Error::ToSqlConversionFailure(error.into()))?;
            submissions.execute(params![
                id,
                submission.number,
                submission.stage.as_str(),
                submission.submitted_at.0,
                submission.fingerprint.0,
                evidence,
            ])?;
        }
        outbox.execute(params![id, entry.at.0])?;
    }
    Ok(())
}

fn save_uploads(connection: &Connection, changes: &Changes) -> Result<(), Error> {
    let mut insert = connection.prepare_cached(INSERT_UPLOADS)?;
    let mut insert_unreferenced = connection.prepare_cached(INSERT_UNREFERENCED)?;
    for NewUpload { upload, inspection, uploaded_at } in &changes.uploads {
        let (url, file) = (upload.url.key(), &upload.file);
        let inspection = inspection.as_ref().map(serde_json::to_string).transpose();
        let inspection = inspection.map_err(|error| Error::ToSqlConversionFailure(error.into()))?;
        insert.execute(params![url, file.sha256.0, file.size, file.media_type, uploaded_at.0, inspection])?;
        insert_unreferenced.execute(params![uploaded_at.0, url])?;
    }
    let mut delete_unreferenced = connection.prepare_cached(DELETE_UNREFERENCED)?;
    for (url, uploaded_at) in &changes.referenced {
        delete_unreferenced.execute(params![uploaded_at.0, url.key()])?;
    }
    Ok(())
}
