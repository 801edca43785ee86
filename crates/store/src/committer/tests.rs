//! The committer on a scripted database, with paused time: failures that no real database produces on demand.

use std::collections::VecDeque;

use rebuttal_protocol::{AppId, UnixMillis};
use tokio::task::JoinHandle;

use super::*;
use crate::AccountChange;
use crate::accounts::TokenHash;
use crate::write_request::{Idempotency, NonceUse, Operation, Outcome, Rejection};

/// A call by the committer. For a load, the number of nonces in the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Load(usize),
    Save,
    RollBack,
    Single,
    Close,
}

use Call::{Close, Load, RollBack, Save, Single};

/// The result of each call; after the end of the script, every call succeeds.
#[derive(Default)]
struct Script {
    /// How many milliseconds a load takes.
    load_ms: VecDeque<u64>,
    loads: VecDeque<Failure>,
    saves: VecDeque<Result<(), Failure>>,
    singles: VecDeque<Result<(), Failure>>,
    calls: Vec<Call>,
}

#[derive(Clone, Default)]
struct ScriptedDatabase(Arc<Mutex<Script>>);

impl ScriptedDatabase {
    fn new(script: Script) -> Self {
        Self(Arc::new(Mutex::new(script)))
    }

    fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.0.lock().calls)
    }
}

impl Database for ScriptedDatabase {
    async fn load(&mut self, keys: &KeySet) -> Result<Loaded, Failure> {
        let (takes, failure) = {
            let mut script = self.0.lock();
            script.calls.push(Load(keys.nonces.len()));
            (script.load_ms.pop_front(), script.loads.pop_front())
        };
        if let Some(takes) = takes {
            tokio::time::sleep(Duration::from_millis(takes)).await;
        }
        failure.map_or_else(|| Ok(Loaded::default()), Err)
    }

    async fn save(&mut self, _: &Changes) -> Result<(), Failure> {
        let mut script = self.0.lock();
        script.calls.push(Save);
        script.saves.pop_front().unwrap_or(Ok(()))
    }

    async fn roll_back(&mut self) {
        self.0.lock().calls.push(RollBack);
    }

    async fn run_single(&mut self, _: &WriteRequest<SingleOperation>) -> Result<WriteResult, Failure> {
        let mut script = self.0.lock();
        script.calls.push(Single);
        script.singles.pop_front().unwrap_or(Ok(())).map(|()| Ok(Outcome::Nothing))
    }

    async fn close(&mut self) {
        self.0.lock().calls.push(Close);
    }
}

/// A request that uses a nonce.
fn write(number: u64) -> QueuedRequest {
    let nonce = format!("nonce-{number:026}").parse().unwrap();
    let nonce = NonceUse { timestamp: UnixMillis(1), app_id: AppId::from_bytes([7; 16]), nonce };
    let (arrived_at, idempotency) = (UnixMillis(1), Idempotency::Nonce(nonce));
    WriteRequest { arrived_at, idempotency, token: None, operation: Operation::UseNonce }.into()
}

/// A request that is rejected, so that nothing is written.
fn revoked() -> QueuedRequest {
    let (arrived_at, idempotency) = (UnixMillis(1), Idempotency::None);
    let token = Some(TokenHash([1; 32]));
    WriteRequest { arrived_at, idempotency, token, operation: Operation::UseNonce }.into()
}

fn account() -> QueuedRequest {
    let change = AccountChange::SecretUsed { secret_id: [1; 16] };
    WriteRequest::internal(UnixMillis(1), SingleOperation::Account(change)).into()
}

fn probe() -> QueuedRequest {
    WriteRequest::internal(UnixMillis(1), SingleOperation::Maintenance(Maintenance::Probe)).into()
}

fn disk_full() -> Failure {
    Failure::Unavailable("disk full".to_owned())
}

fn conflict() -> Failure {
    Failure::Retry("conflict".to_owned())
}

fn constraint() -> Failure {
    Failure::Data("constraint".to_owned())
}

fn done() -> CommitResult {
    Ok(Ok(Outcome::Nothing))
}

fn unavailable(cause: &str) -> CommitResult {
    Err(CommitError::Unavailable(cause.to_owned()))
}

fn committer(options: &Options) -> (Arc<Committer>, Worker) {
    let (committer, worker) = Committer::new(options);
    (Arc::new(committer), worker)
}

/// A committer with a running worker.
fn start(database: &ScriptedDatabase) -> Arc<Committer> {
    let (committer, worker) = committer(&Options::default());
    tokio::spawn(worker.run(database.clone()));
    committer
}

/// Queues requests in this order.
async fn queue(
    committer: &Arc<Committer>,
    requests: impl IntoIterator<Item = QueuedRequest>,
) -> Vec<JoinHandle<CommitResult>> {
    let mut queued = Vec::new();
    for request in requests {
        let committer = Arc::clone(committer);
        queued.push(tokio::spawn(async move { committer.commit(request).await }));
        tokio::task::yield_now().await;
    }
    queued
}

async fn answers(queued: Vec<JoinHandle<CommitResult>>) -> Vec<CommitResult> {
    let mut answers = Vec::new();
    for answer in queued {
        answers.push(answer.await.unwrap());
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn a_request_joins_no_batch_after_waiting_4_s() {
    for (waits_ms, answer) in [(4_000, done()), (4_001, unavailable("the change waited too long"))] {
        // The second request waits for the first one's batch.
        let script = Script { load_ms: [waits_ms].into(), ..Script::default() };
        let committer = start(&ScriptedDatabase::new(script));
        let queued = queue(&committer, [write(1), write(2)]).await;
        assert_eq!(answers(queued).await, [done(), answer], "{waits_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_not_decided_after_5_s() {
    for (takes_ms, answer, calls) in [
        (5_000, done(), [Load(1), Save]),
        (5_001, unavailable("the database took too long"), [Load(1), RollBack]),
    ] {
        let database = ScriptedDatabase::new(Script { load_ms: [takes_ms].into(), ..Script::default() });
        assert_eq!(start(&database).commit(write(1)).await, answer, "{takes_ms} ms");
        assert_eq!(database.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_the_last_commit() {
    let database = ScriptedDatabase::new(Script { load_ms: [1_000, 1_000].into(), ..Script::default() });
    let (committer, worker) = committer(&Options { batch_max: 1, ..Options::default() });
    let queued = queue(&committer, [write(1), write(2)]).await;
    assert_eq!(committer.waiting(), 2);
    tokio::spawn(worker.run(database.clone()));
    committer.close().await;
    assert_eq!(database.calls(), [Load(1), Save, Load(1), Save, Close]);
    assert_eq!(answers(queued).await, [done(), done()]);
    assert_eq!(committer.commit(write(3)).await, unavailable("the gateway is stopping"));
    assert_eq!(committer.waiting(), 0);
    committer.close().await;
}

#[tokio::test(start_paused = true)]
async fn health_follows_the_last_write() {
    let database = ScriptedDatabase::default();
    let committer = start(&database);
    assert!(committer.is_unhealthy(), "nothing was written yet");
    let lost = Failure::Unknown("connection lost".to_owned());
    for (request, save, single, is_unhealthy) in [
        (revoked(), None, None, true),
        (account(), None, None, true),
        (probe(), None, None, false),
        (write(1), Some(disk_full()), None, true),
        (write(2), None, None, false),
        (write(3), Some(lost), None, true),
        (revoked(), None, None, true),
        (probe(), None, Some(constraint()), true),
        (write(4), None, None, false),
        (write(5), Some(constraint()), None, false),
        (account(), None, Some(disk_full()), true),
        (account(), None, None, true),
        (probe(), None, None, false),
        (probe(), None, Some(disk_full()), true),
    ] {
        let case = format!("{request:?}, {save:?}, {single:?}");
        {
            let mut script = database.0.lock();
            script.saves.extend(save.map(Err));
            script.singles.extend(single.map(Err));
        }
        let _ = committer.commit(request).await;
        assert_eq!(committer.is_unhealthy(), is_unhealthy, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_refused_request_of_a_batch_fails_alone() {
    let saves = [Err(constraint()), Ok(()), Err(constraint()), Ok(())].into();
    let database = ScriptedDatabase::new(Script { saves, ..Script::default() });
    let (committer, worker) = committer(&Options::default());
    let queued = queue(&committer, [write(1), write(2), write(3)]).await;
    tokio::spawn(worker.run(database.clone()));
    let failed = Err(CommitError::Failed("constraint".to_owned()));
    assert_eq!(answers(queued).await, [done(), failed.clone(), done()]);
    let [one_by_one, refused] = [[Load(1), Save], [Save, RollBack]].map(Vec::from);
    let batch = [vec![Load(3)], refused.clone()];
    let alone = [one_by_one.clone(), vec![Load(1)], refused.clone(), one_by_one];
    assert_eq!(database.calls(), [batch.concat(), alone.concat()].concat());

    database.0.lock().saves.push_back(Err(constraint()));
    assert_eq!(committer.commit(write(4)).await, failed);
    assert_eq!(database.calls(), [Load(1), Save, RollBack], "a request alone is tried once");
}

#[tokio::test(start_paused = true)]
async fn conflicts_are_retried_8_times_within_2_s() {
    for (load_ms, conflicts, attempts, answer) in [
        (0, 7, 8, done()),
        (0, 8, 8, unavailable("conflict")),
        (999, 9, 3, unavailable("conflict")),
        (1_000, 9, 2, unavailable("conflict")),
    ] {
        let script = Script {
            load_ms: std::iter::repeat_n(load_ms, attempts).collect(),
            saves: (0..conflicts).map(|_| Err(conflict())).collect(),
            ..Script::default()
        };
        let database = ScriptedDatabase::new(script);
        assert_eq!(start(&database).commit(write(1)).await, answer, "{conflicts} of {load_ms} ms");
        let loads = database.calls().iter().filter(|call| **call == Load(1)).count();
        assert_eq!(loads, attempts, "{conflicts} of {load_ms} ms");
    }
    let singles = (0..8).map(|_| Err(conflict())).collect();
    let database = ScriptedDatabase::new(Script { singles, ..Script::default() });
    assert_eq!(start(&database).commit(account()).await, unavailable("conflict"));
    assert_eq!(database.calls(), [Single; 8]);
}

#[tokio::test(start_paused = true)]
async fn single_requests_are_served_in_the_order_sent() {
    let database = ScriptedDatabase::default();
    let (committer, worker) = committer(&Options::default());
    let queued = queue(&committer, [write(1), write(2), account(), write(3)]).await;
    tokio::spawn(worker.run(database.clone()));
    assert_eq!(answers(queued).await, [done(), done(), done(), done()]);
    assert_eq!(database.calls(), [Load(2), Save, Single, Load(1), Save]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_holds_no_more_than_its_limit() {
    let database = ScriptedDatabase::default();
    let (committer, worker) = committer(&Options { batch_max: 2, ..Options::default() });
    let queued = queue(&committer, (0..5).map(write)).await;
    tokio::spawn(worker.run(database.clone()));
    assert_eq!(answers(queued).await, [done(), done(), done(), done(), done()]);
    assert_eq!(database.calls(), [Load(2), Save, Load(2), Save, Load(1), Save]);
}

#[tokio::test(start_paused = true)]
async fn batch_without_writes_is_rolled_back() {
    let database = ScriptedDatabase::new(Script { loads: [disk_full()].into(), ..Script::default() });
    let committer = start(&database);
    assert_eq!(committer.commit(write(1)).await, unavailable("disk full"));
    assert_eq!(database.calls(), [Load(1), RollBack]);
    assert_eq!(committer.commit(revoked()).await, Ok(Err(Rejection::TokenRevoked)));
    assert_eq!(database.calls(), [Load(0), RollBack]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_more() {
    let (committer, worker) = committer(&Options { queue_max: 2, ..Options::default() });
    let queued = queue(&committer, [write(1), write(2)]).await;
    assert_eq!(committer.commit(write(3)).await, unavailable("too many changes are waiting"));
    tokio::spawn(worker.run(ScriptedDatabase::default()));
    assert_eq!(answers(queued).await, [done(), done()]);
}

#[tokio::test(start_paused = true)]
async fn no_request_waits_for_a_worker_that_ended() {
    let (committer, worker) = committer(&Options::default());
    committer.health.record_success();
    let queued = queue(&committer, [write(1)]).await;
    drop(worker);
    let unknown = CommitError::Unknown("the committer stopped before it answered".to_owned());
    assert_eq!(answers(queued).await, [Err(unknown)]);
    let failed = unavailable("the committer has failed; restart the gateway");
    assert_eq!(committer.commit(write(2)).await, failed);
    assert!(committer.is_unhealthy());
    committer.close().await;
}
