//! A connection with the settings that the lanes depend on, and its prepared statements.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::address::{Address, CONNECT_LIMIT};
use super::tls::Tls;
use crate::StoreError;
use crate::committer::Failure;
use crate::error::TRANSACTION_POOLER;

/// A value of a statement.
pub(super) type Value<'v> = &'v (dyn ToSql + Sync);

/// Settings of a lane's session. A transaction may be idle for 2 s only, because it holds locks that others wait for.
/// The lock timeout is longer, so that a replica that freezes in the middle of a batch delays others without making
/// them fail; the statement timeout is longer still. Sequential scans are off: a lane reads all rows by their keys, and
/// a plan that was cached while the tables were small would be kept when they are large. A commit is answered when it
/// is on disk, whatever the server's default; `remote_apply` guarantees more and is not changed.
pub(super) const LANE: &str = "\
    SET idle_in_transaction_session_timeout = '2s'; SET lock_timeout = '3s'; SET statement_timeout = '4s'; \
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SELECT set_config('synchronous_commit', 'on', FALSE) WHERE current_setting('synchronous_commit') <> 'remote_apply'";

/// Settings of a reader's session. A list is planned each time, because its conditions vary. It is not read-only,
/// because a pooler may hand the session to a lane.
pub(super) const READER: &str = "\
    SET idle_in_transaction_session_timeout = '2s'; SET lock_timeout = '3s'; SET statement_timeout = '4s'; \
    SET plan_cache_mode = force_custom_plan";

/// The driver's error if no host accepts writes.
const NO_WRITES: &str = "database does not allow writes";

/// Errors of a server that accepts connections later: it is starting or stopping, has too many connections, or is
/// overloaded.
const TRANSIENT: [SqlState; 10] = [
    SqlState::CANNOT_CONNECT_NOW,
    SqlState::ADMIN_SHUTDOWN,
    SqlState::CRASH_SHUTDOWN,
    SqlState::TOO_MANY_CONNECTIONS,
    SqlState::QUERY_CANCELED,
    SqlState::LOCK_NOT_AVAILABLE,
    SqlState::CONNECTION_EXCEPTION,
    SqlState::CONNECTION_DOES_NOT_EXIST,
    SqlState::CONNECTION_FAILURE,
    SqlState::SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION,
];

/// Why the database did not execute a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The server refused it, or the connection failed.
    #[error("{}", describe(.0))]
    Driver(#[from] tokio_postgres::Error),
    /// A stored value is not what this version writes.
    #[error("{0}")]
    Unreadable(String),
    /// No answer arrived in time.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(io::Error),
}

impl SessionError {
    /// Whether the connection is lost; what was sent on it may have been executed or not.
    pub(super) fn is_loss(&self) -> bool {
        match self {
            Self::Unreadable(_) => false,
            Self::Late(_) | Self::Tls(_) => true,
            Self::Driver(error) => error.as_db_error().is_none_or(|error| {
                // A prepared statement is missing or has changed: the session is not the same.
                let changed = [SqlState::INVALID_SQL_STATEMENT_NAME, SqlState::FEATURE_NOT_SUPPORTED]
                    .contains(error.code());
                changed || matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
            }),
        }
    }

    /// Whether a retry may succeed: the server could not be reached, is starting or stopping, or had no connection
    /// left. Permanent errors (password, database, privilege, certificate) are not transient, nor is a standby.
    pub(crate) fn is_transient(&self) -> bool {
        let error = match self {
            Self::Unreadable(_) | Self::Tls(_) => return false,
            Self::Late(_) => return true,
            Self::Driver(error) => error,
        };
        if let Some(code) = error.code() {
            return TRANSIENT.contains(code);
        }
        let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
        // TLS errors, the driver's error for a standby, and a path without permission.
        let for_good = |kind| {
            matches!(kind, ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::PermissionDenied)
        };
        error.is_closed() || cause.is_some_and(|cause| !for_good(cause.kind()))
    }

    pub(super) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Driver(error) => error.code(),
            _ => None,
        }
    }

    /// Whether the server refused the data itself: classes 22 (data exception) and 23 (integrity constraint).
    fn is_of_data(&self) -> bool {
        let refused = |code: &SqlState| code.code().starts_with("22") || code.code().starts_with("23");
        matches!(self, Self::Unreadable(_)) || self.code().is_some_and(refused)
    }
}

/// Whether the server has a statement that this session did not prepare, or lacks one that it did: then the session is
/// shared.
fn is_of_another(code: &SqlState) -> bool {
    [SqlState::DUPLICATE_PSTATEMENT, SqlState::INVALID_SQL_STATEMENT_NAME].contains(code)
}

/// The server's message without its details, which quote rows; else the chain of causes.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        let text = format!("{}: {} ({})", said.severity(), said.message(), said.code().code());
        return if is_of_another(said.code()) { format!("{text}: {TRANSACTION_POOLER}") } else { text };
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    if text.ends_with(NO_WRITES) {
        text.push_str(
            ": it is a standby, or default_transaction_read_only is on, in general or in a session of a pooler. Set database_url \
             to the server that accepts writes",
        );
    }
    text
}

impl From<SessionError> for StoreError {
    fn from(error: SessionError) -> Self {
        if error.is_of_data() {
            Self::Unreadable(error.to_string())
        } else if error.is_transient() {
            Self::Unavailable(error.into())
        } else {
            Self::Database(error.into())
        }
    }
}

impl From<SessionError> for Failure {
    /// For a transaction whose commit was not sent.
    fn from(error: SessionError) -> Self {
        let conflicts = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            // Another lane or replica has inserted the same number, key or upload; the next load reads it.
            SqlState::UNIQUE_VIOLATION,
        ];
        match error.code() {
            Some(code) if conflicts.contains(code) => Self::Retry(error.to_string()),
            _ if error.is_of_data() => Self::Data(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// An open connection.
pub(crate) struct Session {
    pub(super) client: Client,
    statements: Mutex<HashMap<&'static str, Statement>>,
    driver: AbortHandle,
}

impl Session {
    /// Connects with the settings of a lane or a reader.
    pub(super) async fn open(address: &Address, settings: &str) -> Result<Self, SessionError> {
        let session = within(CONNECT_LIMIT, async {
            let session = Self::plain(address).await?;
            session.batch(settings).await?;
            Ok(session)
        })
        .await?;
        metrics::counter!("rebuttal_database_connects_total").increment(1);
        Ok(session)
    }

    /// Connects with the server's own settings.
    pub(super) async fn plain(address: &Address) -> Result<Self, SessionError> {
        let tls = Tls::new(&address.trust).map_err(SessionError::Tls)?;
        let connecting = timeout(CONNECT_LIMIT, address.config.connect(tls));
        let (client, connection) = connecting.await.map_err(|_| SessionError::Late(CONNECT_LIMIT))??;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = describe(&error), "a connection to the database ended");
            }
        });
        Ok(Self { client, statements: Mutex::default(), driver: driver.abort_handle() })
    }

    /// Whether the connection is known to be closed.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The statement, prepared at its first use.
    pub(super) async fn prepared(&self, sql: &'static str) -> Result<Statement, SessionError> {
        let known = self.statements.lock().get(sql).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.lock().insert(sql, statement.clone());
        Ok(statement)
    }

    /// The rows of a statement.
    pub(super) async fn rows(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, SessionError> {
        let statement = self.prepared(sql).await?;
        Ok(self.client.query(&statement, values).await?)
    }

    /// The only row of a statement, if there is one.
    pub(super) async fn row(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, SessionError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Runs a statement and returns how many rows it changed.
    pub(super) async fn run(&self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, SessionError> {
        let statement = self.prepared(sql).await?;
        Ok(self.client.execute(&statement, values).await?)
    }

    /// Runs statements without values, unprepared.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), SessionError> {
        Ok(self.client.batch_execute(sql).await?)
    }
}

/// Waits up to a limit. After a timeout the session must not be used: the request may still be executed.
pub(super) async fn within<T>(
    limit: Duration,
    asked: impl Future<Output = Result<T, SessionError>>,
) -> Result<T, SessionError> {
    timeout(limit, asked).await.unwrap_or(Err(SessionError::Late(limit)))
}

impl Drop for Session {
    /// Closes the socket without waiting for the server, which may be frozen.
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(..)")
    }
}
