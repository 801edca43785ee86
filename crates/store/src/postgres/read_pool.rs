//! A bounded pool of read connections, opened when they are needed.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::address::Address;
use super::session::{READER, Session, SessionError, within};
use crate::StoreError;

/// Most read connections. Together with the lanes' these are the connections of a replica.
const SESSIONS_MAX: usize = 8;
/// How long a read may take, including the wait for a connection.
const READ_LIMIT: Duration = Duration::from_secs(5);

type Result<T> = std::result::Result<T, SessionError>;

/// A pool of read connections.
pub(crate) struct PostgresReadPool {
    address: Address,
    idle: Mutex<Vec<Arc<Session>>>,
    permits: Semaphore,
}

impl PostgresReadPool {
    pub(crate) fn new(address: Address) -> Self {
        Self { address, idle: Mutex::default(), permits: Semaphore::new(SESSIONS_MAX) }
    }

    /// Reads on a connection of the pool. If the connection was lost, the read is repeated on a new one.
    pub(crate) async fn read<T, R: Future<Output = Result<T>>>(
        &self,
        read: impl Fn(Arc<Session>) -> R,
    ) -> std::result::Result<T, StoreError> {
        let queries = async {
            // Never closed.
            let _permit = self.permits.acquire().await;
            let pooled = std::iter::from_fn(|| self.idle.lock().pop()).find(|session| !session.is_closed());
            if let Some(session) = pooled {
                match read(Arc::clone(&session)).await {
                    Err(error) if error.is_loss() => self.idle.lock().clear(),
                    outcome => return self.keep(session, outcome),
                }
            }
            let session = Arc::new(Session::open(&self.address, READER).await?);
            let outcome = read(Arc::clone(&session)).await;
            self.keep(session, outcome)
        };
        Ok(within(READ_LIMIT, queries).await?)
    }

    /// Returns a connection to the pool, unless it is lost.
    fn keep<T>(&self, session: Arc<Session>, outcome: Result<T>) -> Result<T> {
        if !outcome.as_ref().is_err_and(SessionError::is_loss) {
            self.idle.lock().push(session);
        }
        outcome
    }
}
