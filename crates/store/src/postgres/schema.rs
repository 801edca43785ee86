//! The schema: brought up to date by whoever comes first, and the check that this binary may touch what it finds.
//!
//! Within a generation migrations only add: tables, columns that may be null or have a default, indexes. A binary that
//! knows less goes on beside one that knows more, which is how replicas are upgraded one by one. What an older binary
//! would damage raises `min_binary`.

use super::address::Address;
use super::rows;
use super::session::{Error, Session};
use crate::{SCHEMA_GENERATION, StoreError};

mod migrations {
    refinery::embed_migrations!("migrations/postgres");
}

/// Held while the schema is looked at and changed: of ten replicas that start at once, one migrates and nine wait.
const LOCK: &str = "SELECT pg_advisory_lock(7382000)";

/// Connects, brings the schema up to date, and tells what of the server's settings endangers what is kept in it.
pub(crate) async fn prepare(address: &Address) -> Result<(), StoreError> {
    let mut session = Session::plain(address).await?;
    // Ends with the session, whatever becomes of it.
    session.batch(LOCK).await?;
    refuse_newer(&session).await?;
    let migrated = migrations::migrations::runner().run_async(&mut session.client).await;
    migrated.map_err(Box::new)?;
    warn_of_loss(&session).await?;
    Ok(())
}

async fn refuse_newer(session: &Session) -> Result<(), StoreError> {
    let there = session.row("SELECT to_regclass('meta') IS NOT NULL", &[]).await?;
    if !there.map_or(Ok(false), |row| rows::value(&row, 0))? {
        return Ok(());
    }
    let stored =
        session.row("SELECT convert_from(value, 'UTF8') FROM meta WHERE name = 'min_binary'", &[]).await?;
    let stored: String = stored.map_or_else(|| Ok(String::new()), |row| rows::value(&row, 0))?;
    let min_binary = stored.parse().map_err(|_| StoreError::Unreadable(format!("min_binary {stored:?}")))?;
    if min_binary > SCHEMA_GENERATION {
        return Err(StoreError::TooNew { min_binary });
    }
    Ok(())
}

/// `synchronous_commit` is a session's own, and ours set it; these two are the server's. Somebody who turned them off
/// may be trying things out, so it is said and not refused.
async fn warn_of_loss(session: &Session) -> Result<(), Error> {
    let sql = "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'";
    for row in session.rows(sql, &[]).await? {
        let name: &str = rows::value(&row, 0)?;
        tracing::warn!(
            "the database server runs with {name} = off: a power cut can lose contests that were answered, or the \
             whole database. Set it to on"
        );
    }
    Ok(())
}
