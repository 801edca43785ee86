//! Waits for what a start needs and does not find yet, as after the boot of a machine that runs it, too.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::http::error::causes;

/// Between two tries.
const TRY_PAUSE: Duration = Duration::from_millis(500);

/// The time that a start has left to wait, and what it waits for.
pub(super) struct Wait {
    limit: Duration,
    began: Instant,
    for_what: Option<&'static str>,
}

impl Wait {
    pub(super) fn of(limit: Duration) -> Self {
        Self { limit, began: Instant::now(), for_what: None }
    }

    /// Pauses before another try; `false` where no time is left for one. The log tells once what is waited for.
    pub(super) async fn again(&mut self, what: &'static str, reason: &anyhow::Error) -> bool {
        let end = self.began + self.limit;
        if Instant::now() >= end {
            return false;
        }
        if self.for_what.replace(what) != Some(what) {
            let limit = self.limit.as_secs();
            tracing::warn!(
                reason = causes(reason),
                "waiting for {what}, which does not answer, up to {limit} s from the start (start_wait_seconds)"
            );
        }
        tokio::select! {
            () = sleep(TRY_PAUSE) => {}
            () = sleep_until(end) => {}
        }
        true
    }

    /// Says that there is no need to wait any more, if there was one.
    pub(super) fn finished(&self) {
        if let Some(what) = self.for_what {
            tracing::info!(
                waited_ms = self.began.elapsed().as_millis(),
                "no longer waiting for {what}; the start goes on"
            );
        }
    }

    /// Says in the error what was waited for, and for how long.
    pub(super) fn given_up(&self, what: &str, error: anyhow::Error) -> anyhow::Error {
        match self.limit.as_secs() {
            0 => error,
            seconds => error.context(format!("waited {seconds} s for {what} (start_wait_seconds)")),
        }
    }
}
