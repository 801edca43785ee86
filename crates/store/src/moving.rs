//! Moving house: a gateway's whole content from a SQLite file to a PostgreSQL database, page by page. A move that was
//! broken off goes on where it stopped. At the end both sides are counted and hashed, and only then the source is
//! marked as moved and the target opened to gateways.

pub(crate) mod digest;
pub(crate) mod tables;

use rusqlite::types::Value;
use serde::{Deserialize, Serialize};

use self::digest::TableDigest;
use self::tables::{TABLES, Table};
use crate::StoreError;
use crate::error::{EVIDENCE_PLACE, IDENTITY, MOVED_TO, SWEEP_FENCE};
use crate::examine::text;
use crate::location::{Location, PostgresAddress};
use crate::postgres::Target;
use crate::sqlite::Source;

/// Rows of one transaction: a second's work at most, so little is done twice after a break.
const PAGE: usize = 2_000;
/// Single values that move; the others belong to the database that they lie in. `min_binary` follows from what the
/// tables hold, and so goes with them.
const VALUES: [&str; 6] = ["key_check", "nonce_bound", "min_binary", IDENTITY, EVIDENCE_PLACE, SWEEP_FENCE];

/// Why a move did not come to its end; each sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
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
    Moved(String),
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

impl From<rusqlite::Error> for MoveError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// How far a move has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoveProgress {
    /// What is being done to which table.
    pub step: MoveStep,
    /// The table.
    pub table: &'static str,
    /// Rows moved or verified so far, of all tables.
    pub rows: u64,
    /// Rows that there are in all.
    pub of: u64,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveStep {
    /// Rows are copied.
    Copying,
    /// Both sides are read and compared.
    Verifying,
}

/// A table that is the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MovedTable {
    /// Its name.
    pub name: &'static str,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 over its rows in the order of their keys, as hex digits.
    pub sha256: String,
}

/// Where a move stands: written into the target with each page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// The check value of the source's master key, which tells it from others.
    source: String,
    /// The table that is being copied.
    table: String,
    /// The key of its last row that was.
    after: Vec<Cell>,
}

/// A value of a key, as the mark keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Cell {
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&Value> for Cell {
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

impl From<Cell> for Value {
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Number(number) => Self::Integer(number),
            Cell::Text(text) => Self::Text(text),
            Cell::Bytes(bytes) => Self::Blob(bytes),
        }
    }
}

/// A move that can be run.
pub struct Move {
    source: Source,
    target: Target,
    mark: Mark,
    /// How the target is told to people: without its password.
    told: String,
    /// Where the evidence lies from then on, if it goes along.
    evidence_place: Option<String>,
    rows: u64,
}

impl Move {
    /// Opens both sides and finds out where to begin. Nothing is written yet but the target's empty schema.
    ///
    /// The caller must hold the lock of the source's directory, so that no gateway serves from it meanwhile.
    ///
    /// # Errors
    /// [`MoveError`] where they cannot be moved.
    pub async fn open(from: &Location, to: &Location) -> Result<Self, MoveError> {
        let (Location::Sqlite(path), Location::Postgres(PostgresAddress(address))) = (from, to) else {
            return Err(MoveError::Direction);
        };
        let source = Source::open(path)?;
        let told = address.told();
        let moved_to = source.meta(MOVED_TO)?.as_deref().map(text);
        let target = Target::open(address).await?.ok_or(MoveError::Busy)?;
        let mark = target.mark().await?;
        // Between the last two steps of a move both marks are there.
        if let Some(moved_to) = moved_to
            && (moved_to != told || mark.is_none())
        {
            return Err(MoveError::Moved(moved_to));
        }
        let name = hex::encode(source.meta("key_check")?.unwrap_or_default());
        let mark = match mark {
            None if target.is_empty().await? => {
                Mark { source: name, table: String::new(), after: Vec::new() }
            }
            None => return Err(MoveError::NotEmpty),
            Some(mark) => {
                let unreadable = |_| StoreError::Unreadable("the mark of a move".to_owned());
                let mark: Mark = serde_json::from_slice(&mark).map_err(unreadable)?;
                if mark.source != name {
                    return Err(MoveError::OtherSource);
                }
                mark
            }
        };
        let rows = TABLES.iter().map(|table| source.count(table)).sum::<rusqlite::Result<u64>>()?;
        Ok(Self { source, target, mark, told, evidence_place: None, rows })
    }

    /// Has the database told in its new place that the evidence lies in another one from then on.
    #[must_use]
    pub fn with_evidence_at(self, place: Option<String>) -> Self {
        Self { evidence_place: place, ..self }
    }

    /// The value that tells the right master key of the source.
    ///
    /// # Errors
    /// [`MoveError::Store`] where it cannot be read.
    pub fn key_check(&self) -> Result<Option<Vec<u8>>, MoveError> {
        Ok(self.source.meta("key_check")?)
    }

    /// Rows that there are to move.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether an earlier move into this target was broken off.
    pub fn goes_on(&self) -> bool {
        !self.mark.table.is_empty()
    }

    /// Moves, verifies, and switches over. May be dropped at any moment and begun again.
    ///
    /// # Errors
    /// [`MoveError::Differs`], or what one of the databases says; the next move goes on where this one stopped.
    pub async fn run(mut self, mut tell: impl FnMut(MoveProgress)) -> Result<Vec<MovedTable>, MoveError> {
        let mut values: Vec<(&str, Vec<u8>)> = VALUES
            .into_iter()
            .filter_map(|name| self.source.meta(name).map(|value| Some((name, value?))).transpose())
            .collect::<rusqlite::Result<_>>()?;
        // Of two values under one name the later one counts.
        values.extend(self.evidence_place.take().map(|place| (EVIDENCE_PLACE, place.into_bytes())));
        self.target.begin(&self.written(), &values).await?;
        let mut rows = 0;
        for table in TABLES {
            rows = self.copy(table, rows, &mut tell).await?;
        }
        let mut moved = Vec::with_capacity(TABLES.len());
        let mut verified = 0;
        for table in TABLES {
            let done = self.verify(table).await?;
            verified += done.rows;
            tell(MoveProgress {
                step: MoveStep::Verifying,
                table: table.name,
                rows: verified,
                of: self.rows,
            });
            moved.push(done);
        }
        // In this order: between the two nobody can serve from either, and the move can be run again.
        self.source.mark_moved(&self.told)?;
        self.target.finish().await?;
        Ok(moved)
    }

    /// Copies what of a table has not been copied yet, and tells how many rows there are up to its end.
    async fn copy(
        &mut self,
        table: &'static Table,
        before: u64,
        tell: &mut impl FnMut(MoveProgress),
    ) -> Result<u64, MoveError> {
        let after = before + self.source.count(table)?;
        let place = |name: &str| TABLES.iter().position(|table| table.name == name);
        if place(table.name) < place(&self.mark.table) {
            return Ok(after);
        }
        if self.mark.table != table.name {
            (self.mark.table, self.mark.after) = (table.name.to_owned(), Vec::new());
        }
        let mut rows = before;
        loop {
            let key: Vec<Value> = self.mark.after.iter().cloned().map(Value::from).collect();
            let page = self.source.page(table, &key, PAGE)?;
            let Some(last) = page.last() else { return Ok(after) };
            self.mark.after = last.iter().take(table.key).map(Cell::from).collect();
            self.target.write(table, &page, &self.written()).await?;
            // What an earlier move copied of this table is not counted again; the end of the table makes up for it.
            rows = (rows + page.len() as u64).min(after);
            tell(MoveProgress { step: MoveStep::Copying, table: table.name, rows, of: self.rows });
        }
    }

    async fn verify(&self, table: &'static Table) -> Result<MovedTable, MoveError> {
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
            return Err(MoveError::Differs { table: table.name, source_rows, target_rows });
        }
        Ok(MovedTable { name: table.name, rows: source_rows, sha256: hex::encode(sha256) })
    }

    fn written(&self) -> Vec<u8> {
        // A mark is made of texts and numbers alone, which JSON always takes.
        serde_json::to_vec(&self.mark).unwrap_or_default()
    }
}
