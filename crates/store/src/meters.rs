//! Metrics of the committer. The handles are looked up once; a batch costs a few atomic operations, whatever its
//! size, and no lock.
//!
//! The server has the description of each, where it exports them.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

use crate::CommitError;
use crate::write_request::WriteResult;

/// From the recorder that is installed when the first batch is served.
static METERS: LazyLock<Meters> = LazyLock::new(Meters::new);

struct Meters {
    batch_size: Histogram,
    seconds: Histogram,
    wait_seconds: Histogram,
    done: Counter,
    refused: Counter,
    unavailable: Counter,
    unknown: Counter,
    failed: Counter,
}

impl Meters {
    fn new() -> Self {
        let requests =
            |outcome: &'static str| counter!("rebuttal_commit_requests_total", "outcome" => outcome);
        Self {
            batch_size: histogram!("rebuttal_commit_batch_size"),
            seconds: histogram!("rebuttal_commit_seconds"),
            wait_seconds: histogram!("rebuttal_commit_wait_seconds"),
            done: requests("done"),
            refused: requests("refused"),
            unavailable: requests("unavailable"),
            unknown: requests("unknown"),
            failed: requests("failed"),
        }
    }
}

/// Counts a batch, served or not: its size, how long its longest waiting request had waited, and how long it took.
pub(crate) fn count_batch(requests: usize, waited: Duration, took: Duration) {
    METERS.batch_size.record(requests as f64);
    METERS.wait_seconds.record(waited);
    METERS.seconds.record(took);
}

/// Counts the outcomes of requests that are answered together.
pub(crate) fn count_requests<'r>(replies: impl Iterator<Item = &'r Result<WriteResult, CommitError>>) {
    let (mut done, mut refused) = (0, 0);
    for reply in replies {
        match reply {
            Ok(Ok(_)) => done += 1,
            Ok(Err(_)) => refused += 1,
            Err(CommitError::Unavailable(_)) => METERS.unavailable.increment(1),
            Err(CommitError::Unknown(_)) => METERS.unknown.increment(1),
            Err(CommitError::Failed(_)) => METERS.failed.increment(1),
        }
    }
    METERS.done.increment(done);
    METERS.refused.increment(refused);
}
