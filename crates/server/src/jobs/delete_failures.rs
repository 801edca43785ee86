//! Files that could not be deleted: each is left for another time, and none holds back those behind it.

use rebuttal_protocol::StorageUri;

/// After how many a sweep is broken off: a store that does not answer takes seconds for each.
const FAILURES_MAX: usize = 10;

/// What a sweep had to leave where it is.
#[derive(Default)]
pub(super) struct DeleteFailures {
    count: usize,
    first: Option<(StorageUri, anyhow::Error)>,
}

impl DeleteFailures {
    /// Notes a file, and why it is still there.
    pub(super) fn note(&mut self, url: StorageUri, error: impl Into<anyhow::Error>) {
        self.count += 1;
        self.first.get_or_insert_with(|| (url, error.into()));
    }

    /// Whether to break off: the store itself may be at fault.
    pub(super) const fn is_limit_reached(&self) -> bool {
        self.count >= FAILURES_MAX
    }

    /// An error where any file was left, with the reason of the first.
    pub(super) fn into_result(self) -> anyhow::Result<()> {
        let Some((url, error)) = self.first else { return Ok(()) };
        Err(error
            .context(format!("files that could not be deleted: {}, the first of them {url}", self.count)))
    }
}
