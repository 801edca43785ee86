//! Connections and the schema: settings that durability rests on, migrations, and the check that this binary may
//! touch what it finds.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::file_identity;
use super::statements::{COLUMNS, MIGRATIONS, MIN_BINARY, PARTS};
use crate::examine::{self, Defect, missing_value};
use crate::schema::{MIGRATIONS_TABLE, Part, Told};
use crate::{SCHEMA_GENERATION, StoreError};

/// Prepared statements that a connection keeps: more than there are of fixed words. As no connection runs all of those,
/// there is room for lists, whose words vary.
pub(super) const STATEMENTS_MAX: usize = 96;
/// How long a statement waits for a lock. Only migrations and checkpoints take one that another could want.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Memory of the writer's page cache, in KiB: the right edges of the tables, where contests land, many times over.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// Memory of one reader's page cache, in KiB.
const READER_CACHE_KIB: i64 = 2 * 1024;
/// Pages of the log after which a commit moves it into the database: 16 MB, so that bursts are not slowed by it.
const CHECKPOINT_PAGES: i64 = 4_000;

mod migrations {
    refinery::embed_migrations!("migrations/sqlite");
}

/// Opens the connection that writes, with the schema up to date.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    // Made for its owner alone, whatever the umask; the log and the index beside it take the mode of this file.
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(file_identity::name_path(path))?;
    let mut connection = Connection::open(path)?;
    prepare(&connection, WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit returns after its fsync. Anything less loses answered contests in a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    refuse_newer(&connection)?;
    refuse_defects(&connection)?;
    // What a newer binary has added is no obstacle: min_binary alone says who may not open the file.
    migrations::migrations::runner().set_abort_missing(false).run(&mut connection).map_err(Box::new)?;
    for defect in refuse_defects(&connection)? {
        tracing::warn!("{defect}");
    }
    Ok(connection)
}

/// What is wrong with the schema.
pub(super) fn defects(connection: &Connection) -> Result<Vec<Defect>, StoreError> {
    told(connection)?.defects(migrations::migrations::runner().get_migrations())
}

/// What the tables have beside their columns as the migrations make them.
pub(crate) fn parts_of_migrations() -> Result<BTreeSet<Part>, StoreError> {
    let connection = Connection::open_in_memory()?;
    for migration in migrations::migrations::runner().get_migrations() {
        connection.execute_batch(migration.sql().unwrap_or_default())?;
    }
    parts(&connection)
}

fn parts(connection: &Connection) -> Result<BTreeSet<Part>, StoreError> {
    let mut select = connection.prepare(PARTS)?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().filter_map(Part::read).collect())
}

fn refuse_defects(connection: &Connection) -> Result<Vec<Defect>, StoreError> {
    told(connection)?.refuse_defects(migrations::migrations::runner().get_migrations())
}

fn told(connection: &Connection) -> Result<Told, StoreError> {
    let mut select = connection.prepare(COLUMNS)?;
    let columns = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let columns = columns.collect::<rusqlite::Result<_>>()?;
    if !connection.table_exists(None, MIGRATIONS_TABLE)? {
        return Ok(Told { columns, parts: parts(connection)?, ..Told::default() });
    }
    let mut select = connection.prepare(MIGRATIONS)?;
    let migrations = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let migrations = migrations.collect::<rusqlite::Result<_>>()?;
    Ok(Told { columns, parts: parts(connection)?, migrations })
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
    let stored = stored.ok_or_else(|| StoreError::Schema(missing_value(examine::MIN_BINARY)))?;
    let min_binary = stored.parse().map_err(|_| StoreError::Unreadable(format!("min_binary {stored:?}")))?;
    if min_binary > SCHEMA_GENERATION {
        return Err(StoreError::TooNew { min_binary });
    }
    Ok(())
}
