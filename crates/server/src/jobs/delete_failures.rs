//! Collects failed deletions: the files are retried in a later run, and do not block those behind them.

use rebuttal_protocol::StorageUri;

/// Failures after which a sweep is aborted: a store that does not answer takes seconds for each.
const FAILURES_MAX: usize = 10;

/// The failed deletions of a sweep.
#[derive(Default)]
pub(super) struct DeleteFailures {
    count: usize,
    first: Option<(StorageUri, anyhow::Error)>,
}

impl DeleteFailures {
    /// Adds a file and the error.
    pub(super) fn add(&mut self, url: StorageUri, error: impl Into<anyhow::Error>) {
        self.count += 1;
        self.first.get_or_insert_with(|| (url, error.into()));
    }

    /// Whether to abort the sweep: the store itself may be failing.
    pub(super) const fn is_limit_reached(&self) -> bool {
        self.count >= FAILURES_MAX
    }

    /// An error if any deletion failed, with the first cause.
    pub(super) fn into_result(self) -> anyhow::Result<()> {
        let Some((url, error)) = self.first else { return Ok(()) };
        Err(error.context(format!("failed deletions: {}, the first of them {url}", self.count)))
    }
}
