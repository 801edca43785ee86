//! A stream on which a request head must arrive in time. A connection that sends nothing, or half a head, is closed,
//! while one between two requests may be idle for longer, and is closed when its slot is needed. hyper has one timeout
//! for both (hyperium/hyper#3828).

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::http::idle_state::IdleState;

/// Counts the starts and ends of exchanges on a connection: odd while a request is being answered.
#[derive(Debug, Default, Clone)]
pub(super) struct ExchangeCounter(Arc<AtomicU32>);

impl ExchangeCounter {
    /// A request head is complete, or its answer is.
    pub(super) fn advance(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) struct HeaderTimeout<S> {
    stream: S,
    exchanges: ExchangeCounter,
    /// The exchange whose head has begun to arrive; initially the first one, before its first byte.
    begun_in: Option<u32>,
    /// Runs while a head that has begun is incomplete.
    timer: Option<Pin<Box<Sleep>>>,
    limit: Duration,
    idle: Arc<IdleState>,
}

impl<S> HeaderTimeout<S> {
    pub(super) fn new(stream: S, exchanges: ExchangeCounter, limit: Duration, idle: Arc<IdleState>) -> Self {
        Self { stream, begun_in: Some(exchanges.now()), exchanges, timer: None, limit, idle }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeaderTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let advance = self.exchanges.now();
        if self.begun_in != Some(advance) {
            (self.begun_in, self.timer) = (None, None);
        }
        let filled = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let answering = advance % 2 == 1;
        if read.is_ready() || answering {
            if buffer.filled().len() > filled && !answering {
                self.begun_in = Some(advance);
                self.idle.resume();
            }
            return read;
        }
        if self.begun_in.is_none() {
            // Reading zero bytes signals the end of the stream, and hyper closes the connection.
            return self.idle.poll_close_requested(cx).map(Ok);
        }
        let limit = self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the request head did not arrive in time")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeaderTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn partial_head_times_out_and_an_idle_connection_does_not() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let exchanges = ExchangeCounter::default();
        let mut stream = HeaderTimeout::new(ours, exchanges.clone(), LIMIT, Arc::default());
        let mut bytes = [0; 64];
        theirs.write_all(b"a whole head").await.unwrap();
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 12);
        exchanges.advance();
        assert!(
            tokio::time::timeout(3 * LIMIT, stream.read(&mut bytes)).await.is_err(),
            "closed while answering"
        );
        exchanges.advance();
        assert!(tokio::time::timeout(3 * LIMIT, stream.read(&mut bytes)).await.is_err(), "closed while idle");
        theirs.write_all(b"half").await.unwrap();
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 4);
        assert_eq!(stream.read(&mut bytes).await.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn evicted_connection_closes_only_while_idle() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let (exchanges, idle) = (ExchangeCounter::default(), Arc::<IdleState>::default());
        let mut stream = HeaderTimeout::new(ours, exchanges.clone(), LIMIT, Arc::clone(&idle));
        let mut bytes = [0; 64];
        theirs.write_all(b"a whole head").await.unwrap();
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 12);
        exchanges.advance();
        idle.request_close();
        assert!(
            tokio::time::timeout(LIMIT, stream.read(&mut bytes)).await.is_err(),
            "closed while answering"
        );
        exchanges.advance();
        theirs.write_all(b"the next").await.unwrap();
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 8, "a request that has arrived is answered");
        exchanges.advance();
        exchanges.advance();
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn connection_that_sends_nothing_times_out() {
        let (ours, _theirs) = tokio::io::duplex(64);
        let mut stream = HeaderTimeout::new(ours, ExchangeCounter::default(), LIMIT, Arc::default());
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
