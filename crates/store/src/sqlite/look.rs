//! A look at the file, beside whoever serves from it.

use std::path::Path;

use rebuttal_protocol::UnixMillis;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::reads::Read;
use super::statements::{DAMAGE, NEWEST_ENTRY};
use crate::StoreError;

/// Files beyond this are not read whole to find damage: it would take minutes, and push others out of memory.
const READ_WHOLE_MAX_BYTES: u64 = 1 << 30;

pub(crate) struct Look {
    connection: Connection,
    bytes: u64,
}

impl Look {
    /// Opens the file; `None` if there is none, or none with our tables.
    pub(crate) fn at(path: &Path) -> Result<Option<Self>, StoreError> {
        let Ok(metadata) = std::fs::metadata(path) else { return Ok(None) };
        // A log that nobody has open can only be read by somebody who may write beside it.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        let is_ours = connection.table_exists(None, "meta")?;
        Ok(is_ours.then_some(Self { connection, bytes: metadata.len() }))
    }

    pub(crate) fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(Read::on(&self.connection).meta(name)?)
    }

    pub(crate) fn has_uploads(&self) -> Result<bool, StoreError> {
        Ok(Read::on(&self.connection).has_uploads()?)
    }

    pub(crate) fn newest_entry_at(&self) -> Result<Option<UnixMillis>, StoreError> {
        let at = self.connection.query_row(NEWEST_ENTRY, [], |row| row.get(0)).optional()?;
        Ok(at.map(UnixMillis))
    }

    /// Reads the file whole, if it is not too large, and tells the first thing that does not fit.
    pub(crate) fn damage(&self) -> Result<Option<String>, StoreError> {
        if self.bytes > READ_WHOLE_MAX_BYTES {
            return Ok(None);
        }
        let told: String = self.connection.query_row(DAMAGE, [], |row| row.get(0))?;
        Ok((told != "ok").then_some(told))
    }
}
