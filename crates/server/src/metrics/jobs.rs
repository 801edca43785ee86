//! What is counted of the sweeper's chores.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::clock;

/// What is counted of one chore. The handles are looked up once.
pub(crate) struct JobMetrics {
    seconds: Histogram,
    failures: Counter,
    succeeded_at: Gauge,
}

impl JobMetrics {
    pub(crate) fn new(chore: &'static str) -> Self {
        Self {
            seconds: histogram!("rebuttal_chore_seconds", "chore" => chore),
            failures: counter!("rebuttal_chore_failures_total", "chore" => chore),
            succeeded_at: gauge!("rebuttal_chore_success_timestamp_seconds", "chore" => chore),
        }
    }

    /// Counts one time that the chore was done, or failed.
    pub(crate) fn count(&self, succeeded: bool, took: Duration) {
        self.seconds.record(took);
        match succeeded {
            true => self.succeeded_at.set(clock::now().0 as f64 / 1e3),
            false => self.failures.increment(1),
        }
    }
}
