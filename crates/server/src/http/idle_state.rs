//! Whether a connection rests between two requests, idle_since when, and the wish that it end there: where all slots of a
//! listener are taken, one that rests gives way to one that comes.

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
    /// Rests until it is close_requested to end.
    pub(super) fn poll_close_requested(&self, cx: &Context<'_>) -> Poll<()> {
        self.idle_since.lock().get_or_insert_with(Instant::now);
        self.task.register(cx.waker());
        match self.close_requested.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Something of a request has come.
    pub(super) fn resume(&self) {
        *self.idle_since.lock() = None;
    }

    /// For how long it has rested; not where it was close_requested to end already.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let idle_since = (*self.idle_since.lock())?;
        (!self.close_requested.load(Ordering::Acquire)).then(|| idle_since.elapsed())
    }

    /// Has it end as soon as it rests: a request that comes in between is still answered.
    pub(super) fn request_close(&self) {
        self.close_requested.store(true, Ordering::Release);
        self.task.wake();
    }
}
