//! The tables to migrate: all but `meta`, with their columns. A test compares the list with both schemas.

/// The type of a column in either database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Flag,
    Text,
    Bytes,
}

impl Kind {
    /// The type of a PostgreSQL array of such values.
    pub(crate) const fn array(self) -> &'static str {
        match self {
            Self::Number => "bigint[]",
            Self::Flag => "boolean[]",
            Self::Text => "text[]",
            Self::Bytes => "bytea[]",
        }
    }
}

/// A table, with its columns in the order in which they are read and written.
#[derive(Debug)]
pub(crate) struct TableSchema {
    pub(crate) name: &'static str,
    /// How many of the columns, from the first on, are its primary key.
    pub(crate) key: usize,
    pub(crate) columns: &'static [(&'static str, Kind)],
}

impl TableSchema {
    pub(crate) fn column_list(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    pub(crate) fn key_columns(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        self.columns.iter().take(self.key).copied()
    }
}

use Kind::{Bytes, Flag, Number, Text};

/// All tables, those that are referred to first.
pub(crate) const TABLES: &[TableSchema] = &[
    TableSchema {
        name: "merchants",
        key: 1,
        columns: &[("merchant_id", Number), ("name", Text), ("time_zone", Text), ("created_at", Number)],
    },
    TableSchema {
        name: "apps",
        key: 1,
        columns: &[
            ("app_id", Bytes),
            ("merchant_id", Number),
            ("scheme", Text),
            ("enabled", Flag),
            ("notify_url", Text),
            ("created_at", Number),
        ],
    },
    TableSchema {
        name: "secrets",
        key: 1,
        columns: &[
            ("secret_id", Bytes),
            ("app_id", Bytes),
            ("sealed", Bytes),
            ("created_at", Number),
            ("expires_at", Number),
            ("first_used_at", Number),
        ],
    },
    TableSchema {
        name: "tokens",
        key: 1,
        columns: &[
            ("name", Text),
            ("hash", Bytes),
            ("created_at", Number),
            ("role", Text),
            ("revoked_at", Number),
        ],
    },
    TableSchema {
        name: "disputes",
        key: 1,
        columns: &[
            ("dispute_id", Number),
            ("dispute_no", Text),
            ("merchant_id", Number),
            ("status", Text),
            ("stage", Text),
            ("deadline", Number),
            ("sequence", Number),
            ("head", Bytes),
            ("last_entry", Number),
            ("submission_number", Number),
            ("submission_stage", Text),
            ("submission_fingerprint", Bytes),
            ("opening", Bytes),
            ("payment_no", Text),
            ("merchant_trade_no", Text),
            ("payment_amount", Number),
            ("dispute_amount", Number),
            ("currency", Text),
            ("dispute_reason", Text),
            ("reason_code", Text),
            ("rrn", Text),
            ("created_at", Number),
        ],
    },
    TableSchema {
        name: "dispute_queue",
        key: 3,
        columns: &[("status", Text), ("position", Number), ("dispute_id", Number)],
    },
    TableSchema {
        name: "history",
        key: 1,
        columns: &[
            ("entry_id", Number),
            ("dispute_id", Number),
            ("previous", Number),
            ("sequence", Number),
            ("at", Number),
            ("event", Text),
            ("actor", Text),
            ("detail", Text),
            ("hash", Bytes),
        ],
    },
    TableSchema {
        name: "submissions",
        key: 1,
        columns: &[
            ("entry_id", Number),
            ("number", Number),
            ("stage", Text),
            ("submitted_at", Number),
            ("fingerprint", Bytes),
            ("evidence", Text),
        ],
    },
    TableSchema {
        name: "uploads",
        key: 1,
        columns: &[
            ("url", Text),
            ("sha256", Bytes),
            ("size", Number),
            ("media_type", Text),
            ("uploaded_at", Number),
            ("inspection", Text),
        ],
    },
    TableSchema { name: "unreferenced_uploads", key: 2, columns: &[("uploaded_at", Number), ("url", Text)] },
    TableSchema { name: "marked_uploads", key: 1, columns: &[("url", Text), ("marked_at", Number)] },
    TableSchema {
        name: NONCES,
        key: 3,
        columns: &[("timestamp", Number), ("app_id", Bytes), ("nonce", Text)],
    },
    TableSchema {
        name: "idempotency_keys",
        key: 2,
        columns: &[
            ("token", Text),
            ("key", Text),
            ("request", Bytes),
            ("answer", Text),
            ("created_at", Number),
        ],
    },
    TableSchema { name: "outbox", key: 1, columns: &[("entry_id", Number), ("created_at", Number)] },
];

/// Nonces at or below the bound are refused without a lookup, and not migrated.
pub(crate) const NONCES: &str = "nonces";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Name, type and position in the primary key.
    fn columns_of(connection: &rusqlite::Connection, table: &str) -> Vec<(String, String, i64)> {
        let mut select =
            connection.prepare("SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY name").unwrap();
        let columns = select.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        columns.map(Result::unwrap).collect()
    }

    #[test]
    fn every_table_and_column_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rebuttal.db");
        drop(crate::sqlite::Writer::open(&path).unwrap());
        let connection = rusqlite::Connection::open(&path).unwrap();
        let mut select = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
        let names = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let stay = ["meta", "refinery_schema_history", "sqlite_sequence"];
        let there: BTreeSet<String> =
            names.map(Result::unwrap).filter(|name| !stay.contains(&name.as_str())).collect();
        assert_eq!(there, TABLES.iter().map(|table| table.name.to_owned()).collect());

        for table in TABLES {
            let mut known: Vec<_> = (1..)
                .zip(table.columns)
                .map(|(place, (name, kind))| {
                    let sqlite = match kind {
                        Number | Flag => "INTEGER",
                        Text => "TEXT",
                        Bytes => "BLOB",
                    };
                    let in_key = if place <= table.key as i64 { place } else { 0 };
                    ((*name).to_owned(), sqlite.to_owned(), in_key)
                })
                .collect();
            known.sort();
            assert_eq!(columns_of(&connection, table.name), known, "{}", table.name);
        }
    }
}
