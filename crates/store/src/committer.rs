//! The committer: everything that waits forms one batch, one transaction serves the batch, and each waiter gets its own
//! answer after the commit. Batching and retry are written once, over what a [`Database`] can do.
//!
//! A waiter holds only a receiver: a client that leaves never touches a batch.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rebuttal_disputes::COMMIT_LIMIT;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::batch::{BatchState, Changes, KeySet, Loaded};
use crate::meters;
use crate::write_request::{Answer, Operation, Upkeep, WriteRequest};
use crate::{CommitError, Options};

/// How long a request may wait before it joins a batch. Shorter than `COMMIT_LIMIT`, so that a batch of ordinary length
/// still commits before the sweeper acts on a deadline that the request arrived in time for.
const WAIT_LIMIT: Duration = COMMIT_LIMIT.saturating_sub(Duration::from_secs(1));

/// How often a batch is tried while other transactions conflict with it. The other one has committed by the next try,
/// so twice is rare.
const ATTEMPTS_MAX: u32 = 8;
/// For how long they are tried again.
const RETRY_LIMIT: Duration = Duration::from_secs(2);

/// Why a transaction did not go through.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database could not serve it now; nothing was changed.
    Unavailable(String),
    /// The commit was sent, and its fate could not be learnt.
    Unknown(String),
    /// The data was refused; nothing was changed.
    Data(String),
    /// Another transaction was in the way, or the connection was lost before the commit; nothing was changed. Loaded
    /// again, the requests see what is there then.
    Again(String),
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(cause) | Failure::Again(cause) => Self::Unavailable(cause),
            Failure::Unknown(cause) => Self::Unknown(cause),
            Failure::Data(cause) => Self::Failed(cause),
        }
    }
}

/// Whether the last attempt to change something failed for the database's own reasons, or none was made yet. Readiness
/// follows it.
#[derive(Debug)]
struct WriterHealth(AtomicBool);

impl WriterHealth {
    fn unproven() -> Self {
        Self(AtomicBool::new(true))
    }

    /// A transaction that wrote something was committed.
    fn record_success(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn record_failure(&self, failure: &Failure) {
        match failure {
            Failure::Unavailable(_) | Failure::Unknown(_) => self.0.store(true, Ordering::Relaxed),
            Failure::Data(_) | Failure::Again(_) => {}
        }
    }
}

/// What the committer needs of a database. Each call but `run_single` is a step of one transaction.
pub(crate) trait Database {
    /// Begins a transaction and reads everything that the batch names.
    async fn load(&mut self, names: &KeySet) -> Result<Loaded, Failure>;

    /// Saves what was decided and commits. Plain statements that fail rather than skip.
    async fn save(&mut self, changes: &Changes) -> Result<(), Failure>;

    /// Ends the transaction without a change.
    async fn abandon(&mut self);

    /// Does an account change or a step of upkeep in a transaction of its own.
    async fn run_single(&mut self, request: &WriteRequest) -> Result<Answer, Failure>;

    /// Leaves the database in order once the last request is answered.
    async fn close(&mut self) {}
}

/// A request and who waits for it.
struct QueuedRequest {
    request: WriteRequest,
    since: Instant,
    waiter: oneshot::Sender<CommitResult>,
}

type CommitResult = Result<Answer, CommitError>;

/// Tells waiters their answers from within the runtime that they wait in. Waking a task from another thread costs a
/// lock and often a system call; a batch is handed over as one message, and its waiters are woken from inside.
///
/// Requests and changes are let go there, too: freeing them is not the committer's time.
struct ReplyDispatcher(mpsc::UnboundedSender<(Vec<(QueuedRequest, CommitResult)>, Changes)>);

impl ReplyDispatcher {
    /// Starts telling, in the runtime that the caller is in.
    fn start() -> Self {
        // Not bounded itself: what is in it has waited in the bounded queue and is told at once.
        let (replies, mut answered) =
            mpsc::unbounded_channel::<(Vec<(QueuedRequest, CommitResult)>, Changes)>();
        tokio::spawn(async move {
            while let Some((replies, _changes)) = answered.recv().await {
                meters::count_requests(replies.iter().map(|(_, reply)| reply));
                for (QueuedRequest { waiter, .. }, reply) in replies {
                    // The waiter may have left; what was committed stays committed.
                    let _ = waiter.send(reply);
                }
            }
        });
        Self(replies)
    }

    fn send(&self, replies: impl IntoIterator<Item = (QueuedRequest, CommitResult)>, changes: Changes) {
        // Fails only when the runtime is gone, and every waiter with it.
        let _ = self.0.send((replies.into_iter().collect(), changes));
    }

    fn send_one(&self, waiting: QueuedRequest, reply: CommitResult) {
        self.send([(waiting, reply)], Changes::default());
    }
}

/// However the committer's thread ends: nothing is committed any more, and nobody waits for it in vain.
struct StopGuard {
    health: Arc<WriterHealth>,
    finished: Arc<tokio::sync::Notify>,
}

impl Drop for StopGuard {
    fn drop(&mut self) {
        self.health.0.store(true, Ordering::Relaxed);
        self.finished.notify_one();
    }
}

/// The intake of requests, and the thread that serves them.
pub(crate) struct Committer {
    intake: Mutex<Option<mpsc::Sender<QueuedRequest>>>,
    finished: Arc<tokio::sync::Notify>,
    health: Arc<WriterHealth>,
}

impl Committer {
    /// Starts the thread that owns the database.
    pub(crate) fn start(database: impl Database + Send + 'static, options: &Options) -> io::Result<Self> {
        let (intake, queue) = mpsc::channel(options.queue_max.max(1));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let finished = Arc::new(tokio::sync::Notify::new());
        let when_finished = Arc::clone(&finished);
        let batch_max = options.batch_max.max(1);
        let replies = ReplyDispatcher::start();
        let health = Arc::new(WriterHealth::unproven());
        let within = Arc::clone(&health);
        std::thread::Builder::new().name("committer".to_owned()).spawn(move || {
            let _guard = StopGuard { health: Arc::clone(&within), finished: when_finished };
            runtime.block_on(serve(database, queue, batch_max, &replies, &within));
        })?;
        Ok(Self { intake: Mutex::new(Some(intake)), finished, health })
    }

    pub(crate) async fn commit(&self, request: WriteRequest) -> Result<Answer, CommitError> {
        let (waiter, answer) = oneshot::channel();
        let waiting = QueuedRequest { request, since: Instant::now(), waiter };
        let sent = match &*self.intake.lock() {
            Some(intake) => intake.try_send(waiting),
            None => return Err(CommitError::Unavailable("the gateway is stopping".to_owned())),
        };
        if let Err(error) = sent {
            metrics::counter!("rebuttal_commit_refused_total").increment(1);
            let why = match error {
                TrySendError::Full(_) => "too many changes are waiting",
                TrySendError::Closed(_) => "the committer has failed; restart the gateway",
            };
            return Err(CommitError::Unavailable(why.to_owned()));
        }
        let gone = || CommitError::Unknown("the committer stopped before it answered".to_owned());
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Whether the last attempt to change something failed for the database's own reasons.
    pub(crate) fn is_unhealthy(&self) -> bool {
        self.health.0.load(Ordering::Relaxed)
    }

    /// How many requests wait to join a batch.
    pub(crate) fn waiting(&self) -> usize {
        let room = |intake: &mpsc::Sender<_>| intake.max_capacity().saturating_sub(intake.capacity());
        self.intake.lock().as_ref().map_or(0, room)
    }

    /// Takes nothing more and returns once everything that waited has been answered.
    pub(crate) async fn close(&self) {
        if self.intake.lock().take().is_some() {
            self.finished.notified().await;
        }
    }
}

/// Serves the queue until its intake is closed and it is empty.
async fn serve(
    mut database: impl Database,
    mut queue: mpsc::Receiver<QueuedRequest>,
    batch_max: usize,
    replies: &ReplyDispatcher,
    health: &WriterHealth,
) {
    let mut waiting = Vec::with_capacity(batch_max);
    while queue.recv_many(&mut waiting, batch_max).await > 0 {
        let mut batch = Vec::with_capacity(waiting.len());
        for waiting in waiting.drain(..) {
            if waiting.since.elapsed() > WAIT_LIMIT {
                let cause = "the change waited too long".to_owned();
                replies.send_one(waiting, Err(CommitError::Unavailable(cause)));
            } else if matches!(waiting.request.operation, Operation::Account(_) | Operation::Upkeep(_)) {
                // In the order sent: what came before is committed before, what comes after sees it.
                serve_batch(&mut database, std::mem::take(&mut batch), replies, health).await;
                let outcome = run_single(&mut database, &waiting.request).await;
                match &outcome {
                    // Others write nothing or next to nothing, which proves nothing.
                    Ok(_) if matches!(waiting.request.operation, Operation::Upkeep(Upkeep::Probe)) => {
                        health.record_success()
                    }
                    Ok(_) => {}
                    Err(failure) => health.record_failure(failure),
                }
                replies.send_one(waiting, outcome.map_err(CommitError::from));
            } else {
                batch.push(waiting);
            }
        }
        serve_batch(&mut database, batch, replies, health).await;
    }
    database.close().await;
}

/// Serves a batch; one that the data spoils is served again one by one, so that only the spoiler fails.
async fn serve_batch(
    database: &mut impl Database,
    mut batch: Vec<QueuedRequest>,
    replies: &ReplyDispatcher,
    health: &WriterHealth,
) {
    if batch.is_empty() {
        return;
    }
    let started = Instant::now();
    let waited = batch.iter().map(|waiting| started.duration_since(waiting.since)).max().unwrap_or_default();
    let outcome = transact(database, &mut batch, health).await;
    meters::count_batch(batch.len(), waited, started.elapsed());
    match outcome {
        Ok((answers, changes)) => {
            replies.send(batch.into_iter().zip(answers.into_iter().map(Ok)), changes);
        }
        Err(Failure::Data(cause)) if batch.len() > 1 => {
            tracing::warn!(
                cause,
                requests = batch.len(),
                "a batch was refused; its requests are tried one by one"
            );
            for mut waiting in batch {
                let outcome = transact(database, std::slice::from_mut(&mut waiting), health).await;
                replies.send_one(waiting, outcome.map_err(CommitError::from).and_then(single));
            }
        }
        Err(failure) => {
            let error = CommitError::from(failure);
            replies.send(batch.into_iter().map(|waiting| (waiting, Err(error.clone()))), Changes::default());
        }
    }
}

fn single((answers, _): (Vec<Answer>, Changes)) -> Result<Answer, CommitError> {
    let missing = || CommitError::Failed("the work was not decided".to_owned());
    answers.into_iter().next().ok_or_else(missing)
}

/// Does a request alone, again where another transaction was in the way.
async fn run_single(database: &mut impl Database, request: &WriteRequest) -> Result<Answer, Failure> {
    let mut tries = RetryBudget::begin();
    loop {
        if let Some(outcome) = tries.judge(database.run_single(request).await) {
            return outcome;
        }
    }
}

/// Serves requests in one transaction, again where another was in the way.
async fn transact(
    database: &mut impl Database,
    batch: &mut [QueuedRequest],
    health: &WriterHealth,
) -> Result<(Vec<Answer>, Changes), Failure> {
    let mut tries = RetryBudget::begin();
    loop {
        let outcome = run_batch(database, batch).await;
        let Some(outcome) = tries.judge(outcome) else { continue };
        match &outcome {
            // Nothing was written, which proves nothing.
            Ok((_, changes)) if changes.is_empty() => {}
            Ok(_) => health.record_success(),
            Err(failure) => health.record_failure(failure),
        }
        return outcome;
    }
}

/// Counts the tries.
struct RetryBudget {
    left: u32,
    until: Instant,
}

impl RetryBudget {
    fn begin() -> Self {
        Self { left: ATTEMPTS_MAX, until: Instant::now() + RETRY_LIMIT }
    }

    /// An outcome that counts; nothing where it is to be tried again.
    fn judge<T>(&mut self, outcome: Result<T, Failure>) -> Option<Result<T, Failure>> {
        let Err(Failure::Again(cause)) = outcome else { return Some(outcome) };
        metrics::counter!("rebuttal_commit_retries_total").increment(1);
        tracing::debug!(cause, "requests are served again");
        self.left = self.left.saturating_sub(1);
        let gives_up = self.left == 0 || Instant::now() >= self.until;
        gives_up.then(|| Err(Failure::Unavailable(cause)))
    }
}

/// The four steps: load, decide, save, commit.
async fn run_batch(
    database: &mut impl Database,
    batch: &mut [QueuedRequest],
) -> Result<(Vec<Answer>, Changes), Failure> {
    let loaded = match database.load(&KeySet::of(batch.iter().map(|waiting| &waiting.request))).await {
        Ok(loaded) => loaded,
        Err(failure) => {
            database.abandon().await;
            return Err(failure);
        }
    };
    if batch.iter().any(|waiting| waiting.since.elapsed() > COMMIT_LIMIT) {
        // Another replica may have let a deadline expire that one of them kept; what was locked now stays as it is.
        database.abandon().await;
        return Err(Failure::Unavailable("the database took too long".to_owned()));
    }
    let mut state = BatchState::new(loaded);
    let answers = batch.iter_mut().map(|waiting| state.decide(&mut waiting.request)).collect();
    let changes = state.into_changes();
    if changes.is_empty() {
        database.abandon().await;
        return Ok((answers, changes));
    }
    if let Err(failure) = database.save(&changes).await {
        database.abandon().await;
        return Err(failure);
    }
    Ok((answers, changes))
}
