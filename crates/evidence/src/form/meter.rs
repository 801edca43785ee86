//! Counts a body's bytes as it is read, and yields a chunk only when one is needed.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use parking_lot::Mutex;
use rebuttal_protocol::Scene;

use super::FORM_TAIL_MAX_BYTES;
use crate::BodyError;

type Body = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// A body that ends with an error when more bytes than its limit are read. Clones read the same body.
///
/// The multipart parser reads everything that a stream has ready into memory before it parses, which could be the
/// whole file. So the body is closed until the parser needs more, then opened for one chunk; see [`Meter::drive`].
#[derive(Clone)]
pub(super) struct Meter(Arc<Mutex<State>>);

struct State {
    body: Body,
    taken: u64,
    limit: u64,
    over: bool,
    gate: Gate,
}

#[derive(PartialEq, Eq)]
enum Gate {
    /// No chunk is yielded.
    Closed,
    /// No chunk was yielded, and one was requested.
    Knocked,
    /// One chunk is yielded.
    Open,
}

impl Meter {
    pub(super) fn new(body: Body, limit: u64) -> Self {
        Self(Arc::new(Mutex::new(State { body, taken: 0, limit, over: false, gate: Gate::Closed })))
    }

    /// Runs a step of the parser, and yields only the chunks that it needs.
    pub(super) async fn drive<T>(&self, step: impl Future<Output = T>) -> T {
        let mut step = pin!(step);
        poll_fn(|context| {
            loop {
                if let Poll::Ready(outcome) = step.as_mut().poll(context) {
                    return Poll::Ready(outcome);
                }
                let mut state = self.0.lock();
                if state.gate != Gate::Knocked {
                    // The body has nothing yet, and wakes the task when it has.
                    return Poll::Pending;
                }
                state.gate = Gate::Open;
            }
        })
        .await
    }

    /// Raises the limit after the head: a file of any scene and the tail may follow.
    pub(super) fn allow_file(&self) {
        let mut state = self.0.lock();
        state.limit =
            state.limit.saturating_add(Scene::max_bytes_of_any()).saturating_add(FORM_TAIL_MAX_BYTES);
    }

    /// Whether the limit ended the body.
    pub(super) fn is_over(&self) -> bool {
        self.0.lock().over
    }
}

impl Stream for Meter {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.lock();
        if state.gate != Gate::Open {
            state.gate = Gate::Knocked;
            return Poll::Pending;
        }
        let polled = state.body.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            if state.taken >= state.limit {
                state.over = true;
                return Poll::Ready(Some(Err("the body is too long".into())));
            }
            state.taken = state.taken.saturating_add(chunk.len() as u64);
            state.gate = Gate::Closed;
        }
        polled
    }
}
