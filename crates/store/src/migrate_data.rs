//! Migrates a gateway's data from a SQLite file to a PostgreSQL database, page by page. An interrupted migration
//! continues where it stopped. At the end both sides are counted and hashed; only then is the source marked as
//! migrated, and the target opened to gateways.

use rusqlite::types::Value;
use serde::{Deserialize, Serialize};

use crate::location::{Location, PostgresAddress};
use crate::meta::{EVIDENCE_LOCATION, IDENTITY, MIGRATED_TO, SWEEP_FENCE, text};
use crate::postgres::MigrationTarget;
use crate::sqlite::MigrationSource;
use crate::table_digest::TableDigest;
use crate::tables::{TABLES, TableSchema};
use crate::{KeyCheck, StoreError};

/// Rows of one transaction, about a second of work, so that little is repeated after an interruption.
const PAGE: usize = 2_000;
/// Rows of `meta` that are migrated; the others belong to their database. `min_binary` follows from what the tables
/// hold.
const VALUES: [&str; 6] =
    ["key_check", "nonce_bound", "min_binary", IDENTITY, EVIDENCE_LOCATION, SWEEP_FENCE];

/// Why a data migration failed. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataMigrationError {
    /// Only one direction is supported.
    #[error("data can be migrated from sqlite:PATH to postgres://… only")]
    Direction,
    /// Another migration into the target is running.
    #[error("another data migration into that database is running; wait until it has finished, or stop it")]
    Busy,
    /// The target is in use.
    #[error(
        "the target database is not empty: a gateway has started on it, or data was migrated into it. Create a new database \
         and migrate into that"
    )]
    NotEmpty,
    /// The target holds part of another source.
    #[error(
        "the target database holds part of a data migration from another source. Create a new database and migrate into that"
    )]
    OtherSource,
    /// The source was migrated elsewhere.
    #[error("this database was already migrated to {0}")]
    DataMigrated(String),
    /// The two sides differ at the end.
    #[error(
        "after the migration the table {table} differs: {source_rows} rows in the source and {target_rows} in the target, or \
         their content. A gateway has served from the source since the migration began, or the target was written to. \
         Nothing was switched over, and this migration cannot continue: create a new database and migrate into that, with \
         the gateway stopped until the end"
    )]
    Differs {
        /// Which table.
        table: &'static str,
        /// Its rows in the source.
        source_rows: u64,
        /// Its rows in the target.
        target_rows: u64,
    },
    /// One of the databases failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for DataMigrationError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Progress of a data migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataMigrationProgress {
    /// The current step.
    pub step: DataMigrationStep,
    /// The table.
    pub table: &'static str,
    /// Rows copied or verified so far, of all tables.
    pub rows: u64,
    /// Rows of all tables.
    pub of: u64,
}

/// The steps of a data migration of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataMigrationStep {
    /// Rows are copied.
    Copying,
    /// Both sides are read and compared.
    Verifying,
}

/// A table that was migrated and verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigratedTable {
    /// Its name.
    pub name: &'static str,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 over its rows in the order of their keys, as hex digits.
    pub sha256: String,
}

/// Where a data migration continues: stored in the target with each page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ResumePoint {
    /// The check value of the source's master key, which identifies the source.
    source: String,
    /// The table that is being copied.
    table: String,
    /// The key of the last row that was copied.
    after: Vec<KeyValue>,
}

/// A value of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum KeyValue {
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&Value> for KeyValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Integer(number) => Self::Number(*number),
            Value::Text(text) => Self::Text(text.clone()),
            Value::Blob(bytes) => Self::Bytes(bytes.clone()),
            // No key column has these types.
            Value::Null | Value::Real(_) => Self::Number(0),
        }
    }
}

impl From<KeyValue> for Value {
    fn from(cell: KeyValue) -> Self {
        match cell {
            KeyValue::Number(number) => Self::Integer(number),
            KeyValue::Text(text) => Self::Text(text),
            KeyValue::Bytes(bytes) => Self::Blob(bytes),
        }
    }
}

/// A data migration that is ready to run.
pub struct DataMigration {
    source: MigrationSource,
    target: MigrationTarget,
    resume_point: ResumePoint,
    /// The target's URL without its password.
    target_url: String,
    /// Location of the evidence store after the migration, if it is migrated, too.
    evidence_location: Option<String>,
    rows: u64,
}

impl DataMigration {
    /// Opens both databases and reads where to continue. Only the target's empty schema is written.
    ///
    /// The caller must hold the lock of the source's directory, so that no gateway serves from it meanwhile.
    ///
    /// # Errors
    /// [`DataMigrationError`] where the data cannot be migrated.
    pub async fn open(from: &Location, to: &Location) -> Result<Self, DataMigrationError> {
        let (Location::Sqlite(path), Location::Postgres(PostgresAddress(address))) = (from, to) else {
            return Err(DataMigrationError::Direction);
        };
        let source = MigrationSource::open(path)?;
        let target_url = address.redacted();
        let migrated_to = source.meta(MIGRATED_TO)?.as_deref().map(text);
        let target = MigrationTarget::open(address).await?.ok_or(DataMigrationError::Busy)?;
        let resume_point = target.resume_point().await?;
        // Between the last two steps of a migration both rows are stored.
        if let Some(migrated_to) = migrated_to
            && (migrated_to != target_url || resume_point.is_none())
        {
            return Err(DataMigrationError::DataMigrated(migrated_to));
        }
        let name = hex::encode(source.meta("key_check")?.unwrap_or_default());
        let resume_point = match resume_point {
            None if target.is_empty().await? => {
                ResumePoint { source: name, table: String::new(), after: Vec::new() }
            }
            None => return Err(DataMigrationError::NotEmpty),
            Some(resume_point) => {
                let unreadable =
                    |_| StoreError::Unreadable("the row data_migration of the table meta".to_owned());
                let resume_point: ResumePoint = serde_json::from_slice(&resume_point).map_err(unreadable)?;
                if resume_point.source != name {
                    return Err(DataMigrationError::OtherSource);
                }
                resume_point
            }
        };
        let rows = TABLES.iter().map(|table| source.count(table)).sum::<rusqlite::Result<u64>>()?;
        Ok(Self { source, target, resume_point, target_url, evidence_location: None, rows })
    }

    /// Records another evidence store in the target.
    #[must_use]
    pub fn with_evidence_location(self, location: Option<String>) -> Self {
        Self { evidence_location: location, ..self }
    }

    /// The check value of the source's master key.
    ///
    /// # Errors
    /// [`DataMigrationError::Store`] where it cannot be read.
    pub fn key_check(&self) -> Result<Option<KeyCheck>, DataMigrationError> {
        Ok(self.source.meta("key_check")?.map(KeyCheck))
    }

    /// Rows to migrate.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Copies, verifies, and switches over. Can be interrupted at any time and run again.
    ///
    /// # Errors
    /// [`DataMigrationError::Differs`], or an error of one of the databases; the next run continues where this one
    /// stopped.
    pub async fn run(
        mut self,
        mut on_progress: impl FnMut(DataMigrationProgress),
    ) -> Result<Vec<MigratedTable>, DataMigrationError> {
        let mut values: Vec<(&str, Vec<u8>)> = VALUES
            .into_iter()
            .filter_map(|name| self.source.meta(name).map(|value| Some((name, value?))).transpose())
            .collect::<rusqlite::Result<_>>()?;
        // Of two values with the same name the later one is stored.
        values
            .extend(self.evidence_location.take().map(|location| (EVIDENCE_LOCATION, location.into_bytes())));
        self.target.begin(&self.resume_point_json(), &values).await?;
        let mut rows = 0;
        for table in TABLES {
            rows = self.copy(table, rows, &mut on_progress).await?;
        }
        let mut moved = Vec::with_capacity(TABLES.len());
        let mut verified = 0;
        for table in TABLES {
            let done = self.verify(table).await?;
            verified += done.rows;
            on_progress(DataMigrationProgress {
                step: DataMigrationStep::Verifying,
                table: table.name,
                rows: verified,
                of: self.rows,
            });
            moved.push(done);
        }
        // In this order: between the two steps no gateway can serve from either, and the migration can be run again.
        self.source.mark_migrated(&self.target_url)?;
        self.target.finish().await?;
        Ok(moved)
    }

    /// Copies the rows of a table that are not copied yet. Returns the number of rows up to its end.
    async fn copy(
        &mut self,
        table: &'static TableSchema,
        before: u64,
        on_progress: &mut impl FnMut(DataMigrationProgress),
    ) -> Result<u64, DataMigrationError> {
        let after = before + self.source.count(table)?;
        let index_of = |name: &str| TABLES.iter().position(|table| table.name == name);
        if index_of(table.name) < index_of(&self.resume_point.table) {
            return Ok(after);
        }
        if self.resume_point.table != table.name {
            (self.resume_point.table, self.resume_point.after) = (table.name.to_owned(), Vec::new());
        }
        let mut rows = before;
        loop {
            let key: Vec<Value> = self.resume_point.after.iter().cloned().map(Value::from).collect();
            let page = self.source.page(table, &key, PAGE)?;
            let Some(last) = page.last() else { return Ok(after) };
            self.resume_point.after = last.iter().take(table.key).map(KeyValue::from).collect();
            self.target.write(table, &page, &self.resume_point_json()).await?;
            // Rows that an earlier run copied are not counted until the end of the table.
            rows = (rows + page.len() as u64).min(after);
            on_progress(DataMigrationProgress {
                step: DataMigrationStep::Copying,
                table: table.name,
                rows,
                of: self.rows,
            });
        }
    }

    async fn verify(&self, table: &'static TableSchema) -> Result<MigratedTable, DataMigrationError> {
        let mut here = TableDigest::default();
        let mut key: Vec<Value> = Vec::new();
        loop {
            let page = self.source.page(table, &key, PAGE)?;
            let Some(last) = page.last() else { break };
            key = last.iter().take(table.key).cloned().collect();
            page.iter().for_each(|row| here.row(row));
        }
        let (source_rows, sha256) = here.finish();
        let (target_rows, found) = self.target.digest(table).await?.finish();
        if (source_rows, sha256) != (target_rows, found) {
            return Err(DataMigrationError::Differs { table: table.name, source_rows, target_rows });
        }
        Ok(MigratedTable { name: table.name, rows: source_rows, sha256: hex::encode(sha256) })
    }

    fn resume_point_json(&self) -> Vec<u8> {
        // Strings and numbers always serialize.
        serde_json::to_vec(&self.resume_point).unwrap_or_default()
    }
}
