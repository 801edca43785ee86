//! A lane: one connection that commits the batches of one committer. The four steps in two round trips.

use std::time::Duration;

use futures_util::future::try_join_all;

use super::address::{Address, CONNECT_LIMIT};
use super::commit_resolution::{self, CommitStatus, UnconfirmedBatch};
use super::load::load;
use super::nonces;
use super::save::save;
use super::session::{LANE, Session, SessionError, within};
use super::statements::BATCH;
use super::{accounts, maintenance};
use crate::batch::{Changes, KeySet, Loaded};
use crate::committer::{Database, Failure};
use crate::write_request::{Maintenance, Outcome, SingleOperation, WriteRequest, WriteResult};

/// How long a round trip may take: longer than the limits on the server, whose errors are more precise.
pub(super) const ROUND_TRIP_LIMIT: Duration = Duration::from_secs(5);
/// The pauses between connection attempts: a batch survives a short outage of the server, and the server is not
/// flooded with connections during a long one.
const CONNECT_PAUSES: [Duration; 5] = [
    Duration::from_millis(0),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];

/// A connection and the state of its transaction.
pub(crate) struct Lane {
    address: Address,
    session: Option<Session>,
    /// The name of the row of its batch markers, unique to the lane and the process.
    name: String,
    /// Number of the last batch that was sent.
    batch: i64,
    /// Whether a transaction may be open: a server warns of a ROLLBACK without one.
    is_open: bool,
    /// The number of the open transaction, once it is known.
    transaction: Option<String>,
}

impl Lane {
    pub(crate) fn new(address: Address) -> std::io::Result<Self> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let name = format!("lane:{:032x}", u128::from_be_bytes(random));
        Ok(Self { address, session: None, name, batch: 0, is_open: false, transaction: None })
    }

    /// The open connection, or a new one, to begin a transaction on.
    async fn session(&mut self) -> Result<&Session, Failure> {
        let open = self.session.take().filter(|session| !session.is_closed());
        let session = match open {
            Some(session) => session,
            None => connect(&self.address).await?,
        };
        self.is_open = true;
        Ok(self.session.insert(session))
    }

    /// Classifies a failure before the commit. Nothing was changed; if only the connection is lost, another one may
    /// work.
    async fn before_commit(&mut self, error: SessionError, names: Option<&KeySet>) -> Failure {
        if error.is_loss() {
            self.session = None;
            self.transaction = None;
            return Failure::Retry(error.to_string());
        }
        if let Some(names) = names.filter(|_| nonces::is_missing_partition(&error)) {
            self.roll_back().await;
            return match self.make_partitions(names).await {
                Ok(()) => Failure::Retry("a partition of nonces was missing".to_owned()),
                Err(error) => error.into(),
            };
        }
        error.into()
    }

    async fn make_partitions(&mut self, names: &KeySet) -> Result<(), SessionError> {
        let Some(session) = &self.session else { return Ok(()) };
        within(ROUND_TRIP_LIMIT, nonces::make_for(session, names.nonces.iter().map(|nonce| nonce.timestamp)))
            .await
    }

    /// The outcome of the round trip that contained the commit.
    async fn settle(&mut self, saved: Result<(), SessionError>) -> Result<(), Failure> {
        let transaction = self.transaction.take();
        let error = match saved {
            Ok(()) => {
                self.is_open = false;
                return Ok(());
            }
            // The server refused a statement, and therefore the commit after it.
            Err(error) if !error.is_loss() => return Err(error.into()),
            Err(error) => error,
        };
        self.session = None;
        let Some(transaction) = transaction else { return Err(Failure::Unknown(error.to_string())) };
        let sent = UnconfirmedBatch { lane: &self.name, batch: self.batch, transaction: &transaction };
        let status = commit_resolution::resolve(&self.address, &sent).await;
        tracing::warn!(%error, ?status, "commit was not answered; transaction status looked up");
        metrics::counter!("rebuttal_commit_resolutions_total", "status" => status.name()).increment(1);
        match status {
            CommitStatus::Committed => Ok(()),
            CommitStatus::Aborted => Err(Failure::Retry(error.to_string())),
            CommitStatus::Unknown(cause) => Err(Failure::Unknown(format!("{error}; {cause}"))),
        }
    }

    /// Runs an account change or a maintenance step.
    async fn run_in_own_transaction(
        &mut self,
        request: &WriteRequest<SingleOperation>,
    ) -> Result<WriteResult, Failure> {
        let session = self.session().await?;
        let done = within(ROUND_TRIP_LIMIT, async {
            let transaction = begin(session).await?;
            let answer = match &request.operation {
                SingleOperation::Account(change) => accounts::apply(session, change, request).await?,
                SingleOperation::Maintenance(step) => {
                    Ok(Outcome::Rows(maintenance::apply(session, step, request.arrived_at).await?))
                }
            };
            Ok((answer, transaction))
        });
        let (answer, transaction) = match done.await {
            Ok(done) => done,
            Err(error) => return Err(self.before_commit(error, None).await),
        };
        self.transaction = Some(transaction);
        self.save(&Changes::default()).await?;
        Ok(answer)
    }
}

impl Database for Lane {
    async fn load(&mut self, names: &KeySet) -> Result<Loaded, Failure> {
        let session = self.session().await?;
        match within(ROUND_TRIP_LIMIT, load(session, names)).await {
            Ok((loaded, transaction)) => {
                self.transaction = Some(transaction);
                Ok(loaded)
            }
            Err(error) => Err(self.before_commit(error, Some(names)).await),
        }
    }

    async fn save(&mut self, changes: &Changes) -> Result<(), Failure> {
        let Some(session) = &self.session else {
            return Err(Failure::Unavailable("the connection is gone".to_owned()));
        };
        self.batch += 1;
        let saved = within(ROUND_TRIP_LIMIT, save(session, changes, &self.name, self.batch)).await;
        self.settle(saved).await
    }

    async fn roll_back(&mut self) {
        self.transaction = None;
        let was_open = std::mem::take(&mut self.is_open);
        let Some(session) = self.session.as_ref().filter(|_| was_open) else { return };
        // Fails only if the connection is lost; then the server rolls back.
        if within(ROUND_TRIP_LIMIT, session.batch("ROLLBACK")).await.is_err() {
            self.session = None;
        }
    }

    async fn run_single(&mut self, request: &WriteRequest<SingleOperation>) -> Result<WriteResult, Failure> {
        let outcome = self.run_in_own_transaction(request).await;
        if outcome.is_err() {
            self.roll_back().await;
        }
        let (
            Ok(Ok(Outcome::Rows(rows))),
            SingleOperation::Maintenance(Maintenance::PurgeNonces { bound, limit }),
        ) = (&outcome, &request.operation)
        else {
            return outcome;
        };
        // Only after the bound is committed.
        let Some(session) = &self.session else { return outcome };
        let dropped = nonces::drop_through(session, *bound, *limit).await;
        Ok(Ok(Outcome::Rows(rows + dropped)))
    }
}

/// Begins a transaction and returns its number.
async fn begin(session: &Session) -> Result<String, SessionError> {
    let (begun, number) = tokio::join! {
        biased;
        session.batch("BEGIN ISOLATION LEVEL READ COMMITTED"),
        session.row(super::statements::BOUND_TRANSACTION_AND_ENTRY, &[]),
    };
    begun?;
    let number =
        number?.ok_or_else(|| SessionError::Unreadable("a select of values without a row".to_owned()))?;
    super::rows::value(&number, 1)
}

/// Connects, with a few attempts, and prepares every statement of a batch: one that is prepared later would be executed
/// out of order. A batch waits for it, so all attempts have one limit.
async fn connect(address: &Address) -> Result<Session, Failure> {
    let attempts = async {
        let mut last = SessionError::Late(CONNECT_LIMIT);
        for pause in CONNECT_PAUSES {
            tokio::time::sleep(pause).await;
            match ready(address).await {
                Ok(session) => return Ok(session),
                Err(error) => last = error,
            }
        }
        Err(last)
    };
    let unreachable = |error| Failure::Unavailable(format!("the database cannot be reached: {error}"));
    within(CONNECT_LIMIT, attempts).await.map_err(unreachable)
}

async fn ready(address: &Address) -> Result<Session, SessionError> {
    let session = Session::open(address, LANE).await?;
    within(ROUND_TRIP_LIMIT, try_join_all(BATCH.map(|sql| session.prepared(sql)))).await?;
    Ok(session)
}
