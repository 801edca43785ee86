//! Waits for a database or object store that is not available yet, such as one that boots with the gateway.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::http::error::causes;

/// The pause between two attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Limits how long a start waits for its dependencies in total.
pub(super) struct StartWait {
    limit: Duration,
    began: Instant,
    waits_for: Option<&'static str>,
}

impl StartWait {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, began: Instant::now(), waits_for: None }
    }

    /// Pauses before the next attempt; `false` if the time is over. Each dependency is logged once.
    pub(super) async fn before_retry(&mut self, dependency: &'static str, reason: &anyhow::Error) -> bool {
        let end = self.began + self.limit;
        if Instant::now() >= end {
            return false;
        }
        if self.waits_for.replace(dependency) != Some(dependency) {
            let limit = self.limit.as_secs();
            tracing::warn!(
                reason = causes(reason),
                "waiting for {dependency}, up to {limit} s from the start (start_wait_seconds)"
            );
        }
        tokio::select! {
            () = sleep(RETRY_PAUSE) => {}
            () = sleep_until(end) => {}
        }
        true
    }

    /// Logs the end of the wait, if there was one.
    pub(super) fn finish(&self) {
        if let Some(dependency) = self.waits_for {
            tracing::info!(
                waited_ms = self.began.elapsed().as_millis(),
                "no longer waiting for {dependency}; the start continues"
            );
        }
    }

    /// Adds the wait to the error of a start that timed out.
    pub(super) fn timed_out(&self, what: &str, error: anyhow::Error) -> anyhow::Error {
        match self.limit.as_secs() {
            0 => error,
            seconds => error.context(format!("waited {seconds} s for {what} (start_wait_seconds)")),
        }
    }
}
