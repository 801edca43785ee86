//! The lanes: committers that run in parallel, each with its own connection. All requests on one dispute take the
//! same lane, so that they share batches and do not wait for each other's locks. The lane affects only the speed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use crate::committer::{Committer, Database};
use crate::write_request::{
    Idempotency, Maintenance, Operation, QueuedRequest, SingleOperation, WriteRequest, WriteResult,
};
use crate::{CommitError, Options, StoreError};

/// How busy the lanes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitTraffic {
    /// Requests that wait to join a batch, in all lanes.
    pub waiting: usize,
    /// Most waiting requests, in all lanes.
    pub waiting_max: usize,
    /// Batches that can be committed concurrently.
    pub lanes: usize,
    /// Lanes whose last write failed because of the database, or that have not written yet.
    pub lanes_failing: usize,
}

/// All lanes, at least one.
pub(crate) struct Lanes {
    committers: Vec<Committer>,
    waiting_max: usize,
}

impl Lanes {
    /// Starts a committer for each database; they share the limit of waiting requests.
    pub(crate) fn start<D: Database + Send + 'static>(
        databases: Vec<D>,
        options: &Options,
    ) -> io::Result<Self> {
        let queue_max = options.queue_max.div_ceil(databases.len().max(1));
        let waiting_max = queue_max * databases.len();
        let options = Options { queue_max, ..options.clone() };
        let committers = databases.into_iter().map(|database| Committer::start(database, &options));
        Ok(Self { committers: committers.collect::<io::Result<_>>()?, waiting_max })
    }

    pub(crate) fn traffic(&self) -> CommitTraffic {
        CommitTraffic {
            waiting: self.committers.iter().map(Committer::waiting).sum(),
            waiting_max: self.waiting_max,
            lanes: self.committers.len(),
            lanes_failing: self.committers.iter().filter(|committer| committer.is_unhealthy()).count(),
        }
    }

    pub(crate) async fn commit(&self, request: QueuedRequest) -> Result<WriteResult, CommitError> {
        let lane = match self.committers.len() {
            0 | 1 => 0,
            lanes => usize::try_from(lane_hash(&request)).unwrap_or_default() % lanes,
        };
        match self.committers.get(lane) {
            Some(committer) => committer.commit(request).await,
            None => Err(CommitError::Unavailable("no committer is running".to_owned())),
        }
    }

    /// Accepts no more requests, and returns once every waiting one is answered.
    pub(crate) async fn close(&self) {
        for committer in &self.committers {
            committer.close().await;
        }
    }

    /// Tries a write that changes nothing in each lane that is unhealthy.
    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        for committer in self.committers.iter().filter(|committer| committer.is_unhealthy()) {
            let operation = SingleOperation::Maintenance(Maintenance::Probe);
            let arrived_at = rebuttal_protocol::UnixMillis(0);
            let request = WriteRequest::internal(arrived_at, operation);
            drop(committer.commit(request.into()).await?);
        }
        Ok(())
    }
}

/// A number that is the same for requests that belong together.
fn lane_hash(request: &QueuedRequest) -> u64 {
    let mut hasher = DefaultHasher::new();
    // Single operations all use the first lane, so they run in the order sent.
    let QueuedRequest::Batched(request) = request else { return 0 };
    match (&request.operation, &request.idempotency) {
        (Operation::Command { dispute_no, .. }, _) => dispute_no.hash(&mut hasher),
        (Operation::Open { opening, .. }, _) => opening.dispute_no.hash(&mut hasher),
        (Operation::RecordUpload { upload, .. }, _) => upload.url.hash(&mut hasher),
        (Operation::UseNonce, Idempotency::Nonce(nonce)) => nonce.hash(&mut hasher),
        (Operation::UseNonce, Idempotency::Key(key)) => key.hash(&mut hasher),
        (Operation::UseNonce, Idempotency::None) => {}
    }
    // The upper half: the maps of a batch use the lower one.
    hasher.finish() >> 32
}
