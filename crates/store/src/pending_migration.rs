//! What a database records whose schema is older than this binary: it is compared with the configuration before the
//! schema is migrated, because older binaries may not be able to open it afterwards.

use crate::location::{Location, PostgresAddress};
use crate::meta::{EVIDENCE_LOCATION, KEY_CHECK, text};
use crate::{KeyCheck, StoreError, postgres, sqlite};

/// A database that the next [`crate::Store::open`] migrates.
#[derive(Debug, Clone)]
pub struct PendingMigration {
    /// The check value of the master key.
    pub key_check: Option<KeyCheck>,
    /// Location of the evidence store.
    pub evidence_location: Option<String>,
}

impl PendingMigration {
    /// Reads them; `None` where nothing is migrated, or the database is new.
    ///
    /// # Errors
    /// Where the database cannot be reached or read.
    pub async fn of(location: &Location) -> Result<Option<Self>, StoreError> {
        let values = match location {
            // What cannot be read is reported when it is opened.
            Location::Sqlite(path) => match sqlite::Inspector::at(path) {
                Ok(Some(file)) if file.is_behind() => [file.meta(KEY_CHECK)?, file.meta(EVIDENCE_LOCATION)?],
                _ => return Ok(None),
            },
            Location::Postgres(PostgresAddress(address)) => {
                match postgres::values_before_migration(address, [KEY_CHECK, EVIDENCE_LOCATION]).await? {
                    Some(values) => values,
                    None => return Ok(None),
                }
            }
        };
        let [key_check, evidence_location] = values;
        let evidence_location = evidence_location.as_deref().map(text);
        Ok(Some(Self { key_check: key_check.map(KeyCheck), evidence_location }))
    }
}
