//! Limits how often a log line repeats: what unauthenticated callers can trigger must not fill the log.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

pub(crate) struct LogThrottle {
    every: Duration,
    last: Mutex<Option<Instant>>,
}

impl LogThrottle {
    pub(crate) const fn every(every: Duration) -> Self {
        Self { every, last: Mutex::new(None) }
    }

    /// Whether the line is due; if so, the caller must log it now.
    pub(crate) fn is_due(&self) -> bool {
        let mut last = self.last.lock();
        let is_due = last.is_none_or(|last| last.elapsed() >= self.every);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}
