//! The partitions of nonces: one for each slice of time, created before it is needed, dropped when it is stale. The
//! time of a drop does not depend on the number of nonces.

use std::collections::BTreeSet;
use std::time::Duration;

use rebuttal_protocol::UnixMillis;
use tokio_postgres::error::SqlState;

use super::rows;
use super::session::{Session, SessionError, within};
use super::statements::{LOCK_PARTITIONS, NONCE_BOUND, PARTITIONS};

/// The slice of time that one partition holds: with the usual window of five minutes there are four of them, with the
/// widest one of an hour, three dozen.
const SLICE_MS: i64 = 5 * 60 * 1000;
/// How long dropping a partition may delay contests; after that, the next run tries again.
const DROP_WAIT: Duration = Duration::from_millis(100);
/// How long one drop may take in total.
const DROP_LIMIT: Duration = Duration::from_secs(2);

/// Whether a claim failed because a nonce has no partition.
pub(super) fn is_missing_partition(error: &SessionError) -> bool {
    let SessionError::Driver(error) = error else { return false };
    error
        .as_db_error()
        .is_some_and(|error| *error.code() == SqlState::CHECK_VIOLATION && error.table() == Some("nonces"))
}

/// Creates the partitions of these nonces, in a transaction of its own.
pub(super) async fn make_for(
    session: &Session,
    timestamps: impl Iterator<Item = UnixMillis>,
) -> Result<(), SessionError> {
    session.batch("BEGIN").await?;
    make(session, timestamps).await?;
    session.batch("COMMIT").await
}

/// Creates partitions that are missing, within the open transaction. A stale one is not created again: its nonces are
/// refused without a lookup.
pub(super) async fn make(
    session: &Session,
    timestamps: impl Iterator<Item = UnixMillis>,
) -> Result<(), SessionError> {
    session.row(LOCK_PARTITIONS, &[]).await?;
    let bound = session.row(NONCE_BOUND, &[]).await?;
    let bound: i64 = bound.map_or(Ok(0), |row| rows::value(&row, 0))?;
    let known = known(session).await?;
    let slices: BTreeSet<i64> = timestamps.map(|at| at.0 - at.0.rem_euclid(SLICE_MS)).collect();
    let missing = |from: &&i64| {
        let to = **from + SLICE_MS;
        to - 1 > bound && known.iter().all(|(_, end)| *end != to)
    };
    for from in slices.iter().filter(missing) {
        // Created on its own and attached: creating it as a partition would lock the whole table.
        let sql = format!(
            "CREATE TABLE nonces_{from} (LIKE nonces INCLUDING ALL); \
             ALTER TABLE nonces ATTACH PARTITION nonces_{from} FOR VALUES FROM ({from}) TO ({})",
            from + SLICE_MS
        );
        session.batch(&sql).await?;
    }
    Ok(())
}

/// Creates the partitions of the present and of the near future, within the open transaction.
pub(super) async fn make_ahead(session: &Session, now: UnixMillis) -> Result<(), SessionError> {
    make(session, (0..3).map(|slice| UnixMillis(now.0 + slice * SLICE_MS))).await
}

/// Drops partitions that are wholly at or below the committed bound, and returns how many. Locked ones are left for the
/// next run: nonces that are stored for too long do no harm.
pub(super) async fn drop_through(session: &Session, bound: UnixMillis, limit: u32) -> u64 {
    let known = match within(DROP_LIMIT, known(session)).await {
        Ok(known) => known,
        Err(error) => {
            tracing::warn!(%error, "old partitions of nonces could not be listed; the next run tries again");
            return 0;
        }
    };
    let mut dropped = 0;
    for (name, _) in known.iter().filter(|(_, end)| *end - 1 <= bound.0).take(limit as usize) {
        let sql = format!(
            "BEGIN; SET LOCAL lock_timeout = {}; {LOCK_PARTITIONS}; DROP TABLE IF EXISTS {name}; COMMIT",
            DROP_WAIT.as_millis()
        );
        if let Err(error) = within(DROP_LIMIT, session.batch(&sql)).await {
            if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
                tracing::info!(%error, "partition of old nonces is locked; the next run tries again");
            } else {
                tracing::warn!(%error, "partition of old nonces could not be dropped; the next run tries again");
            }
            // Ends its transaction; if the connection is lost, the server has ended it.
            let _ = within(DROP_LIMIT, session.batch("ROLLBACK")).await;
            break;
        }
        dropped += 1;
    }
    dropped
}

/// The partitions with the end of each, the oldest first. The names are quoted by the server.
async fn known(session: &Session) -> Result<Vec<(String, i64)>, SessionError> {
    let partitions = session.rows(PARTITIONS, &[]).await?;
    partitions.iter().map(|row| Ok((rows::value(row, 0)?, rows::value(row, 1)?))).collect()
}
