//! Connections and the schema: the settings that durability depends on, the migrations, and the check that this
//! binary can serve the file.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use refinery::Target;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};

use super::statements::{MIGRATIONS, MIN_BINARY};
use super::{file_identity, layout_migration};
use crate::examined::{Defect, missing_value};
use crate::meta;
use crate::schema::{AppliedMigration, MIGRATIONS_TABLE};
use crate::{SCHEMA_GENERATION, StoreError, schema};

/// Prepared statements of a connection: more than there are fixed ones, which leaves room for the varying ones of
/// lists.
pub(super) const STATEMENTS_MAX: usize = 96;
/// How long a statement waits for a lock. Only migrations and checkpoints hold one that others wait for.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// The writer's page cache in KiB: many times the pages at the ends of the tables, where contests are inserted.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// Page cache in KiB of the connection that checkpoints, which reads no pages of the database.
const CHECKPOINTER_CACHE_KIB: i64 = 64;
/// One reader's page cache in KiB.
const READER_CACHE_KIB: i64 = 2 * 1024;

mod migrations {
    refinery::embed_migrations!("migrations/sqlite");
}

/// Opens the connection that writes, with the schema up to date.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    // Readable by its owner only, whatever the umask; the log and its index get the mode of this file.
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(file_identity::name_path(path))?;
    let mut connection = Connection::open(path)?;
    prepare(&connection, WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit returns after its fsync. Anything less loses answered contests in a power failure.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    refuse_newer(&connection)?;
    schema::refuse_unservable(history_defects(&connection)?)?;
    migrate(&mut connection)?;
    for defect in schema::refuse_unservable(defects(&connection)?)? {
        tracing::warn!("{defect}");
    }
    Ok(connection)
}

/// Migrates the schema, and the rows to the layout of version 6.
fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    // Migrations of a newer binary are accepted: `min_binary` decides which binary may open the file.
    // Grouped: otherwise a kill after a migration leaves it applied and not recorded.
    let runner = || migrations::migrations::runner().set_abort_missing(false).set_grouped(true);
    let before = Target::Version(layout_migration::FILLED_AFTER);
    runner().set_target(before).run(connection).map_err(Box::new)?;
    if connection.table_exists(None, "old_disputes")? {
        layout_migration::run(connection)?;
    }
    runner().run(connection).map_err(Box::new)?;
    Ok(())
}

/// What is wrong with the schema: its history of migrations, or a statement that cannot be prepared on it.
pub(super) fn defects(connection: &Connection) -> Result<Vec<Defect>, StoreError> {
    let mut defects = history_defects(connection)?;
    if defects.iter().all(Defect::lets_read) {
        defects.extend(prepare_statements(connection)?.map(Defect::Incomplete));
    }
    Ok(defects)
}

pub(super) fn history_defects(connection: &Connection) -> Result<Vec<Defect>, StoreError> {
    let mut applied = Vec::new();
    if connection.table_exists(None, MIGRATIONS_TABLE)? {
        let mut select = connection.prepare(MIGRATIONS)?;
        let rows = select.query_map([], |row| {
            Ok(AppliedMigration { version: row.get(0)?, name: row.get(1)?, checksum: row.get(2)? })
        })?;
        applied = rows.collect::<rusqlite::Result<_>>()?;
    }
    let known = migrations::migrations::runner();
    let has_meta = connection.table_exists(None, "meta")?;
    Ok(schema::history_defects(known.get_migrations(), &applied, has_meta))
}

/// Prepares every statement, which the connection caches. Returns why one is refused: a table or column is missing.
fn prepare_statements(connection: &Connection) -> Result<Option<String>, StoreError> {
    for (_, sql) in [crate::statements::ALL, super::statements::ALL].concat() {
        match connection.prepare_cached(sql) {
            Ok(_) => {}
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
                return Ok(Some(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Opens the connection that copies the log into the database.
pub(super) fn open_checkpointer(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection, CHECKPOINTER_CACHE_KIB)?;
    // The database is synced before the log is restarted.
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Opens a connection that reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection, READER_CACHE_KIB)?;
    Ok(connection)
}

fn prepare(connection: &Connection, cache_kib: i64) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    Ok(())
}

fn refuse_newer(connection: &Connection) -> Result<(), StoreError> {
    if !connection.table_exists(None, "meta")? {
        return Ok(());
    }
    let stored: Option<String> = connection.query_row(MIN_BINARY, [], |row| row.get(0)).optional()?;
    let stored = stored.ok_or_else(|| StoreError::Schema(missing_value(meta::MIN_BINARY)))?;
    let min_binary = stored.parse().map_err(|_| StoreError::Unreadable(format!("min_binary {stored:?}")))?;
    if min_binary > SCHEMA_GENERATION {
        return Err(StoreError::TooNew { min_binary });
    }
    Ok(())
}
