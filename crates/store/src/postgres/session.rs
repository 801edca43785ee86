//! One connection: made with the settings that the lanes' promises rest on, and every statement prepared once.

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

/// What a lane's session is made with. First how long a transaction may stand idle, for it holds locks that others wait
/// for; then how long the server waits for a lock: longer than that, so that a replica that is frozen in the middle of
/// a batch makes others late and not fail; then how long a statement may take. No plan reads whole tables: a lane names
/// all rows by their keys, and a plan that was made while the tables were small would outlive that. A commit is
/// answered when it is on disk, whatever the server's default; `remote_apply` promises more and is left alone.
pub(super) const LANE: &str = "\
    SET idle_in_transaction_session_timeout = '2s'; SET lock_timeout = '3s'; SET statement_timeout = '4s'; \
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SELECT set_config('synchronous_commit', 'on', FALSE) WHERE current_setting('synchronous_commit') <> 'remote_apply'";

/// What a reader's session is made with. A list is planned each time, for what it is asked differs widely. Nothing that
/// would keep others from writing, should the session become theirs by a pooler that was changed meanwhile.
pub(super) const READER: &str = "\
    SET idle_in_transaction_session_timeout = '2s'; SET lock_timeout = '3s'; SET statement_timeout = '4s'; \
    SET plan_cache_mode = force_custom_plan";

/// The driver's words for a server of which none of the hosts takes changes.
const NO_WRITES: &str = "database does not allow writes";

/// What a server says that will serve later: it starts or stops, has too many connections, or is too busy.
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

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The server refused it, or the connection failed.
    #[error("{}", describe(.0))]
    Driver(#[from] tokio_postgres::Error),
    /// A stored value is not what this version writes.
    #[error("{0}")]
    Unreadable(String),
    /// No answer came in time.
    #[error("no answer in {0:?}")]
    Late(Duration),
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(io::Error),
}

impl Error {
    /// Whether the connection is of no use any more; what was sent on it may have been done or not.
    pub(super) fn is_loss(&self) -> bool {
        match self {
            Self::Unreadable(_) => false,
            Self::Late(_) | Self::Tls(_) => true,
            Self::Driver(error) => error.as_db_error().is_none_or(|error| {
                // A statement that is not there any more, or has become another: the session is not what it was.
                let changed = [SqlState::INVALID_SQL_STATEMENT_NAME, SqlState::FEATURE_NOT_SUPPORTED]
                    .contains(error.code());
                changed || matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
            }),
        }
    }

    /// Whether the server may answer if it is asked again later: it could not be reached, is starting or stopping, or
    /// had no connection to spare. What it refuses for good (password, database, right, certificate) is not among it,
    /// nor is a standby.
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
        // Of TLS, the driver's words for a standby, and a path that may not be entered.
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

/// Whether the server knows a statement that this session did not prepare, or does not know one that it did: what a
/// session that others use as well comes to.
fn is_of_another(code: &SqlState) -> bool {
    [SqlState::DUPLICATE_PSTATEMENT, SqlState::INVALID_SQL_STATEMENT_NAME].contains(code)
}

/// The server's own words without its details, which quote rows; else the causes down to the first one.
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
            ": it is a standby, or default_transaction_read_only is on, for all or in a session that a pooler hands out. \
             Name the server that takes changes",
        );
    }
    text
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error.is_of_data() {
            true => Self::Unreadable(error.to_string()),
            false => Self::Database(error.into()),
        }
    }
}

impl From<Error> for Failure {
    /// Of a transaction that was not sent to be committed.
    fn from(error: Error) -> Self {
        let in_the_way = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            // Another lane or replica was first with a number, a key or an upload: seen when loaded again.
            SqlState::UNIQUE_VIOLATION,
        ];
        match error.code() {
            Some(code) if in_the_way.contains(code) => Self::Retry(error.to_string()),
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
    pub(super) async fn open(address: &Address, settings: &str) -> Result<Self, Error> {
        let session = Self::plain(address).await?;
        within(CONNECT_LIMIT, session.batch(settings)).await?;
        metrics::counter!("rebuttal_database_connects_total").increment(1);
        Ok(session)
    }

    /// Connects with the server's own settings.
    pub(super) async fn plain(address: &Address) -> Result<Self, Error> {
        let tls = Tls::new(&address.trust).map_err(Error::Tls)?;
        let connecting = timeout(CONNECT_LIMIT, address.config.connect(tls));
        let (client, connection) = connecting.await.map_err(|_| Error::Late(CONNECT_LIMIT))??;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = describe(&error), "a connection to the database ended");
            }
        });
        Ok(Self { client, statements: Mutex::default(), driver: driver.abort_handle() })
    }

    /// Whether the other end has been seen to be gone.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The statement, prepared at its first use.
    pub(super) async fn prepared(&self, sql: &'static str) -> Result<Statement, Error> {
        let known = self.statements.lock().get(sql).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.lock().insert(sql, statement.clone());
        Ok(statement)
    }

    /// The rows of a statement.
    pub(super) async fn rows(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        let statement = self.prepared(sql).await?;
        Ok(self.client.query(&statement, values).await?)
    }

    /// The only row of a statement, if there is one.
    pub(super) async fn row(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Option<Row>, Error> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Runs a statement and tells how many rows it touched.
    pub(super) async fn run(&self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, Error> {
        let statement = self.prepared(sql).await?;
        Ok(self.client.execute(&statement, values).await?)
    }

    /// Runs statements without values that are not worth preparing.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Error> {
        Ok(self.client.batch_execute(sql).await?)
    }
}

/// Waits no longer than a limit. After that the session is of no use: what it was asked may still be done.
pub(super) async fn within<T>(
    limit: Duration,
    asked: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout(limit, asked).await.unwrap_or(Err(Error::Late(limit)))
}

impl Drop for Session {
    /// Lets go of the socket at once: a server that is frozen would otherwise be waited for.
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(..)")
    }
}
