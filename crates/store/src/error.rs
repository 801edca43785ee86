//! Errors of a database, by what the caller can do.

use rusqlite::ErrorCode;

use crate::examined::Defect;

/// A pooler in transaction mode.
pub(crate) const TRANSACTION_POOLER: &str = "a pooler between the gateway and the database is in transaction mode; settings and \
    prepared statements get lost or end up in other sessions. Set it to session mode";

/// Why a database URL is refused. It does not quote the URL, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the database URL is not valid: {0}")]
pub struct InvalidLocation(pub(crate) String);

/// The database could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The schema was made by a newer version that this one would damage.
    #[error(
        "the database needs a binary of schema generation {min_binary} or later, and this one is {}; \
         start a newer version of rebuttal",
        crate::SCHEMA_GENERATION
    )]
    TooNew {
        /// The oldest generation that may open it.
        min_binary: u32,
    },
    /// The data was migrated to another database.
    #[error(
        "this database was migrated to {to}; set database_url to that. To serve from this one and lose what was changed there, \
         delete the row migrated_to from its table meta"
    )]
    DataMigrated {
        /// The target, without a password.
        to: String,
    },
    /// A data migration into this database was interrupted.
    #[error(
        "a data migration into this database is not finished; run `rebuttal migrate` again, which continues unless a gateway \
         has served from the source since"
    )]
    DataMigrationUnfinished,
    /// A pooler in transaction mode is between gateway and server.
    #[error("{TRANSACTION_POOLER}")]
    TransactionPooler,
    /// The schema is not what this version's migrations make.
    #[error("the database cannot be served: {0}")]
    Schema(Defect),
    /// The schema could not be brought up to date.
    #[error(
        "the schema could not be migrated: {0}. The migration was rolled back. If disk and privileges are in order, the \
         schema is not what its migration history says: keep the database as it is, and restore it whole from a backup"
    )]
    Migration(#[from] Box<refinery::Error>),
    /// The database answered with an error.
    #[error("the database failed: {0}")]
    Database(Box<dyn std::error::Error + Send + Sync>),
    /// The database server could not be reached, is starting or stopping, or was too busy; a retry may succeed.
    #[error("the database failed: {0}")]
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
    /// The file is damaged, or is not a database; retrying does not help.
    #[error(
        "the database file is damaged, or is not a gateway's database ({0}): stop the gateway, keep the file as it is, and \
         restore the database from a backup, without the -wal and -shm files of the damaged one, as \
         docs/operate/backup-and-restore.md describes"
    )]
    Damaged(String),
    /// A stored value is not what this version writes; retrying does not help.
    #[error("the database contains a value that this version cannot read: {0}")]
    Unreadable(String),
    /// The database can be read, but not written.
    #[error("the database cannot be written: {0}")]
    Commit(#[from] CommitError),
    /// A file could not be opened, or a thread not started.
    #[error("the database could not be opened: {0}")]
    Io(#[from] std::io::Error),
}

impl StoreError {
    /// Whether a retry may succeed.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Commit(CommitError::Unavailable(_)))
    }
}

/// A change was not answered with an outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Nothing was changed: the queue was full, the wait took too long, or the database refused the transaction.
    #[error("nothing was changed: {0}")]
    Unavailable(String),
    /// Whether the change was committed is unknown.
    #[error("whether the change was committed is unknown: {0}")]
    Unknown(String),
    /// The database refuses this change permanently; nothing was changed.
    #[error("the change cannot be stored: {0}")]
    Failed(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            _ if is_of_data(&error) => Self::Unreadable(error.to_string()),
            _ => Self::Database(error.into()),
        }
    }
}

/// Whether an error is caused by the stored data rather than by a busy database or a failing disk.
pub(crate) fn is_of_data(error: &rusqlite::Error) -> bool {
    use rusqlite::Error;
    let stored = matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::InvalidColumnType(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..)
    );
    stored
        || matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch)
        )
}
