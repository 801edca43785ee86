//! The bounded steps of maintenance.

use rebuttal_protocol::{StorageUri, UnixMillis};
use rusqlite::{Connection, Result, params};

use super::dispute_queue::DisputeQueue;
use super::statements::{
    DELETE_MARKED, DELETE_MARKED_UNREFERENCED, DELETE_UPLOADS, DROP_EXPIRED_SECRETS, FORGET_SHOWN_SECRETS,
    MARK_UPLOADS, NONCE_BOUND, PROBE, PURGE_KEYS, PURGE_NONCES, PURGE_OUTBOX, PUT_META, RAISE_NONCE_BOUND,
    REPLACE_META,
};
use super::writer::answer_json;
use crate::batch::RecordedAnswer;
use crate::meta::{CLOCK_TRUSTED_AT, SWEEP_FENCE};
use crate::write_request::Maintenance;

/// Bytes that a probe writes: sixteen pages, besides those of the index to them.
const PROBE_BYTES: u32 = 64 * 1024;

/// Runs a step, and returns how many rows it changed.
pub(super) fn apply(
    connection: &Connection,
    queue: &mut DisputeQueue,
    step: &Maintenance,
    now: UnixMillis,
) -> Result<u64> {
    let rows = match step {
        Maintenance::PurgeNonces { bound, limit } => purge_nonces(connection, *bound, *limit)?,
        Maintenance::MarkUnreferenced { uploaded_before, limit } => {
            connection.prepare_cached(MARK_UPLOADS)?.execute(params![now.0, uploaded_before.0, limit])?;
            let mut delete = connection.prepare_cached(DELETE_MARKED_UNREFERENCED)?;
            delete.execute(params![uploaded_before.0, limit])?
        }
        Maintenance::ForgetUploads { urls } => forget_uploads(connection, urls)?,
        Maintenance::DeleteStaleQueueRows { limit } => {
            return queue.delete_stale(connection, *limit as usize);
        }
        Maintenance::PurgeOutbox { created_before, limit } => {
            connection.prepare_cached(PURGE_OUTBOX)?.execute(params![created_before.0, limit])?
        }
        Maintenance::PurgeKeys { created_before, limit } => {
            connection.prepare_cached(PURGE_KEYS)?.execute(params![created_before.0, limit])?
        }
        Maintenance::ForgetShownSecrets { created_before, limit } => {
            let answer = answer_json(&RecordedAnswer::secret_expired())?;
            let mut forget = connection.prepare_cached(FORGET_SHOWN_SECRETS)?;
            forget.execute(params![created_before.0, limit, answer])?
        }
        Maintenance::DropExpiredSecrets => {
            connection.prepare_cached(DROP_EXPIRED_SECRETS)?.execute([now.0])?
        }
        Maintenance::AdvanceFence { fence, expected } => {
            let expected = expected.as_deref().map(str::as_bytes);
            connection.prepare_cached(REPLACE_META)?.execute(params![
                SWEEP_FENCE,
                fence.as_bytes(),
                expected
            ])?
        }
        Maintenance::NoteClock => connection
            .prepare_cached(PUT_META)?
            .execute(params![CLOCK_TRUSTED_AT, now.0.to_string().as_bytes()])?,
        // As many pages as a contest writes: space for one page would not prove enough.
        Maintenance::Probe => connection.prepare_cached(PROBE)?.execute([PROBE_BYTES])?,
    };
    Ok(rows as u64)
}

/// Deletes the rows of uploads that are still marked.
fn forget_uploads(connection: &Connection, urls: &[StorageUri]) -> Result<usize> {
    let mut unmark = connection.prepare_cached(DELETE_MARKED)?;
    let mut delete = connection.prepare_cached(DELETE_UPLOADS)?;
    let mut forgotten = 0;
    for url in urls.iter().map(StorageUri::key) {
        if unmark.execute([&url])? > 0 {
            forgotten += delete.execute([&url])?;
        }
    }
    Ok(forgotten)
}

/// The newest timestamp whose nonces may have been deleted.
pub(super) fn nonce_bound(connection: &Connection) -> Result<i64> {
    connection.prepare_cached(NONCE_BOUND)?.query_row([], |row| row.get(0))
}

/// The bound is stored before or with the deletion of nonces at or below it. It never moves back, so that a clock that
/// was set back does not make deleted nonces usable (contract §2).
fn purge_nonces(connection: &Connection, bound: UnixMillis, limit: u32) -> Result<usize> {
    connection.prepare_cached(RAISE_NONCE_BOUND)?.execute([bound.0])?;
    connection.prepare_cached(PURGE_NONCES)?.execute(params![bound.0, limit])
}
