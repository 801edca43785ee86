//! Whether a connection is idle between two requests, since when, and whether it should close: when a listener has no
//! free slot, an idle connection is evicted for a new one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

#[derive(Default)]
pub(crate) struct IdleState {
    idle_since: Mutex<Option<Instant>>,
    close_requested: AtomicBool,
    task: AtomicWaker,
}

impl IdleState {
    /// The connection is idle: ready when closing is requested.
    pub(super) fn poll_close_requested(&self, cx: &Context<'_>) -> Poll<()> {
        self.idle_since.lock().get_or_insert_with(Instant::now);
        self.task.register(cx.waker());
        match self.close_requested.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// A request has begun to arrive.
    pub(super) fn resume(&self) {
        *self.idle_since.lock() = None;
    }

    /// How long the connection has been idle; `None` if it is busy or was already asked to close.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let idle_since = (*self.idle_since.lock())?;
        (!self.close_requested.load(Ordering::Acquire)).then(|| idle_since.elapsed())
    }

    /// Closes the connection as soon as it is idle; a request that arrives before is still answered.
    pub(super) fn request_close(&self) {
        self.close_requested.store(true, Ordering::Release);
        self.task.wake();
    }
}
