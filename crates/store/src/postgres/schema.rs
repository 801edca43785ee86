//! The schema: its migrations, run by the first gateway that starts, and the check that this binary can serve it.
//!
//! Within a generation migrations only add: tables, indexes, and columns that may be null or have a default. So an
//! older binary can serve together with a newer one, and replicas are upgraded one by one. A change that an older
//! binary would damage raises `min_binary`.

use std::time::Duration;

use refinery::Target;

use super::address::Address;
use super::server_checks::{refuse_transaction_pooler, server_warnings};
use super::session::{self, Session};
use super::statements::{HAS_META, HAS_MIGRATIONS, LOCK_SCHEMA, MIGRATIONS, MIN_BINARY};
use super::{layout_migration, queries, rows};
use crate::examined::{Defect, is_behind, missing_value};
use crate::meta;
use crate::schema::AppliedMigration;
use crate::{SCHEMA_GENERATION, StoreError, schema};
use tokio_postgres::error::SqlState;

mod migrations {
    refinery::embed_migrations!("migrations/postgres");
}

/// Connects, migrates the schema, and logs settings that endanger the data.
pub(crate) async fn prepare(address: &Address) -> Result<(), StoreError> {
    refuse_transaction_pooler(address).await?;
    let mut session = Session::plain(address).await?;
    // Suppresses the notice that a table exists.
    session.batch("SET client_min_messages = warning").await?;
    // Released when the session ends, in any case.
    session.batch(LOCK_SCHEMA).await?;
    // Logged rather than refused: a test may disable a safeguard. Logged first: it may explain later failures.
    for warning in server_warnings(address).await? {
        tracing::warn!("{warning}");
    }
    refuse_newer(&session).await?;
    schema::refuse_unservable(history_defects(&session).await?)?;
    migrate(&mut session).await?;
    for defect in schema::refuse_unservable(defects(&session).await?)? {
        tracing::warn!("{defect}");
    }
    Ok(())
}

/// No timeout: a page, or an index, may take long.
const SETTINGS: &str =
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '200ms'";
/// Pause after a lock was not available. Older gateways wait while this one waits for a lock, and serve in between.
const LOCK_PAUSE: Duration = Duration::from_secs(5);

/// Migrates the schema, and the rows to the layout of version 6.
pub(super) async fn migrate(session: &mut Session) -> Result<(), StoreError> {
    session.batch(SETTINGS).await?;
    run_migrations(session, Target::Version(layout_migration::FILLED_AFTER)).await?;
    if layout_migration::is_unfinished(session).await? {
        layout_migration::copy(session).await?;
        run_migrations(session, Target::Version(layout_migration::INDEXED)).await?;
        layout_migration::catch_up(session).await?;
    }
    run_migrations(session, Target::Latest).await
}

/// Tries again while another session, such as a backup, holds a lock: who waits for a lock delays every gateway.
async fn run_migrations(session: &mut Session, target: Target) -> Result<(), StoreError> {
    loop {
        // Migrations of a newer binary are accepted: `min_binary` decides which binary may open the database.
        // Grouped: otherwise a kill after a migration leaves it applied and not recorded.
        let runner =
            migrations::migrations::runner().set_abort_missing(false).set_grouped(true).set_target(target);
        let Err(error) = runner.run_async(&mut session.client).await else { return Ok(()) };
        let cause = database_error(&error);
        if cause.and_then(tokio_postgres::Error::code) != Some(&SqlState::LOCK_NOT_AVAILABLE) {
            return Err(match cause {
                // With the server's message, which the migration tool omits.
                Some(cause) => {
                    let cause = format!("its schema could not be migrated: {}", session::describe(cause));
                    StoreError::Database(cause.into())
                }
                None => StoreError::Migration(Box::new(error)),
            });
        }
        tracing::warn!(
            "migration waits for another session of the database, such as a backup, to release a table"
        );
        tokio::time::sleep(LOCK_PAUSE).await;
    }
}

fn database_error(error: &refinery::Error) -> Option<&tokio_postgres::Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        cause = error.source();
    }
    None
}

/// Rows of `meta`, where migrations are pending.
pub(crate) async fn values_before_migration<const N: usize>(
    address: &Address,
    names: [&str; N],
) -> Result<Option<[Option<Vec<u8>>; N]>, StoreError> {
    let session = Session::plain(address).await?;
    if !is_behind(&history_defects(&session).await?) {
        return Ok(None);
    }
    let mut values = [const { None }; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = queries::meta(&session, name).await?;
    }
    Ok(Some(values))
}

/// What is wrong with the schema: its history of migrations, or a statement that cannot be prepared on it.
pub(super) async fn defects(session: &Session) -> Result<Vec<Defect>, StoreError> {
    let mut defects = history_defects(session).await?;
    if defects.iter().all(Defect::lets_read) {
        defects.extend(prepare_statements(session).await?.map(Defect::Incomplete));
    }
    Ok(defects)
}

async fn history_defects(session: &Session) -> Result<Vec<Defect>, StoreError> {
    let mut applied = Vec::new();
    if exists(session, HAS_MIGRATIONS).await? {
        for row in session.rows(MIGRATIONS, &[]).await? {
            applied.push(AppliedMigration {
                version: rows::value(&row, 0)?,
                name: rows::value(&row, 1)?,
                checksum: rows::value(&row, 2)?,
            });
        }
    }
    let known = migrations::migrations::runner();
    let has_meta = exists(session, HAS_META).await?;
    Ok(schema::history_defects(known.get_migrations(), &applied, has_meta))
}

/// Prepares every statement. Returns why the server refuses one: a table or a column is missing.
async fn prepare_statements(session: &Session) -> Result<Option<String>, StoreError> {
    const MISSING: [SqlState; 2] = [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_COLUMN];
    for (_, sql) in [crate::statements::ALL, super::statements::ALL].concat() {
        match session.prepared(sql).await {
            Ok(_) => {}
            Err(error) if error.code().is_some_and(|code| MISSING.contains(code)) => {
                return Ok(Some(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

async fn exists(session: &Session, sql: &'static str) -> Result<bool, StoreError> {
    let row = session.row(sql, &[]).await?;
    Ok(row.map_or(Ok(false), |row| rows::value(&row, 0))?)
}

async fn refuse_newer(session: &Session) -> Result<(), StoreError> {
    if !exists(session, HAS_META).await? {
        return Ok(());
    }
    let stored = session.row(MIN_BINARY, &[]).await?;
    let stored = stored.ok_or_else(|| StoreError::Schema(missing_value(meta::MIN_BINARY)))?;
    let stored: String = rows::value(&stored, 0)?;
    let min_binary = stored.parse().map_err(|_| StoreError::Unreadable(format!("min_binary {stored:?}")))?;
    if min_binary > SCHEMA_GENERATION {
        return Err(StoreError::TooNew { min_binary });
    }
    Ok(())
}
