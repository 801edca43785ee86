//! The result of examining a database, and what may be wrong with one.

use std::time::Instant;

use rebuttal_protocol::UnixMillis;

use crate::SCHEMA_GENERATION;
use crate::accounts::{EncryptedAppSecret, KeyCheck};
use crate::meta::{KEY_CHECK, MIN_BINARY, NONCE_BOUND, number, text};

/// Most app secrets that are read; it takes about a second.
pub(crate) const ENCRYPTED_SECRETS_MAX: u32 = 100_000;

/// The result of examining a database.
#[derive(Debug, Clone, Default)]
pub struct Examined {
    /// The check value of the master key; `None` until a gateway has started on it.
    pub key_check: Option<KeyCheck>,
    /// Random id of the installation, once a gateway has served.
    pub identity: Option<Vec<u8>>,
    /// Timestamps at or below it are refused.
    pub nonce_bound: Option<UnixMillis>,
    /// The newest entry of any dispute's history.
    pub newest_entry_at: Option<UnixMillis>,
    /// The database server's time and when it was read; `None` for SQLite.
    pub server_time: Option<(UnixMillis, Instant)>,
    /// Location of the evidence store, once a gateway has served.
    pub evidence_location: Option<String>,
    /// The fencing token of the bucket, once a gateway of this database has deleted uploads.
    pub sweep_fence: Option<String>,
    /// Whether any upload is recorded.
    pub has_uploads: bool,
    /// Whether the token in question is active; `None` where that was not checked.
    pub knows_token: Option<bool>,
    /// The apps' encrypted secrets, 100,000 at most.
    pub encrypted_secrets: Vec<EncryptedAppSecret>,
    /// What is wrong with it.
    pub defects: Vec<Defect>,
}

/// A defect of a database. Each message says what is wrong, why it matters, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// There is no schema: no gateway has started on it.
    #[error("no gateway has started on this database yet; the first start creates its tables")]
    Empty,
    /// A newer version has migrated the schema.
    #[error(
        "a newer version of rebuttal has added to the schema: migration {0}. Both versions can serve; finish the upgrade, so \
         that every gateway runs the newer one"
    )]
    Ahead(String),
    /// This version has migrations that are not applied yet.
    #[error(
        "an older version of rebuttal made the schema, without migration {0}: the next start of this version applies it. \
         Take a backup before"
    )]
    Behind(String),
    /// A migration of the same number was a different one.
    #[error(
        "migration {0} was applied by another build of rebuttal and differs from this binary's: start a binary of the version \
         that served this database"
    )]
    OtherSchema(String),
    /// The migration history, or a table or column that migrations created, is missing.
    #[error(
        "the schema is incomplete: {0}. Something other than rebuttal has changed it, or only a part of it was restored. Stop \
         every gateway, keep the database as it is, and restore it whole from a backup"
    )]
    Incomplete(String),
    /// A newer version created the schema.
    #[error("the schema needs a binary of generation {0} or later; start a newer version of rebuttal")]
    TooNew(u32),
    /// The data was migrated elsewhere.
    #[error("the data was migrated to {0}; set database_url to that")]
    DataMigrated(String),
    /// A data migration into it was interrupted.
    #[error("a data migration into this database is not finished; run `rebuttal migrate` again")]
    DataMigrationUnfinished,
    /// The file is inconsistent.
    #[error(
        "the file is damaged ({0}): stop the gateway, keep the file as it is, and restore the database from a backup (see \
         docs/operate/backup-and-restore.md)"
    )]
    Damaged(String),
    /// Reading failed, probably because of the defects reported before.
    #[error("the rest could not be read: {0}")]
    Unreadable(String),
    /// A setting of the server, or a missing privilege, endangers what a gateway promises.
    #[error("{0}")]
    Server(String),
}

impl Defect {
    /// Whether tables may be missing.
    pub(crate) const fn hides(&self) -> bool {
        matches!(self, Self::Empty | Self::Incomplete(_) | Self::OtherSchema(_))
    }

    /// Whether a gateway of this version could not serve correctly.
    pub const fn is_fault(&self) -> bool {
        !matches!(self, Self::Empty | Self::Ahead(_) | Self::Behind(_))
    }

    /// Whether this version can nevertheless read everything it knows of.
    pub const fn lets_read(&self) -> bool {
        matches!(self, Self::Server(_) | Self::Ahead(_))
    }
}

/// Defects that the rows of `meta` show: `min_binary`, `migrated_to`, `data_migration`, and a missing `nonce_bound`
/// or `key_check`. An unfinished data migration has not copied the latter yet.
pub(crate) fn meta_defects(
    [min_binary, migrated_to, unfinished]: [Option<Vec<u8>>; 3],
    [has_bound, has_check]: [bool; 2],
) -> Vec<Defect> {
    let missing = [
        (MIN_BINARY, min_binary.is_some()),
        (NONCE_BOUND, has_bound),
        (KEY_CHECK, has_check || unfinished.is_some()),
    ];
    let missing = missing.into_iter().find(|(_, is_there)| !is_there).map(|(name, _)| missing_value(name));
    let too_new =
        min_binary.as_deref().and_then(number).and_then(|generation| u32::try_from(generation).ok());
    let too_new = too_new.filter(|generation| *generation > SCHEMA_GENERATION).map(Defect::TooNew);
    let moved = migrated_to.map(|to| Defect::DataMigrated(text(&to)));
    let defects = missing.into_iter().chain(too_new).chain(moved);
    defects.chain(unfinished.map(|_| Defect::DataMigrationUnfinished)).collect()
}

/// A value that the first migration writes is missing.
pub(crate) fn missing_value(name: &str) -> Defect {
    Defect::Incomplete(format!("the row {name} of the table meta is missing"))
}

/// Whether migrations are pending.
pub(crate) fn is_behind(schema: &[Defect]) -> bool {
    schema.iter().any(|defect| matches!(defect, Defect::Behind(_)))
}
