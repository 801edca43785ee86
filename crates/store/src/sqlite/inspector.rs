//! Reads of `doctor`, on a separate connection, while a gateway may serve.

use std::io::ErrorKind;
use std::path::Path;

use rebuttal_protocol::{DisputeNo, UnixMillis};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::read_pool::Reader;
use super::statements::{COUNT_NUMBERS, INTEGRITY_CHECK, NEWEST_ENTRY, NUMBERS, STRAY_HISTORY, UNQUEUED};
use super::{file_identity, schema};
use crate::StoreError;
use crate::examined::{Defect, is_behind};
use crate::views::EntryId;
use crate::views::{DisputeDetail, HistorySource};

/// Larger files are not checked for damage: that would take minutes, and evict others from the page cache.
const READ_WHOLE_MAX_BYTES: u64 = 1 << 30;

pub(crate) struct Inspector {
    connection: Connection,
    bytes: u64,
}

impl Inspector {
    /// Opens the file; `None` if there is none. Nothing is changed: the log of a killed gateway is read and kept.
    pub(crate) fn at(path: &Path) -> Result<Option<Self>, StoreError> {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file_identity::name_path(path)(error).into()),
        };
        let log = std::fs::metadata(file_identity::wal_path(path)).map_or(0, |log| log.len());
        // A log without an open connection can only be read with write access to its folder.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        // The last connection to close checkpoints the log into the file and deletes it. If there was no log, this
        // connection created it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, log > 0)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(Some(Self { connection, bytes: metadata.len() }))
    }

    /// What is wrong with the schema.
    pub(crate) fn schema(&self) -> Result<Vec<Defect>, StoreError> {
        schema::defects(&self.connection)
    }

    /// Whether migrations are known to be pending.
    pub(crate) fn is_behind(&self) -> bool {
        schema::history_defects(&self.connection).is_ok_and(|defects| is_behind(&defects))
    }

    pub(crate) fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(Reader::on(&self.connection).meta(name)?)
    }

    /// The reads of a gateway.
    pub(crate) const fn read(&self) -> Reader<'_> {
        Reader::on(&self.connection)
    }

    pub(crate) fn newest_entry_at(&self) -> Result<Option<UnixMillis>, StoreError> {
        let at = self.connection.query_row(NEWEST_ENTRY, [], |row| row.get(0)).optional()?;
        Ok(at.map(UnixMillis))
    }

    /// Checks the file, unless it is too large. Returns the first inconsistency.
    pub(crate) fn damage(&self) -> Result<Option<String>, StoreError> {
        if self.bytes > READ_WHOLE_MAX_BYTES {
            return Ok(None);
        }
        let result: String = self.connection.query_row(INTEGRITY_CHECK, [], |row| row.get(0))?;
        Ok((result != "ok").then_some(result))
    }
}

impl HistorySource for Inspector {
    async fn count(&self, most: u64) -> Result<u64, StoreError> {
        Ok(self.connection.query_row(COUNT_NUMBERS, [most], |row| row.get(0))?)
    }

    async fn numbers(&self, after: EntryId, limit: u32) -> Result<Vec<(EntryId, String)>, StoreError> {
        let mut select = self.connection.prepare_cached(NUMBERS)?;
        let found = select.query_map(params![after, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    async fn detail(&self, dispute_no: &DisputeNo) -> Result<Option<DisputeDetail>, StoreError> {
        Ok(Reader::on(&self.connection).detail(dispute_no)?)
    }

    async fn unqueued(&self) -> Result<Option<String>, StoreError> {
        Ok(self.connection.query_row(UNQUEUED, [], |row| row.get(0)).optional()?)
    }

    async fn stray(&self) -> Result<Option<EntryId>, StoreError> {
        Ok(self.connection.query_row(STRAY_HISTORY, [], |row| row.get(0)).optional()?)
    }
}
