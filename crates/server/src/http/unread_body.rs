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
use tokio::time::timeout;

use crate::http::body::{BODY_LIMIT, BODY_PAUSE_LIMIT, chunks};

/// How much of a body is read and discarded after its request was refused; the connection is closed after more.
pub(crate) const DISCARD_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Time limit for discarding a body that is too large. One that is not has the limits of a body that is read.
pub(crate) const DISCARD_LIMIT: Duration = Duration::from_secs(5);
/// How long the sender may pause while a body that is too large is discarded; a sender that waits for its answer gets
/// it after this.
pub(crate) const DISCARD_PAUSE: Duration = Duration::from_millis(200);

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
    pub(crate) async fn discard(self) -> bool {
        let (is_started, awaits_continue, left) = {
            let state = self.0.lock();
            (state.is_started, state.awaits_continue, state.body.size_hint().exact())
        };
        if left == Some(0) || (awaits_continue && !is_started) {
            return left == Some(0);
        }
        // Of a chunked body the length is unknown: a handler that began to read it stopped at its end, or because it is
        // too large.
        let is_large = left.map_or(is_started, |left| left > BODY_MAX_BYTES as u64);
        let (limit, pause) =
            if is_large { (DISCARD_LIMIT, DISCARD_PAUSE) } else { (BODY_LIMIT, BODY_PAUSE_LIMIT) };
        let mut chunks = chunks(Body::new(self));
        let discard = async {
            let mut discarded = 0;
            while discarded < DISCARD_MAX_BYTES {
                match timeout(pause, chunks.next()).await {
                    Ok(Some(Ok(chunk))) => discarded += chunk.len(),
                    Ok(None) => return true,
                    Ok(Some(Err(_))) | Err(_) => return false,
                }
            }
            false
        };
        timeout(limit, discard).await.unwrap_or(false)
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
        UnreadBody::share(request).1.discard().await
    }

    fn chunked(chunks: usize) -> Body {
        let chunks = std::iter::repeat_n(vec![b' '; BODY_MAX_BYTES], chunks);
        Body::from_stream(stream::iter(chunks.map(Ok::<_, io::Error>)))
    }

    #[tokio::test]
    async fn discarding_is_bounded_in_size() {
        assert!(is_discarded(Body::empty(), false).await);
        assert!(is_discarded(Body::from("{}"), false).await);
        assert!(!is_discarded(Body::from("{}"), true).await, "the sender was not asked for it");
        assert!(is_discarded(chunked(2), false).await);
        assert!(!is_discarded(chunked(DISCARD_MAX_BYTES / BODY_MAX_BYTES + 1), false).await);
    }
}
