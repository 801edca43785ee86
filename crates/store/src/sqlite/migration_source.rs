//! The SQLite file that a data migration reads, page by page, and marks as migrated at the end.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, Result, params, params_from_iter};

use super::read_pool::Reader;
use super::statements::PUT_META;
use super::{dispute_queue, maintenance, schema};
use crate::StoreError;
use crate::meta::MIGRATED_TO;
use crate::tables::{NONCES, TableSchema};

pub(crate) struct MigrationSource {
    connection: Connection,
    /// Nonces at or below it are not migrated.
    pub(crate) nonce_bound: i64,
}

impl MigrationSource {
    /// Opens the file, which must exist, and migrates its schema.
    pub(crate) fn open(path: &Path) -> std::result::Result<Self, StoreError> {
        if !path.is_file() {
            let missing = format!("there is no database at {}", path.display());
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, missing).into());
        }
        let connection = schema::open_writer(path)?;
        dispute_queue::delete_all_stale(&connection)?;
        let nonce_bound = maintenance::nonce_bound(&connection)?;
        Ok(Self { connection, nonce_bound })
    }

    pub(crate) fn meta(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Reader::on(&self.connection).meta(name)
    }

    /// Stores where the data was migrated to, so that no gateway serves from this file by mistake.
    pub(crate) fn mark_migrated(&self, to: &str) -> Result<()> {
        self.connection.execute(PUT_META, params![MIGRATED_TO, to.as_bytes()]).map(drop)
    }

    pub(crate) fn count(&self, table: &TableSchema) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {} {}", table.name, self.condition(table, "WHERE"));
        self.connection.query_row(&sql, [], |row| row.get(0))
    }

    /// At most `limit` rows in the order of the key, after a key.
    pub(crate) fn page(&self, table: &TableSchema, after: &[Value], limit: usize) -> Result<Vec<Vec<Value>>> {
        let key: Vec<_> = table.key_columns().map(|(name, _)| name).collect();
        let key = key.join(", ");
        let condition = match after {
            [] => self.condition(table, "WHERE"),
            after => {
                let parameters: Vec<_> = (1..=after.len()).map(|number| format!("?{number}")).collect();
                format!("WHERE ({key}) > ({}) {}", parameters.join(", "), self.condition(table, "AND"))
            }
        };
        let columns = table.column_list();
        let sql = format!("SELECT {columns} FROM {} {condition} ORDER BY {key} LIMIT {limit}", table.name);
        let mut select = self.connection.prepare_cached(&sql)?;
        let width = table.columns.len();
        let rows = select.query_map(params_from_iter(after), |row| {
            (0..width).map(|column| row.get::<_, Value>(column)).collect()
        })?;
        rows.collect()
    }

    fn condition(&self, table: &TableSchema, word: &str) -> String {
        match table.name {
            NONCES => format!("{word} timestamp > {}", self.nonce_bound),
            _ => String::new(),
        }
    }
}
