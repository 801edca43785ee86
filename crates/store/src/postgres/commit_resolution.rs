//! Resolves a batch whose commit was sent and not answered, by transaction status.
//!
//! Two queries, in this order. Is the transaction still in progress? While it is, the outcome is not known. Then: is
//! the lane's marker of this batch stored? Each batch writes its number, in its transaction, into a row that only its
//! lane writes; so the marker is stored exactly if the batch is.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_postgres::error::SqlState;

use super::address::Address;
use super::rows;
use super::session::{LANE, Session, SessionError};
use super::statements::{HAS_BATCH_MARK, TRANSACTION_STATUS};

/// How long the status is queried.
pub(super) const RESOLVE_LIMIT: Duration = Duration::from_secs(5);
/// The pause between two queries.
const RESOLVE_INTERVAL: Duration = Duration::from_millis(50);

/// A batch that was sent.
pub(super) struct UnconfirmedBatch<'l> {
    pub(super) lane: &'l str,
    pub(super) batch: i64,
    /// The transaction's number, as the server wrote it.
    pub(super) transaction: &'l str,
}

/// The outcome of a batch.
///
/// A committed transaction number would not prove it: a server that crashes forgets numbers that are not written yet,
/// and assigns them again. Nor would a row that the batch saved, such as a nonce: another replica may have saved the
/// same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CommitStatus {
    Committed,
    /// It is not stored and never will be.
    Aborted,
    /// The server could not be queried.
    Unknown(String),
}

impl CommitStatus {
    /// Its label in metrics.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// Queries on new connections until the status is known, or the limit has passed.
pub(super) async fn resolve(address: &Address, sent: &UnconfirmedBatch<'_>) -> CommitStatus {
    let mut last = "the server did not answer, or the transaction is still in progress".to_owned();
    let resolving = async {
        loop {
            match status(address, sent).await {
                Ok(true) => return CommitStatus::Committed,
                Ok(false) => return CommitStatus::Aborted,
                Err(error) => last = error.to_string(),
            }
            sleep(RESOLVE_INTERVAL).await;
        }
    };
    timeout(RESOLVE_LIMIT, resolving).await.unwrap_or(CommitStatus::Unknown(last))
}

/// Whether it was committed, once it is no longer in progress.
async fn status(address: &Address, sent: &UnconfirmedBatch<'_>) -> Result<bool, SessionError> {
    let session = Session::open(address, LANE).await?;
    while is_in_progress(&session, sent).await? {
        sleep(RESOLVE_INTERVAL).await;
    }
    let marked = session.row(HAS_BATCH_MARK, &[&sent.lane, &sent.batch]).await?;
    let marked = marked.ok_or_else(|| SessionError::Unreadable("EXISTS without a row".to_owned()))?;
    rows::value(&marked, 0)
}

async fn is_in_progress(session: &Session, sent: &UnconfirmedBatch<'_>) -> Result<bool, SessionError> {
    match session.row(TRANSACTION_STATUS, &[&sent.transaction]).await {
        // Null: too old for the server's transaction status.
        Ok(row) => {
            let status: Option<String> = row.map(|row| rows::value(&row, 0)).transpose()?.flatten();
            Ok(status.as_deref() == Some("in progress"))
        }
        // A number from before a crash that the server has not assigned again yet.
        Err(error) if error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) => Ok(false),
        Err(error) => Err(error),
    }
}
