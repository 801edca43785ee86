//! Whether a connection rests between two requests, since when, and the wish that it end there: where all slots of a
//! listener are taken, one that rests gives way to one that comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

#[derive(Default)]
pub(crate) struct IdleState {
    since: Mutex<Option<Instant>>,
    asked: AtomicBool,
    task: AtomicWaker,
}

impl IdleState {
    /// Rests until it is asked to end.
    pub(super) fn poll_asked(&self, cx: &Context<'_>) -> Poll<()> {
        self.since.lock().get_or_insert_with(Instant::now);
        self.task.register(cx.waker());
        match self.asked.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Something of a request has come.
    pub(super) fn end(&self) {
        *self.since.lock() = None;
    }

    /// For how long it has rested; not where it was asked to end already.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let since = (*self.since.lock())?;
        (!self.asked.load(Ordering::Acquire)).then(|| since.elapsed())
    }

    /// Has it end as soon as it rests: a request that comes in between is still answered.
    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        self.task.wake();
    }
}
