//! The migration to version 6: fills tables of another layout next to those that older binaries serve, in small
//! transactions, and replaces the old ones in a last, short one. An interrupted migration continues where it stopped.

use super::rows;
use super::session::{Session, SessionError};
use crate::layout_progress::LayoutProgress;

// The version whose tables are filled here; the next one has their indexes.
pub(super) const FILLED_AFTER: i32 = 4;
pub(super) const INDEXED: i32 = 5;

const PAGE: i64 = 2_000;
/// Changes that the last transaction may find: it copies them while it holds every lock.
const LAST_MAX: usize = 200;
/// Attempts to become that few. After these the last transaction takes longer.
const CATCH_UPS_MAX: usize = 50;

/// The disputes of the next page, in the order of opening.
const NEXT: &str = "SELECT dispute_no FROM disputes WHERE (created_at, dispute_no) > ($1, $2) \
     ORDER BY created_at, dispute_no LIMIT $3";
const LAST_COPIED: &str = "SELECT created_at, dispute_no FROM new_disputes ORDER BY dispute_id DESC LIMIT 1";
const COPY: &str = "SELECT copy_disputes($1)";
/// Each statement of the function sees what was committed before it, and so at least the changes that are taken here.
const COPY_CHANGED: &str = "WITH changed AS (DELETE FROM changed_disputes RETURNING dispute_no), \
     numbers AS (SELECT array_agg(DISTINCT dispute_no) AS all_of_them FROM changed) \
     SELECT coalesce(cardinality(all_of_them), 0)::bigint, copy_disputes(coalesce(all_of_them, '{}')) FROM numbers";
const COUNT: &str = "SELECT (SELECT count(*) FROM disputes), (SELECT count(*) FROM new_disputes)";

/// Whether the old tables are still there.
pub(super) async fn is_unfinished(session: &Session) -> Result<bool, SessionError> {
    let row = session.client.query_one("SELECT to_regclass('new_disputes') IS NOT NULL", &[]).await?;
    rows::value(&row, 0)
}

/// Copies every dispute that is not copied yet.
pub(super) async fn copy(session: &Session) -> Result<(), SessionError> {
    let count = session.client.query_one(COUNT, &[]).await?;
    let mut progress = LayoutProgress::new(rows::value(&count, 1)?, rows::value(&count, 0)?);
    loop {
        let last = session.client.query_opt(LAST_COPIED, &[]).await?;
        let (created_at, dispute_no): (i64, String) = match &last {
            Some(last) => (rows::value(last, 0)?, rows::value(last, 1)?),
            None => (i64::MIN, String::new()),
        };
        let next = session.client.query(NEXT, &[&created_at, &dispute_no, &PAGE]).await?;
        if next.is_empty() {
            return Ok(());
        }
        let numbers = next.iter().map(|row| rows::value(row, 0)).collect::<Result<Vec<&str>, _>>()?;
        session.client.execute(COPY, &[&numbers]).await?;
        progress.add(numbers.len() as i64);
    }
}

/// Copies what older binaries have changed, until only little is left for the last transaction.
pub(super) async fn catch_up(session: &Session) -> Result<(), SessionError> {
    for _ in 0..CATCH_UPS_MAX {
        let copied = session.client.query_one(COPY_CHANGED, &[]).await?;
        if rows::number::<usize>(&copied, 0)? <= LAST_MAX {
            break;
        }
    }
    Ok(())
}
