//! Reads a whole request body, bounded in size and time, and records when its last byte arrived (contract §6).

use std::error::Error;
use std::io;
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::StatusCode;
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::request::Parts;
use http_body_util::BodyStream;
use rebuttal_protocol::UnixMillis;
use rebuttal_protocol::body::BODY_MAX_BYTES;
use tokio::time::timeout;
use tower_http::timeout::TimeoutError;

use crate::clock;

/// How long a sender may pause within a request body.
pub(crate) const BODY_PAUSE_LIMIT: Duration = Duration::from_secs(10);
/// Time limit for a body to arrive: 64 KiB over a line of 22 kbit/s.
pub(crate) const BODY_LIMIT: Duration = Duration::from_secs(30);
/// A received body.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedBody {
    pub(crate) body: Bytes,
    /// When its last byte was read. Arrival before a deadline counts, however long processing takes (contract §6).
    pub(crate) arrived_at: UnixMillis,
}

/// Why a body was not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFailure {
    #[error("the body is over {} KiB; send a smaller one", BODY_MAX_BYTES / 1024)]
    TooLarge,
    #[error("the body did not arrive within {} seconds", BODY_LIMIT.as_secs())]
    TooSlow,
    #[error("no byte of the body arrived for {} seconds", BODY_PAUSE_LIMIT.as_secs())]
    Paused,
    #[error("the connection ended before the body did")]
    Broken,
    #[error("{BAD_CHUNK}")]
    BadChunk,
}

/// A body with invalid chunked encoding (RFC 9112 §7.1).
pub(crate) const BAD_CHUNK: &str = "a chunk of the body is broken: each must begin with its size in hexadecimal \
                                    digits and CR LF, have that many bytes, and end with CR LF; after the last one \
                                    only CR LF may follow, without trailers";

/// A body that was not received is answered below the APIs: 408 or 400 without envelope, and the connection is closed
/// (contract §1).
impl IntoResponse for BodyFailure {
    fn into_response(self) -> Response {
        let status = match self {
            Self::BadChunk => StatusCode::BAD_REQUEST,
            Self::TooLarge | Self::TooSlow | Self::Paused | Self::Broken => StatusCode::REQUEST_TIMEOUT,
        };
        (status, [(CONNECTION, "close")], self.to_string()).into_response()
    }
}

/// Whether a body failed because of invalid chunked encoding, not because the connection ended.
pub(crate) fn is_bad_chunk(error: &(dyn Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // The error kinds that hyper uses for invalid bytes, as opposed to missing ones.
        return matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
    }
    error.source().is_some_and(is_bad_chunk)
}

/// Whether a body failed because its sender paused for longer than [`BODY_PAUSE_LIMIT`].
fn is_pause(error: &(dyn Error + 'static)) -> bool {
    error.is::<TimeoutError>() || error.source().is_some_and(is_pause)
}

/// Reads the body of a request.
pub(crate) async fn read(parts: &Parts, body: Body) -> Result<ReceivedBody, BodyFailure> {
    read_within(BODY_LIMIT, parts, body).await
}

async fn read_within(limit: Duration, parts: &Parts, body: Body) -> Result<ReceivedBody, BodyFailure> {
    let mut chunks = chunks(body);
    let declared =
        parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    // The service discards a body that is too large ([`crate::http::unread_body`]).
    let body = match declared {
        Some(length) if length > BODY_MAX_BYTES as u64 => Err(BodyFailure::TooLarge),
        _ => timeout(limit, collect(&mut chunks)).await.unwrap_or(Err(BodyFailure::TooSlow)),
    }?;
    Ok(ReceivedBody { body, arrived_at: clock::now() })
}

/// The data frames of a body. Trailers are refused: they are not signed, and hyper ends their lines at CRLF only, so a
/// line that ends in LF would extend into the next request.
pub(crate) fn chunks(body: Body) -> impl Stream<Item = Result<Bytes, BoxError>> + Send + Unpin {
    let trailers = || io::Error::new(io::ErrorKind::InvalidData, "trailers follow the last chunk");
    BodyStream::new(body).map(move |frame| Ok(frame?.into_data().map_err(|_| trailers())?))
}

async fn collect(
    chunks: &mut (impl Stream<Item = Result<Bytes, BoxError>> + Unpin),
) -> Result<Bytes, BodyFailure> {
    // Most bodies are one chunk, which is passed on without copying.
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| match is_bad_chunk(&*error) {
            true => BodyFailure::BadChunk,
            false if is_pause(&*error) => BodyFailure::Paused,
            false => BodyFailure::Broken,
        })?;
        if first.len() + rest.len() + chunk.len() > BODY_MAX_BYTES {
            return Err(BodyFailure::TooLarge);
        }
        if first.is_empty() {
            first = chunk;
        } else {
            rest.extend_from_slice(&chunk);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    Ok([first, rest.freeze()].concat().into())
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http::Request;
    use tower_http::timeout::TimeoutBody;

    use super::*;

    async fn read_chunks(chunks: Vec<usize>) -> Result<usize, BodyFailure> {
        let chunks = chunks.into_iter().map(|size| Ok::<_, io::Error>(vec![b' '; size]));
        let (parts, ()) = Request::new(()).into_parts();
        Ok(read(&parts, Body::from_stream(stream::iter(chunks))).await?.body.len())
    }

    #[tokio::test]
    async fn body_is_accepted_up_to_its_limit() {
        assert_eq!(read_chunks(vec![]).await, Ok(0));
        assert_eq!(read_chunks(vec![1, 0, 2]).await, Ok(3));
        assert_eq!(read_chunks(vec![BODY_MAX_BYTES - 1, 1]).await, Ok(BODY_MAX_BYTES));
        assert_eq!(read_chunks(vec![BODY_MAX_BYTES, 1]).await, Err(BodyFailure::TooLarge));
    }

    #[tokio::test]
    async fn body_that_never_ends_times_out() {
        let (parts, ()) = Request::new(()).into_parts();
        let body = Body::from_stream(stream::pending::<Result<Vec<u8>, io::Error>>());
        assert_eq!(
            read_within(Duration::from_millis(10), &parts, body).await.err(),
            Some(BodyFailure::TooSlow)
        );
    }

    #[tokio::test]
    async fn sender_that_pauses_is_not_reported_as_disconnected() {
        let (parts, ()) = Request::new(()).into_parts();
        let pending = Body::from_stream(stream::pending::<Result<Vec<u8>, io::Error>>());
        let body = Body::new(TimeoutBody::new(Duration::from_millis(10), pending));
        assert_eq!(read(&parts, body).await.err(), Some(BodyFailure::Paused));
    }
}
