//! The progress of a migration to another layout, in the log: it may take minutes.

use std::time::{Duration, Instant};

/// How often progress is logged.
const REPORT_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct LayoutProgress {
    disputes: i64,
    of: i64,
    reported: Instant,
}

impl LayoutProgress {
    pub(crate) fn new(disputes: i64, of: i64) -> Self {
        Self { disputes, of, reported: Instant::now() }
    }

    /// So many more disputes are copied.
    pub(crate) fn add(&mut self, copied: i64) {
        self.disputes += copied;
        if self.reported.elapsed() >= REPORT_EVERY {
            let Self { disputes, of, .. } = self;
            tracing::info!(disputes, of, "migrating the database to its new layout; it can be interrupted");
            self.reported = Instant::now();
        }
    }
}
