//! What can go wrong with a database, by what the caller can do.

use crate::examine::Defect;
use crate::postgres::SessionError;

/// What tells the place that a database's evidence lies in.
pub(crate) const EVIDENCE_PLACE: &str = "evidence_place";
/// What tells an installation from every other one.
pub(crate) const IDENTITY: &str = "identity";
/// What tells the database whose sweeper may delete evidence from its copies.
pub(crate) const SWEEP_FENCE: &str = "sweep_fence";
/// The newest moment that a gateway knew to be the present.
pub(crate) const CLOCK_TRUSTED_AT: &str = "clock_trusted_at";
/// In a database that has been moved: where to.
pub(crate) const MIGRATED_TO: &str = "migrated_to";
/// In a database that is being moved into: how far the move has come.
pub(crate) const DATA_MIGRATION: &str = "data_migration";

/// What a pooler that does not pool by session does, and what to do about it.
pub(crate) const TRANSACTION_POOLER: &str = "something between the gateway and the database hands sessions out by transaction; \
    settings and prepared statements get lost or end up with others. Let it pool by session";

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
    /// The content was moved to another database.
    #[error(
        "this database was moved to {to}; set database_url to that. To serve from here after all, losing what was changed \
         there, delete the row migrated_to from its table meta"
    )]
    DataMigrated {
        /// Where to, without a password.
        to: String,
    },
    /// A move into this database was broken off.
    #[error(
        "a move into this database is not finished; run `rebuttal move` again, which goes on where it stopped unless a \
         gateway has served from the source since"
    )]
    DataMigrationUnfinished,
    /// A pooler stands between that hands one session to many.
    #[error("{TRANSACTION_POOLER}")]
    TransactionPooler,
    /// The schema is not what this version's migrations make.
    #[error("the database cannot be served: {0}")]
    Schema(Defect),
    /// The schema could not be brought up to date.
    #[error(
        "the database could not be migrated: {0}. Nothing of the migration stays. If neither the disk nor a right is at \
         fault, the schema is not what its record tells: keep the database as it is, and restore it whole from a backup"
    )]
    Migration(#[from] Box<refinery::Error>),
    /// The database answered with an error.
    #[error("the database failed: {0}")]
    Database(Box<dyn std::error::Error + Send + Sync>),
    /// A stored value is not what this version writes; reading it again changes nothing.
    #[error("the database holds what this version cannot read: {0}")]
    Unreadable(String),
    /// The database can be read and takes no changes.
    #[error("the database takes no changes: {0}")]
    Commit(#[from] CommitError),
    /// A file or thread could not be had.
    #[error("the database could not be reached: {0}")]
    Io(#[from] std::io::Error),
}

impl StoreError {
    /// Whether the same may succeed later without anybody's doing: a database server could not be reached, is starting
    /// or stopping, or was too busy.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(source) => {
                source.downcast_ref::<SessionError>().is_some_and(SessionError::is_transient)
            }
            Self::Commit(CommitError::Unavailable(_)) => true,
            _ => false,
        }
    }
}

/// A change was not answered with an outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Nothing was changed: too much was waiting, the wait took too long, or the database refused the transaction.
    #[error("nothing was changed: {0}")]
    Unavailable(String),
    /// Whether the change is there could not be learnt.
    #[error("the commit's fate could not be learnt: {0}")]
    Unknown(String),
    /// The database cannot take this change, now or later; nothing was changed.
    #[error("the change cannot be stored: {0}")]
    Failed(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match is_of_data(&error) {
            true => Self::Unreadable(error.to_string()),
            false => Self::Database(error.into()),
        }
    }
}

/// Whether an error comes from what is stored, rather than from the database being busy or its disk failing.
pub(crate) fn is_of_data(error: &rusqlite::Error) -> bool {
    use rusqlite::{Error, ErrorCode};
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
