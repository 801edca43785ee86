//! Reads that wait for the disk do not block the other requests of a runtime's thread.
//!
//! A read of pages in memory takes microseconds, less than a handover to another thread. Whether its pages are in
//! memory is not known before. So a read runs on the calling thread, and after one that took long, the thread's other
//! tasks are handed to another thread before each read, for a while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// A read that takes longer has waited for the disk, or for a processor.
const LONG: Duration = Duration::from_millis(2);
/// How long reads are expected to wait after one that did.
const COLD_FOR: Duration = Duration::from_millis(500);

/// Whether reads wait for the disk at present.
pub(super) struct ColdReads {
    since: Instant,
    /// In milliseconds after `since`.
    cold_until: AtomicU64,
}

impl ColdReads {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), cold_until: AtomicU64::new(0) }
    }

    pub(super) fn run<T>(&self, read: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let outcome = match self.millis(started) < self.cold_until.load(Ordering::Relaxed) && can_hand_over()
        {
            true => block_in_place(read),
            false => read(),
        };
        let ended = Instant::now();
        if ended - started > LONG {
            self.cold_until.store(self.millis(ended + COLD_FOR), Ordering::Relaxed);
        }
        outcome
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from((at - self.since).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Only a runtime with several threads has another one.
fn can_hand_over() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// On a runtime with one worker: a read that waits for a task of the same thread would never end.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn tasks_run_while_a_cold_read_waits() {
        let reads = ColdReads::new();
        let on_worker = tokio::spawn(async move {
            let (_sender, nothing) = mpsc::channel::<()>();
            reads.run(|| nothing.recv_timeout(2 * LONG).unwrap_err());
            let (done, is_done) = mpsc::channel();
            tokio::spawn(async move { done.send(()) });
            reads.run(|| is_done.recv_timeout(Duration::from_secs(60)))
        });
        on_worker.await.unwrap().unwrap();
    }
}
