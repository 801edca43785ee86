//! Whether a schema matches this binary's migrations, by the migration tool's history in the database. Other damage,
//! such as a dropped table, is found when the statements are prepared.

use refinery::Migration;

use crate::StoreError;
use crate::examined::Defect;

/// The table that refinery records migrations in.
pub(crate) const MIGRATIONS_TABLE: &str = "refinery_schema_history";

/// A migration that the database records as applied.
#[derive(Debug)]
pub(crate) struct AppliedMigration {
    pub(crate) version: i32,
    pub(crate) name: String,
    pub(crate) checksum: String,
}

/// Compares the migrations of this binary with those that the database records. `has_meta` is whether the table `meta`
/// exists, which the first migration creates.
pub(crate) fn history_defects(
    known: &[Migration],
    applied: &[AppliedMigration],
    has_meta: bool,
) -> Vec<Defect> {
    let Some(newest) = applied.iter().map(|migration| migration.version).max() else {
        let record = format!("the table {MIGRATIONS_TABLE} records no migration");
        return vec![if has_meta { Defect::Incomplete(record) } else { Defect::Empty }];
    };
    let record_of = |migration: &Migration| applied.iter().find(|row| row.version == migration.version());
    let list = |migrations: &[&Migration]| {
        let names = migrations.iter().map(|one| format!("{} ({})", one.version(), one.name()));
        names.collect::<Vec<_>>().join(", ")
    };
    let is_altered = |migration: &&Migration| {
        record_of(migration).is_some_and(|row| {
            row.name != migration.name() || row.checksum != migration.checksum().to_string()
        })
    };
    let altered: Vec<_> = known.iter().filter(is_altered).collect();
    let (skipped, pending): (Vec<_>, Vec<_>) = known
        .iter()
        .filter(|migration| record_of(migration).is_none())
        .partition(|migration| migration.version() < newest);
    let is_unknown =
        |row: &&AppliedMigration| known.iter().all(|migration| migration.version() != row.version);
    let unknown = applied.iter().filter(is_unknown).map(|row| format!("{} ({})", row.version, row.name));
    let unknown = unknown.collect::<Vec<_>>().join(", ");

    let mut defects = Vec::new();
    if !altered.is_empty() {
        defects.push(Defect::OtherSchema(list(&altered)));
    } else if !skipped.is_empty() {
        defects.push(Defect::Incomplete(format!(
            "the table {MIGRATIONS_TABLE} does not record migration {}",
            list(&skipped)
        )));
    } else if !pending.is_empty() {
        defects.push(Defect::Behind(list(&pending)));
    }
    if !unknown.is_empty() {
        defects.push(Defect::Ahead(unknown));
    }
    defects
}

/// Refuses a database that must not be served.
pub(crate) fn refuse_unservable(defects: Vec<Defect>) -> Result<Vec<Defect>, StoreError> {
    let is_fatal = |defect: &Defect| matches!(defect, Defect::OtherSchema(_) | Defect::Incomplete(_));
    match defects.iter().find(|defect| is_fatal(defect)) {
        Some(defect) => Err(StoreError::Schema(defect.clone())),
        None => Ok(defects),
    }
}
