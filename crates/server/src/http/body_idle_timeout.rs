//! A request's body whose sender may not pause for long: a stalled upload holds neither a connection nor a file. Nor
//! may trailers follow its last chunk.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

pub(crate) struct BodyIdleTimeout<B> {
    body: B,
    /// Runs while a read waits; kept between pauses so that its allocation is reused.
    timer: Option<Pin<Box<Sleep>>>,
    pausing: bool,
    limit: Duration,
}

impl<B> BodyIdleTimeout<B> {
    pub(crate) const fn new(body: B, limit: Duration) -> Self {
        Self { body, timer: None, pausing: false, limit }
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for BodyIdleTimeout<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.pausing = false;
            return Poll::Ready(frame.map(|frame| match frame {
                Ok(frame) if frame.is_trailers() => Err(trailers().into()),
                frame => frame.map_err(Into::into),
            }));
        }
        let (limit, pausing) = (self.limit, std::mem::replace(&mut self.pausing, true));
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if !pausing {
            timer.as_mut().reset(Instant::now() + limit);
        }
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(format!("no byte of the body arrived for {limit:?}").into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What refuses trailers. Nothing reads them, they are under no signature, and hyper ends their lines at CRLF alone, so
/// that for it one that ends in LF goes on into the next request.
fn trailers() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "trailers follow the last chunk")
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    #[tokio::test]
    async fn a_sender_that_pauses_is_given_up_after_what_it_sent() {
        let sent = stream::iter([Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"few")))]);
        let body = StreamBody::new(futures_util::StreamExt::chain(sent, stream::pending()));
        let mut body = BodyIdleTimeout::new(body, Duration::from_millis(10));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "few");
        assert!(body.frame().await.unwrap().is_err());
    }
}
