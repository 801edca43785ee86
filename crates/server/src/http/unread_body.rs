//! Discards what a handler left unread of a request body, before its answer is sent. Otherwise the connection would be
//! closed while the client still writes, and a client that sends head and body separately would get a broken pipe.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Request;
use http::header::EXPECT;
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use rebuttal_protocol::body::BODY_MAX_BYTES;

use crate::http::body::{BODY_LIMIT, BODY_PAUSE_LIMIT, chunks};
use crate::http::pace::{Pace, paced};

/// Most bytes of a body that are read and discarded after its request was refused: some clients send all of a large
/// file before they read the answer. Of a longer body nothing is, and the connection is closed.
pub(crate) const DISCARD_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Time limit for discarding a body that is too large. One that is not has the limits of a body that is read.
pub(crate) const DISCARD_LIMIT: Duration = Duration::from_secs(60);
/// Time limit for the next [`DISCARD_PACE_BYTES`] of a body that is too large; a sender that waits for its answer gets
/// it after this.
pub(crate) const DISCARD_PACE_LIMIT: Duration = Duration::from_secs(2);
/// Bytes of a body that is too large that must arrive within [`DISCARD_PACE_LIMIT`], unless it ends before.
pub(crate) const DISCARD_PACE_BYTES: usize = 64 * 1024;

const LARGE: Pace = Pace { whole: DISCARD_LIMIT, step: DISCARD_PACE_LIMIT, step_bytes: DISCARD_PACE_BYTES };
const SMALL: Pace = Pace { whole: BODY_LIMIT, step: BODY_PAUSE_LIMIT, step_bytes: 1 };

/// An answer's extension: the limits for discarding the rest of its request, where they are not those of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DiscardPace(pub(crate) Pace);

/// The body of a request, shared by its handler and by the service that discards the rest.
pub(crate) struct UnreadBody<B>(Arc<Mutex<State<B>>>);

struct State<B> {
    body: B,
    is_started: bool,
    /// The sender waits for `100 Continue`, which reading would send.
    awaits_continue: bool,
}

impl<B> UnreadBody<B>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    /// Shares the body of a request.
    pub(crate) fn share(request: Request<B>) -> (Request<Self>, Self) {
        let awaits_continue = request.headers().contains_key(EXPECT);
        let (parts, body) = request.into_parts();
        let shared = Arc::new(Mutex::new(State { body, is_started: false, awaits_continue }));
        (Request::from_parts(parts, Self(Arc::clone(&shared))), Self(shared))
    }

    /// Discards the rest; whether the body has ended, so that the connection can carry another request.
    pub(crate) async fn discard(self, pace: Option<DiscardPace>) -> bool {
        let (is_started, awaits_continue, left) = {
            let state = self.0.lock();
            (state.is_started, state.awaits_continue, state.body.size_hint().exact())
        };
        if left == Some(0) || (awaits_continue && !is_started) {
            return left == Some(0);
        }
        if left.is_some_and(|left| left > DISCARD_MAX_BYTES) {
            return false;
        }
        // Of a chunked body the length is unknown: a handler that began to read it stopped at its end, or because it is
        // too large.
        let is_large = left.map_or(is_started, |left| left > BODY_MAX_BYTES as u64);
        let pace = pace.map_or(if is_large { LARGE } else { SMALL }, |DiscardPace(pace)| pace);
        let mut chunks = Box::pin(paced(chunks(Body::new(self)), pace));
        let mut discarded = 0;
        while discarded <= DISCARD_MAX_BYTES {
            match chunks.next().await {
                Some(Ok(chunk)) => discarded += chunk.len() as u64,
                Some(Err(_)) => return false,
                None => return true,
            }
        }
        false
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for UnreadBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut state = self.0.lock();
        state.is_started = true;
        Pin::new(&mut state.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::stream;

    use super::*;

    async fn is_discarded(body: Body, expect: bool) -> bool {
        let mut request = Request::new(body);
        if expect {
            request.headers_mut().insert(EXPECT, http::HeaderValue::from_static("100-continue"));
        }
        UnreadBody::share(request).1.discard(None).await
    }

    fn chunked(bytes: usize) -> Body {
        let chunks = std::iter::repeat_n(Bytes::from_static(&[b' '; BODY_MAX_BYTES]), bytes / BODY_MAX_BYTES);
        Body::from_stream(stream::iter(chunks.map(Ok::<_, io::Error>)))
    }

    #[tokio::test]
    async fn discarding_is_bounded_in_size() {
        assert!(is_discarded(Body::empty(), false).await);
        assert!(is_discarded(Body::from("{}"), false).await);
        assert!(!is_discarded(Body::from("{}"), true).await, "the sender was not asked for it");
        let most = usize::try_from(DISCARD_MAX_BYTES).unwrap();
        assert!(is_discarded(chunked(most), false).await);
        assert!(!is_discarded(chunked(most + BODY_MAX_BYTES), false).await);
    }
}
