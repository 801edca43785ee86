//! How often the log tells the same again: what a stranger can bring about must not fill it.

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

    /// Whether it is time to tell it; who asks tells it.
    pub(crate) fn is_due(&self) -> bool {
        let mut last = self.last.lock();
        let is_due = last.is_none_or(|last| last.elapsed() >= self.every);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}
