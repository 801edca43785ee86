//! What the committer counts. The handles are looked up once; a batch costs a few atomics, whatever its size, and no
//! lock.
//!
//! What each figure means is told where they are exported: `metrics/described.rs` of the server.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

use crate::CommitError;
use crate::write_request::Answer;

/// Taken from whatever recorder the process has when the first batch is served; it has one, or none, for good.
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
        let works = |outcome: &'static str| counter!("rebuttal_commit_works_total", "outcome" => outcome);
        Self {
            batch_size: histogram!("rebuttal_commit_batch_size"),
            seconds: histogram!("rebuttal_commit_seconds"),
            wait_seconds: histogram!("rebuttal_commit_wait_seconds"),
            done: works("done"),
            refused: works("refused"),
            unavailable: works("unavailable"),
            unknown: works("unknown"),
            failed: works("failed"),
        }
    }
}

/// Counts a batch that was served, or was not: its size, how long its longest waiting work had waited, and how long it
/// took.
pub(crate) fn count_batch(works: usize, waited: Duration, took: Duration) {
    METERS.batch_size.record(works as f64);
    METERS.wait_seconds.record(waited);
    METERS.seconds.record(took);
}

/// Counts the outcomes of works that are answered together.
pub(crate) fn count_works<'r>(replies: impl Iterator<Item = &'r Result<Answer, CommitError>>) {
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
