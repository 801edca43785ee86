//! The content of a table as one hash over its rows in the order of their keys.

use rusqlite::types::Value;
use sha2::{Digest as _, Sha256};

/// Counts and hashes rows.
#[derive(Clone, Default)]
pub(crate) struct TableDigest {
    rows: u64,
    hash: Sha256,
}

impl TableDigest {
    /// Adds a row. Each value is hashed with its type and its length, so that no two rows have the same input.
    pub(crate) fn row<'v>(&mut self, values: impl IntoIterator<Item = &'v Value>) {
        self.rows += 1;
        for value in values {
            let number;
            let (kind, bytes): (u8, &[u8]) = match value {
                Value::Null => (0, &[]),
                Value::Integer(integer) => {
                    number = integer.to_be_bytes();
                    (1, &number)
                }
                // No column has this type.
                Value::Real(real) => {
                    number = real.to_be_bytes();
                    (2, &number)
                }
                Value::Text(text) => (3, text.as_bytes()),
                Value::Blob(blob) => (4, blob),
            };
            self.hash.update([kind]);
            self.hash.update((bytes.len() as u64).to_be_bytes());
            self.hash.update(bytes);
        }
    }

    /// The number of rows, and their hash.
    pub(crate) fn finish(self) -> (u64, [u8; 32]) {
        (self.rows, self.hash.finalize().into())
    }
}
