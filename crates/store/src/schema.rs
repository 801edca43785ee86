//! Whether a schema is what this binary's migrations make: by what either database tells of its tables, and by the
//! record that the migrations leave. A record alone proves nothing; a table may be gone that it tells of.

mod parts;

use std::collections::BTreeSet;

use refinery::Migration;

use crate::examine::Defect;
use crate::migrate_data::tables::TABLES;
use crate::{StoreError, sqlite};
use parts::Missing;
pub(crate) use parts::Part;

/// The table that migrations write themselves down in.
pub(crate) const MIGRATIONS_TABLE: &str = "refinery_schema_history";
/// The table that everything else of a database is told in.
const META: &str = "meta";
const META_COLUMNS: [&str; 2] = ["name", "value"];

/// What a database tells of its schema.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Each migration that was made: its version, name and checksum.
    pub(crate) migrations: Vec<(i32, String, String)>,
    /// Each column that is there, with its table before it.
    pub(crate) columns: BTreeSet<(String, String)>,
    /// What the tables have beside their columns.
    pub(crate) parts: BTreeSet<Part>,
}

impl Told {
    /// What is wrong with it. What pending migrations would make is not missed.
    ///
    /// # Errors
    /// Where there is no memory to make the tables in that it is compared with.
    pub(crate) fn defects(&self, known: &[Migration]) -> Result<Vec<Defect>, StoreError> {
        let has_tables = wanted().any(|(table, _)| self.has_table(table));
        if !has_tables && self.migrations.is_empty() {
            return Ok(vec![Defect::Empty]);
        }
        let made = |version: i32| self.migrations.iter().find(|(made, ..)| *made == version);
        let named = |version: i32, name: &str| format!("{version} ({name})");
        let is_other = |migration: &&Migration| {
            made(migration.version()).is_some_and(|(_, name, checksum)| {
                *name != migration.name() || *checksum != migration.checksum().to_string()
            })
        };
        let of = |migrations: Vec<&Migration>| {
            migrations.iter().map(|one| named(one.version(), one.name())).collect::<Vec<_>>().join(", ")
        };
        let others: Vec<_> = known.iter().filter(is_other).collect();
        let pending: Vec<_> = known.iter().filter(|one| made(one.version()).is_none()).collect();
        let is_known = |version: i32| known.iter().any(|one| one.version() == version);
        let unknown = self.migrations.iter().filter(|(version, ..)| !is_known(*version));
        let unknown: Vec<_> = unknown.map(|(version, name, _)| named(*version, name)).collect();

        let mut defects = Vec::new();
        if !others.is_empty() {
            defects.push(Defect::OtherSchema(of(others)));
        } else if known.first().is_some_and(|first| made(first.version()).is_none()) {
            let record = "the record of its migrations in the table refinery_schema_history";
            defects.push(Defect::Incomplete(record.to_owned()));
        } else if !pending.is_empty() {
            defects.push(Defect::Behind(of(pending)));
        } else {
            defects.extend(self.losses(known)?);
        }
        if !unknown.is_empty() {
            defects.push(Defect::Ahead(unknown.join(", ")));
        }
        Ok(defects)
    }

    /// Refuses what keeps a gateway from serving; gives what it serves in spite of.
    pub(crate) fn refuse_defects(&self, known: &[Migration]) -> Result<Vec<Defect>, StoreError> {
        let mut borne = Vec::new();
        for defect in self.defects(known)? {
            match defect {
                Defect::OtherSchema(_) | Defect::Incomplete(_) => return Err(StoreError::Schema(defect)),
                Defect::Unguarded(_) | Defect::Unindexed { .. } | Defect::Ahead(_) => borne.push(defect),
                _ => {}
            }
        }
        Ok(borne)
    }

    /// What is gone that every migration together made: tables and columns first, for they take the rest with them.
    fn losses(&self, known: &[Migration]) -> Result<Vec<Defect>, StoreError> {
        if let Some(missing) = self.missing() {
            return Ok(vec![Defect::Incomplete(missing)]);
        }
        let Missing { keys, safeguards, indexes, remedies } =
            Missing::of(&sqlite::parts_of_migrations()?, &self.parts, known);
        if !keys.is_empty() {
            return Ok(vec![Defect::Incomplete(keys.join(", "))]);
        }
        let unguarded = (!safeguards.is_empty()).then(|| Defect::Unguarded(safeguards.join(", ")));
        let unindexed = || Defect::Unindexed { indexes: indexes.join(", "), again: remedies.join(" ") };
        let unindexed = (!indexes.is_empty()).then(unindexed);
        Ok(unguarded.into_iter().chain(unindexed).collect())
    }

    fn has_table(&self, table: &str) -> bool {
        self.columns.iter().any(|(there, _)| there == table)
    }

    /// The tables that are not there, and of the others the columns.
    fn missing(&self) -> Option<String> {
        let mut missing = Vec::new();
        for (table, columns) in wanted() {
            if !self.has_table(table) {
                missing.push(format!("the table {table}"));
                continue;
            }
            let is_there = |column: &str| self.columns.contains(&(table.to_owned(), column.to_owned()));
            let lacking = columns.into_iter().filter(|column| !is_there(column));
            missing.extend(lacking.map(|column| format!("the column {column} of {table}")));
        }
        (!missing.is_empty()).then(|| missing.join(", "))
    }
}

/// Every table with its columns.
fn wanted() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let moved =
        TABLES.iter().map(|table| (table.name, table.columns.iter().map(|(name, _)| *name).collect()));
    std::iter::once((META, META_COLUMNS.to_vec())).chain(moved)
}
