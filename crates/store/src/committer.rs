//! The committer: requests that wait form a batch, one transaction serves the batch, and each request is answered after
//! the commit. Batching and retries are implemented once, on the trait [`Database`].
//!
//! The caller holds only the receiver of its answer: a client that disconnects does not affect a batch.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rebuttal_disputes::COMMIT_LIMIT;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::CommitError;
use crate::batch::{BatchState, Changes, ENTRIES_MAX, KeySet, Loaded};
use crate::meters;
use crate::write_request::{Maintenance, QueuedRequest, SingleOperation, WriteRequest, WriteResult};

/// Limits of the store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Most requests that wait for the committer; further ones are refused.
    pub queue_max: usize,
    /// Most requests of one transaction; with 1, each has a separate one.
    pub batch_max: usize,
    /// Batches that are committed in parallel. SQLite has one writer and always one lane.
    pub lanes: NonZeroUsize,
}

/// Enough to keep the server busy during round trips, few enough that batches stay large.
const LANES: NonZeroUsize = NonZeroUsize::new(4).unwrap();

impl Default for Options {
    /// Batches are large enough to share an fsync, and small enough that the first request's wait stays short.
    fn default() -> Self {
        Self { queue_max: 4096, batch_max: 512, lanes: LANES }
    }
}

/// How long a request may wait before it joins a batch. Shorter than `COMMIT_LIMIT`, so that a batch of ordinary length
/// still commits before the background job expires a dispute whose deadline the request met.
const WAIT_LIMIT: Duration = COMMIT_LIMIT.saturating_sub(Duration::from_secs(1));

/// Attempts of a batch that other transactions conflict with. The other one has usually committed by the second
/// attempt.
const ATTEMPTS_MAX: u32 = 8;
/// How long after the first attempt another one may start.
const RETRY_LIMIT: Duration = Duration::from_secs(2);

/// Why a transaction did not commit.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database is not available; nothing was changed.
    Unavailable(String),
    /// The commit was sent, and its outcome is unknown.
    Unknown(String),
    /// The database refused the data; nothing was changed.
    Data(String),
    /// Another transaction conflicted, or the connection was lost before the commit; nothing was changed. The next
    /// attempt loads the new state.
    Retry(String),
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(cause) | Failure::Retry(cause) => Self::Unavailable(cause),
            Failure::Unknown(cause) => Self::Unknown(cause),
            Failure::Data(cause) => Self::Failed(cause),
        }
    }
}

/// Whether the last write failed because of the database, or there was none yet. Readiness depends on it.
#[derive(Debug)]
struct WriterHealth {
    is_unhealthy: AtomicBool,
}

impl WriterHealth {
    /// Unhealthy until a write has succeeded.
    fn unproven() -> Self {
        Self { is_unhealthy: AtomicBool::new(true) }
    }

    /// A transaction that wrote something was committed.
    fn record_success(&self) {
        self.is_unhealthy.store(false, Ordering::Relaxed);
    }

    /// Refused data and conflicts do not count as failures of the database.
    fn record_failure(&self, failure: &Failure) {
        if matches!(failure, Failure::Unavailable(_) | Failure::Unknown(_)) {
            self.is_unhealthy.store(true, Ordering::Relaxed);
        }
    }
}

/// The database operations of the committer. Each method but `run_single` is a step of one transaction.
pub(crate) trait Database {
    /// Begins a transaction and loads all rows that the batch needs.
    async fn load(&mut self, keys: &KeySet) -> Result<Loaded, Failure>;

    /// Saves what was decided and commits. Plain statements that fail rather than skip.
    async fn save(&mut self, changes: &Changes) -> Result<(), Failure>;

    /// Ends the transaction without a change.
    async fn roll_back(&mut self);

    /// Runs an account change or a maintenance step in a separate transaction.
    async fn run_single(&mut self, request: &WriteRequest<SingleOperation>) -> Result<WriteResult, Failure>;

    /// Cleans up after the last request was answered.
    async fn close(&mut self) {}
}

type CommitResult = Result<WriteResult, CommitError>;

/// Where a request's answer is sent, and since when the request waits.
struct Waiter {
    since: Instant,
    reply: oneshot::Sender<CommitResult>,
}

/// Requests that are committed together.
#[derive(Default)]
struct Batch {
    requests: Vec<WriteRequest>,
    /// In the order of the requests.
    waiters: Vec<Waiter>,
}

/// A message to the dispatcher: answers to send, and values to drop for the committer.
struct Replies {
    replies: Vec<(Waiter, CommitResult)>,
    _requests: Vec<WriteRequest>,
    _changes: Changes,
}

/// Sends answers from within the callers' runtime. Waking a task from another thread costs a lock and often a system
/// call; so a batch is one message, and its callers are woken from inside the runtime.
///
/// It also drops requests and changes, so that freeing them does not take the committer's time.
struct ReplyDispatcher(mpsc::UnboundedSender<Replies>);

impl ReplyDispatcher {
    /// Starts the task, in the caller's runtime.
    fn start() -> Self {
        // Bounded by the queue: every reply belongs to a request that was queued.
        let (sender, mut receiver) = mpsc::unbounded_channel::<Replies>();
        tokio::spawn(async move {
            while let Some(Replies { replies, .. }) = receiver.recv().await {
                meters::count_requests(replies.iter().map(|(_, reply)| reply));
                for (waiter, reply) in replies {
                    // The caller may have disconnected; the commit is not affected.
                    let _ = waiter.reply.send(reply);
                }
            }
        });
        Self(sender)
    }

    fn send(&self, replies: Vec<(Waiter, CommitResult)>, requests: Vec<WriteRequest>, changes: Changes) {
        // Fails only when the runtime, and so every caller, has ended.
        let _ = self.0.send(Replies { replies, _requests: requests, _changes: changes });
    }

    fn send_one(&self, waiter: Waiter, reply: CommitResult) {
        self.send(vec![(waiter, reply)], Vec::new(), Changes::default());
    }
}

/// Dropped when the worker ends or panics: makes the committer unhealthy, and wakes the task that closes it.
struct StopGuard {
    health: Arc<WriterHealth>,
    finished: Arc<tokio::sync::Notify>,
}

impl Drop for StopGuard {
    fn drop(&mut self) {
        self.health.is_unhealthy.store(true, Ordering::Relaxed);
        self.finished.notify_one();
    }
}

/// The queue of requests, and the thread that serves them.
pub(crate) struct Committer {
    queue: Mutex<Option<mpsc::Sender<(QueuedRequest, Waiter)>>>,
    finished: Arc<tokio::sync::Notify>,
    health: Arc<WriterHealth>,
}

impl Committer {
    /// Starts the thread that owns the database.
    pub(crate) fn start(database: impl Database + Send + 'static, options: &Options) -> io::Result<Self> {
        let (committer, worker) = Self::new(options);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new()
            .name("committer".to_owned())
            .spawn(move || runtime.block_on(worker.run(database)))?;
        Ok(committer)
    }

    /// A committer, and its worker, which the caller must run.
    fn new(options: &Options) -> (Self, Worker) {
        let (sender, queue) = mpsc::channel(options.queue_max.max(1));
        let health = Arc::new(WriterHealth::unproven());
        let finished = Arc::new(tokio::sync::Notify::new());
        let guard = StopGuard { health: Arc::clone(&health), finished: Arc::clone(&finished) };
        let replies = ReplyDispatcher::start();
        let worker = Worker { queue, batch_max: options.batch_max.clamp(1, ENTRIES_MAX), replies, guard };
        (Self { queue: Mutex::new(Some(sender)), finished, health }, worker)
    }

    pub(crate) async fn commit(&self, request: QueuedRequest) -> CommitResult {
        let (reply, answer) = oneshot::channel();
        let waiter = Waiter { since: Instant::now(), reply };
        let sent = match &*self.queue.lock() {
            Some(queue) => queue.try_send((request, waiter)),
            None => return Err(CommitError::Unavailable("the gateway is stopping".to_owned())),
        };
        if let Err(error) = sent {
            metrics::counter!("rebuttal_commit_queue_rejections_total").increment(1);
            let why = match error {
                TrySendError::Full(_) => "too many changes are waiting",
                TrySendError::Closed(_) => "the committer has failed; restart the gateway",
            };
            return Err(CommitError::Unavailable(why.to_owned()));
        }
        let gone = || CommitError::Unknown("the committer stopped before it answered".to_owned());
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Whether the last write failed because of the database.
    pub(crate) fn is_unhealthy(&self) -> bool {
        self.health.is_unhealthy.load(Ordering::Relaxed)
    }

    /// How many requests wait to join a batch.
    pub(crate) fn waiting(&self) -> usize {
        let used = |queue: &mpsc::Sender<_>| queue.max_capacity().saturating_sub(queue.capacity());
        self.queue.lock().as_ref().map_or(0, used)
    }

    /// Accepts no more requests, and returns once every waiting one is answered.
    pub(crate) async fn close(&self) {
        if self.queue.lock().take().is_some() {
            self.finished.notified().await;
        }
    }
}

/// Serves the queue of a committer.
struct Worker {
    queue: mpsc::Receiver<(QueuedRequest, Waiter)>,
    batch_max: usize,
    replies: ReplyDispatcher,
    guard: StopGuard,
}

impl Worker {
    /// Runs until the committer is closed and its queue is empty.
    async fn run(mut self, mut database: impl Database) {
        let mut queued = Vec::with_capacity(self.batch_max);
        while self.queue.recv_many(&mut queued, self.batch_max).await > 0 {
            let mut batch = Batch::default();
            for (request, waiter) in queued.drain(..) {
                if waiter.since.elapsed() > WAIT_LIMIT {
                    let cause = "the change waited too long".to_owned();
                    self.replies.send_one(waiter, Err(CommitError::Unavailable(cause)));
                    continue;
                }
                match request {
                    QueuedRequest::Batched(request) => {
                        batch.requests.push(request);
                        batch.waiters.push(waiter);
                    }
                    QueuedRequest::Single(request) => {
                        // In the order sent: earlier requests commit first, later ones see this one's result.
                        self.serve_batch(&mut database, std::mem::take(&mut batch)).await;
                        self.serve_single(&mut database, &request, waiter).await;
                    }
                }
            }
            self.serve_batch(&mut database, batch).await;
        }
        database.close().await;
    }

    async fn serve_single(
        &self,
        database: &mut impl Database,
        request: &WriteRequest<SingleOperation>,
        waiter: Waiter,
    ) {
        let outcome = run_single(database, request).await;
        match &outcome {
            // Other single operations write too little to prove that a batch can be written.
            Ok(_) if matches!(request.operation, SingleOperation::Maintenance(Maintenance::Probe)) => {
                self.guard.health.record_success();
            }
            Ok(_) => {}
            Err(failure) => self.guard.health.record_failure(failure),
        }
        self.replies.send_one(waiter, outcome.map_err(CommitError::from));
    }

    /// Serves a batch. Where the database refuses its data, each request is served alone, so that only the refused one
    /// fails.
    async fn serve_batch(&self, database: &mut impl Database, batch: Batch) {
        let Batch { requests, waiters } = batch;
        let Some(oldest) = waiters.iter().map(|waiter| waiter.since).min() else { return };
        let started = Instant::now();
        let outcome = self.transact(database, &requests, oldest).await;
        meters::count_batch(requests.len(), started.duration_since(oldest), started.elapsed());
        match outcome {
            Ok((answers, changes)) => {
                let replies = waiters.into_iter().zip(answers.into_iter().map(Ok)).collect();
                self.replies.send(replies, requests, changes);
            }
            Err(Failure::Data(cause)) if requests.len() > 1 => {
                tracing::warn!(
                    cause,
                    requests = requests.len(),
                    "batch refused by the database; committing its requests one by one"
                );
                for (request, waiter) in requests.iter().zip(waiters) {
                    let outcome = self.transact(database, std::slice::from_ref(request), waiter.since).await;
                    self.replies.send_one(waiter, outcome.map_err(CommitError::from).and_then(single));
                }
            }
            Err(failure) => {
                let error = CommitError::from(failure);
                let replies = waiters.into_iter().map(|waiter| (waiter, Err(error.clone()))).collect();
                self.replies.send(replies, requests, Changes::default());
            }
        }
    }

    /// Commits requests in one transaction, and retries after a conflict. `oldest` is when the first of them arrived.
    async fn transact(
        &self,
        database: &mut impl Database,
        requests: &[WriteRequest],
        oldest: Instant,
    ) -> Result<(Vec<WriteResult>, Changes), Failure> {
        let mut budget = RetryBudget::begin();
        loop {
            let outcome = run_batch(database, requests, oldest).await;
            let Some(outcome) = budget.check(outcome) else { continue };
            match &outcome {
                // Nothing was written, so it does not prove that the database can be written.
                Ok((_, changes)) if changes.is_empty() => {}
                Ok(_) => self.guard.health.record_success(),
                Err(failure) => self.guard.health.record_failure(failure),
            }
            return outcome;
        }
    }
}

fn single((answers, _): (Vec<WriteResult>, Changes)) -> CommitResult {
    let missing = || CommitError::Failed("the request was not decided".to_owned());
    answers.into_iter().next().ok_or_else(missing)
}

/// Runs a request in a separate transaction, and retries after a conflict.
async fn run_single(
    database: &mut impl Database,
    request: &WriteRequest<SingleOperation>,
) -> Result<WriteResult, Failure> {
    let mut budget = RetryBudget::begin();
    loop {
        if let Some(outcome) = budget.check(database.run_single(request).await) {
            return outcome;
        }
    }
}

/// How many attempts, and how much time, a transaction has left.
struct RetryBudget {
    attempts_left: u32,
    until: Instant,
}

impl RetryBudget {
    fn begin() -> Self {
        Self { attempts_left: ATTEMPTS_MAX, until: Instant::now() + RETRY_LIMIT }
    }

    /// The final outcome; `None` if the transaction is to be retried.
    fn check<T>(&mut self, outcome: Result<T, Failure>) -> Option<Result<T, Failure>> {
        let Err(Failure::Retry(cause)) = outcome else { return Some(outcome) };
        metrics::counter!("rebuttal_commit_retries_total").increment(1);
        tracing::debug!(cause, "transaction conflicted; trying again");
        self.attempts_left = self.attempts_left.saturating_sub(1);
        let is_spent = self.attempts_left == 0 || Instant::now() >= self.until;
        is_spent.then(|| Err(Failure::Unavailable(cause)))
    }
}

/// The four steps: load, decide, save, commit.
async fn run_batch(
    database: &mut impl Database,
    requests: &[WriteRequest],
    oldest: Instant,
) -> Result<(Vec<WriteResult>, Changes), Failure> {
    let loaded = match database.load(&KeySet::of(requests.iter())).await {
        Ok(loaded) => loaded,
        Err(failure) => {
            database.roll_back().await;
            return Err(failure);
        }
    };
    if oldest.elapsed() > COMMIT_LIMIT {
        // Another replica may have expired the dispute meanwhile.
        database.roll_back().await;
        return Err(Failure::Unavailable("the database took too long".to_owned()));
    }
    let mut state = BatchState::new(loaded);
    let answers = requests.iter().map(|request| state.decide(request)).collect();
    let changes = state.into_changes();
    if changes.is_empty() {
        database.roll_back().await;
        return Ok((answers, changes));
    }
    if let Err(failure) = database.save(&changes).await {
        database.roll_back().await;
        return Err(failure);
    }
    Ok((answers, changes))
}

#[cfg(test)]
mod tests;
