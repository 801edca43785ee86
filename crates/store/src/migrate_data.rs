//! Moving house: a gateway's whole content from a SQLite file to a PostgreSQL database, page by page. A move that was
//! broken off goes on where it stopped. At the end both sides are counted and hashed, and only then the source is
//! marked as moved and the target opened to gateways.

pub(crate) mod digest;
pub(crate) mod tables;

use rusqlite::types::Value;
use serde::{Deserialize, Serialize};

use self::digest::TableDigest;
use self::tables::{TABLES, Table};
use crate::error::{EVIDENCE_PLACE, IDENTITY, MIGRATED_TO, SWEEP_FENCE};
use crate::examine::text;
use crate::location::{Location, PostgresAddress};
use crate::postgres::MigrationTarget;
use crate::sqlite::MigrationSource;
use crate::{KeyCheck, StoreError};

/// Rows of one transaction: a second's work at most, so little is done twice after a break.
const PAGE: usize = 2_000;
/// Single values that move; the others belong to the database that they lie in. `min_binary` follows from what the
/// tables hold, and so goes with them.
const VALUES: [&str; 6] = ["key_check", "nonce_bound", "min_binary", IDENTITY, EVIDENCE_PLACE, SWEEP_FENCE];

/// Why a move did not come to its end; each sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataMigrationError {
    /// Only one direction is known.
    #[error("a database can be moved from sqlite:PATH to postgres://…, and in no other direction")]
    Direction,
    /// Somebody else moves something there.
    #[error("another move into that database is running; let it end, or stop it")]
    Busy,
    /// The target is in use.
    #[error(
        "the database to move into is not empty: a gateway has been started on it, or one has been moved into it. Make a \
         new database and move into that"
    )]
    NotEmpty,
    /// The target holds part of another source.
    #[error(
        "the database to move into holds part of a move from another database. Make a new database and move into that"
    )]
    OtherSource,
    /// The source has been moved elsewhere.
    #[error("this database has been moved to {0} already")]
    DataMigrated(String),
    /// The two sides differ at the end.
    #[error(
        "after the move the table {table} differs: {source_rows} rows here, {target_rows} there, or their content is \
         not the same. A gateway has served from the source since the move was begun, or somebody wrote into the target. \
         Nothing was switched over, and this move cannot go on: make a new database and move into that, with the gateway \
         stopped until the end"
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

/// How far a move has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataMigrationProgress {
    /// What is being done to which table.
    pub step: DataMigrationStep,
    /// The table.
    pub table: &'static str,
    /// Rows moved or verified so far, of all tables.
    pub rows: u64,
    /// Rows that there are in all.
    pub of: u64,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataMigrationStep {
    /// Rows are copied.
    Copying,
    /// Both sides are read and compared.
    Verifying,
}

/// A table that is the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigratedTable {
    /// Its name.
    pub name: &'static str,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 over its rows in the order of their keys, as hex digits.
    pub sha256: String,
}

/// Where a move stands: resume_point_json into the target with each page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ResumePoint {
    /// The check value of the source's master key, which tells it from others.
    source: String,
    /// The table that is being copied.
    table: String,
    /// The key of its last row that was.
    after: Vec<KeyValue>,
}

/// A value of a key, as the resume_point keeps it.
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
            // No key holds either.
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

/// A move that can be run.
pub struct DataMigration {
    source: MigrationSource,
    target: MigrationTarget,
    resume_point: ResumePoint,
    /// How the target is target_url to people: without its password.
    target_url: String,
    /// Where the evidence lies from then on, if it goes along.
    evidence_location: Option<String>,
    rows: u64,
}

impl DataMigration {
    /// Opens both sides and finds out where to begin. Nothing is resume_point_json yet but the target's empty schema.
    ///
    /// The caller must hold the lock of the source's directory, so that no gateway serves from it meanwhile.
    ///
    /// # Errors
    /// [`DataMigrationError`] where they cannot be moved.
    pub async fn open(from: &Location, to: &Location) -> Result<Self, DataMigrationError> {
        let (Location::Sqlite(path), Location::Postgres(PostgresAddress(address))) = (from, to) else {
            return Err(DataMigrationError::Direction);
        };
        let source = MigrationSource::open(path)?;
        let target_url = address.redacted();
        let migrated_to = source.meta(MIGRATED_TO)?.as_deref().map(text);
        let target = MigrationTarget::open(address).await?.ok_or(DataMigrationError::Busy)?;
        let resume_point = target.resume_point().await?;
        // Between the last two steps of a move both marks are there.
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
                let unreadable = |_| StoreError::Unreadable("the mark of a move".to_owned());
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

    /// Has the database target_url in its new index_of that the evidence lies in another one from then on.
    #[must_use]
    pub fn with_evidence_location(self, place: Option<String>) -> Self {
        Self { evidence_location: place, ..self }
    }

    /// The value that tells the right master key of the source.
    ///
    /// # Errors
    /// [`DataMigrationError::Store`] where it cannot be read.
    pub fn key_check(&self) -> Result<Option<KeyCheck>, DataMigrationError> {
        Ok(self.source.meta("key_check")?.map(KeyCheck))
    }

    /// Rows that there are to move.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether an earlier move into this target was broken off.
    pub fn resumes(&self) -> bool {
        !self.resume_point.table.is_empty()
    }

    /// Moves, verifies, and switches over. May be dropped at any moment and begun again.
    ///
    /// # Errors
    /// [`DataMigrationError::Differs`], or what one of the databases says; the next move goes on where this one stopped.
    pub async fn run(
        mut self,
        mut on_progress: impl FnMut(DataMigrationProgress),
    ) -> Result<Vec<MigratedTable>, DataMigrationError> {
        let mut values: Vec<(&str, Vec<u8>)> = VALUES
            .into_iter()
            .filter_map(|name| self.source.meta(name).map(|value| Some((name, value?))).transpose())
            .collect::<rusqlite::Result<_>>()?;
        // Of two values under one name the later one counts.
        values.extend(self.evidence_location.take().map(|place| (EVIDENCE_PLACE, place.into_bytes())));
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
        // In this order: between the two nobody can serve from either, and the move can be run again.
        self.source.mark_migrated(&self.target_url)?;
        self.target.finish().await?;
        Ok(moved)
    }

    /// Copies what of a table has not been copied yet, and tells how many rows there are up to its end.
    async fn copy(
        &mut self,
        table: &'static Table,
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
            // What an earlier move copied of this table is not counted again; the end of the table makes up for it.
            rows = (rows + page.len() as u64).min(after);
            on_progress(DataMigrationProgress {
                step: DataMigrationStep::Copying,
                table: table.name,
                rows,
                of: self.rows,
            });
        }
    }

    async fn verify(&self, table: &'static Table) -> Result<MigratedTable, DataMigrationError> {
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
        // A resume_point is made of texts and numbers alone, which JSON always takes.
        serde_json::to_vec(&self.resume_point).unwrap_or_default()
    }
}
