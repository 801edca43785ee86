//! What a table has beside its columns: keys, references and indexes. What there must be is what SQLite makes of its
//! migrations, for both databases, in the words that both tell.
//!
//! Invariant: both folders of migrations make the same parts; `tests/contract/schema.rs` compares them.

use std::collections::BTreeSet;

use refinery::Migration;

/// What kind of part a letter means, as `PARTS` of either database tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    PrimaryKey,
    UniqueKey,
    Reference,
    NeverNull,
    Index,
    /// An index of some rows alone. Of which, each database says in words of its own.
    PartialIndex,
}

/// A part of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    kind: Kind,
    table: String,
    /// In their order, separated by commas.
    columns: String,
    /// An index's name, or the table that is referred to.
    name: String,
}

/// A row of `PARTS`: the letter of its kind, table, columns, name.
pub(crate) type Row = (String, String, String, String);

impl Part {
    /// Reads a row; `None` of a kind that this version does not know.
    pub(crate) fn read((letter, table, columns, name): Row) -> Option<Self> {
        let kind = match letter.as_str() {
            "p" => Kind::PrimaryKey,
            "u" => Kind::UniqueKey,
            "f" => Kind::Reference,
            "n" => Kind::NeverNull,
            "i" => Kind::Index,
            "x" => Kind::PartialIndex,
            _ => return None,
        };
        Some(Self { kind, table, columns, name })
    }

    fn redacted(&self) -> String {
        let Self { kind, table, columns, name } = self;
        match kind {
            Kind::PrimaryKey => format!("the primary key of {table} ({columns})"),
            Kind::UniqueKey => format!("the unique key of {table} ({columns})"),
            Kind::Reference => format!("the reference of {table} ({columns}) to {name}"),
            Kind::NeverNull => format!("the rule that {columns} of {table} is never null"),
            Kind::Index | Kind::PartialIndex => format!("the index {name} of {table} ({columns})"),
        }
    }
}

/// The parts that are missing, by what becomes of a gateway without them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// What counting once rests on: nonces, numbers and keys that are there twice would go unseen.
    pub(crate) keys: Vec<String>,
    /// What keeps out of the database what no gateway writes.
    pub(crate) safeguards: Vec<String>,
    /// What only makes reading faster.
    pub(crate) indexes: Vec<String>,
    /// The statements that make the indexes again.
    pub(crate) remedies: Vec<String>,
}

impl Missing {
    pub(crate) fn of(wanted: &BTreeSet<Part>, there: &BTreeSet<Part>, migrations: &[Migration]) -> Self {
        let mut missing = Self::default();
        for part in wanted.difference(there) {
            let told = match part.kind {
                Kind::PrimaryKey | Kind::UniqueKey => &mut missing.keys,
                Kind::Reference | Kind::NeverNull => &mut missing.safeguards,
                Kind::Index | Kind::PartialIndex => {
                    missing.remedies.extend(made_by(migrations, &part.name));
                    &mut missing.indexes
                }
            };
            told.push(part.redacted());
        }
        missing
    }
}

/// The statement that makes an index, as the database's own migrations have it.
fn made_by(migrations: &[Migration], index: &str) -> Option<String> {
    let begins = format!("CREATE INDEX {index} ");
    let texts = migrations.iter().filter_map(Migration::sql);
    let statement = texts.flat_map(|text| text.split(';')).find_map(|piece| {
        let at = piece.find(&begins)?;
        piece.get(at..)
    });
    statement.map(|statement| format!("{};", statement.split_whitespace().collect::<Vec<_>>().join(" ")))
}
