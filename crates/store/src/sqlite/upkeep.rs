//! The bounded steps of cleaning up.

use rebuttal_protocol::UnixMillis;
use rusqlite::{Connection, Result, params};

use crate::work::Upkeep;

/// Bytes that a probe writes: sixteen pages, and those that lead to them.
const PROBE_BYTES: u32 = 64 * 1024;

/// Does one step and tells how many rows it touched.
pub(super) fn apply(connection: &Connection, step: &Upkeep, now: UnixMillis) -> Result<u64> {
    let rows = match step {
        Upkeep::PurgeNonces { bound, limit } => purge_nonces(connection, *bound, *limit)?,
        Upkeep::MarkUnreferenced { uploaded_before, limit } => connection
            .prepare_cached(
                "UPDATE uploads SET swept_at = ?1 WHERE url IN (SELECT url FROM uploads \
                 WHERE referenced = 0 AND swept_at IS NULL AND uploaded_at < ?2 ORDER BY uploaded_at LIMIT ?3)",
            )?
            .execute(params![now.0, uploaded_before.0, limit])?,
        Upkeep::ForgetUploads { urls } => {
            let mut delete = connection
                .prepare_cached("DELETE FROM uploads WHERE url = ?1 AND referenced = 0 AND swept_at IS NOT NULL")?;
            urls.iter().map(|url| delete.execute([url.key()])).sum::<Result<usize>>()?
        }
        Upkeep::PurgeKeys { created_before, limit } => connection
            .prepare_cached(
                "DELETE FROM idempotency_keys WHERE (token, key) IN (SELECT token, key FROM idempotency_keys \
                 WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)",
            )?
            .execute(params![created_before.0, limit])?,
        Upkeep::DropExpiredSecrets => {
            connection.prepare_cached("DELETE FROM secrets WHERE expires_at <= ?1")?.execute([now.0])?
        }
        // As many pages as a contest writes: room for one is no proof. Another value each time, for one that stays is not
        // written at all.
        Upkeep::Probe => connection
            .prepare_cached(
                "INSERT INTO meta (name, value) VALUES ('probe', randomblob(?1)) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute([PROBE_BYTES])?,
    };
    Ok(rows as u64)
}

/// The newest timestamp whose nonces may have been forgotten.
pub(super) fn nonce_bound(connection: &Connection) -> Result<i64> {
    connection
        .prepare_cached("SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE name = 'nonce_bound'")?
        .query_row([], |row| row.get(0))
}

/// The bound is stored before a nonce at or below it goes, in the same transaction at the latest; it never moves back,
/// so that a clock set back does not make forgotten nonces usable (contract §2).
fn purge_nonces(connection: &Connection, bound: UnixMillis, limit: u32) -> Result<usize> {
    connection
        .prepare_cached(
            "UPDATE meta SET value = CAST(CAST(?1 AS TEXT) AS BLOB) \
             WHERE name = 'nonce_bound' AND CAST(CAST(value AS TEXT) AS INTEGER) < ?1",
        )?
        .execute([bound.0])?;
    connection
        .prepare_cached(
            "DELETE FROM nonces WHERE (timestamp, app_id, nonce) IN (SELECT timestamp, app_id, nonce FROM nonces \
             WHERE timestamp <= ?1 ORDER BY timestamp, app_id, nonce LIMIT ?2)",
        )?
        .execute(params![bound.0, limit])
}
