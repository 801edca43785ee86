//! A stream whose writes must make progress: a peer that stops reading its answers, or reads too slowly, is
//! disconnected, so that it cannot hold a connection slot and the file being sent. The timers of tokio-io-timeout
//! restart at every byte: a peer that reads one byte a second would hold both for hours.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

pub(super) struct WriteTimeout<S> {
    stream: S,
    /// Runs while a write is blocked; kept so that its allocation is reused.
    timer: Option<Pin<Box<Sleep>>>,
    allowance: StallAllowance,
}

/// A budget of time for blocked writes. Waiting spends it; bytes read by the peer restore it, at the minimum rate.
struct StallAllowance {
    left: Duration,
    waiting_since: Option<Instant>,
    /// The full budget: the longest single wait.
    limit: Duration,
    min_bytes_per_second: u32,
}

impl StallAllowance {
    /// A write is blocked. Returns the deadline if it was not blocked before.
    fn begin_wait(&mut self, now: Instant) -> Option<Instant> {
        let begins = self.waiting_since.is_none();
        self.waiting_since.get_or_insert(now);
        begins.then(|| now + self.left)
    }

    /// The peer took some bytes, and no write is blocked any more.
    fn progressed(&mut self, bytes: usize, now: impl FnOnce() -> Instant) {
        if let Some(since) = self.waiting_since.take() {
            self.left = self.left.saturating_sub(now() - since);
        }
        if self.left < self.limit {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            let earned = Duration::from_secs(bytes.into()) / self.min_bytes_per_second;
            self.left = self.limit.min(self.left + earned);
        }
    }
}

impl<S> WriteTimeout<S> {
    pub(super) const fn new(stream: S, limit: Duration, min_bytes_per_second: u32) -> Self {
        let allowance = StallAllowance { left: limit, waiting_since: None, limit, min_bytes_per_second };
        Self { stream, timer: None, allowance }
    }

    /// Returns the result of a write, and starts the timer while it is pending.
    fn apply_timeout(&mut self, cx: &mut Context<'_>, written: Poll<Result<usize>>) -> Poll<Result<usize>> {
        if let Poll::Ready(written) = written {
            self.allowance.progressed(*written.as_ref().unwrap_or(&0), Instant::now);
            return Poll::Ready(written);
        }
        let limit = self.allowance.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if let Some(until) = self.allowance.begin_wait(Instant::now()) {
            timer.as_mut().reset(until);
        }
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(
            ErrorKind::TimedOut,
            "the peer stopped reading its answers, or reads them too slowly",
        )))
    }

    /// Like [`Self::apply_timeout`], for flush and shutdown.
    fn apply_timeout_without_bytes(
        &mut self,
        cx: &mut Context<'_>,
        done: Poll<Result<()>>,
    ) -> Poll<Result<()>> {
        self.apply_timeout(cx, done.map_ok(|()| 0)).map_ok(drop)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.apply_timeout(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.apply_timeout(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.apply_timeout_without_bytes(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.apply_timeout_without_bytes(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    const MIN_RATE: u32 = 1024;

    #[tokio::test]
    async fn peer_that_stops_reading_is_disconnected() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut stream = WriteTimeout::new(ours, Duration::from_millis(10), MIN_RATE);
        assert_eq!(stream.write_all(&[0; 64]).await.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    /// After how many seconds a peer is disconnected that reads `bytes` every `every_seconds`; `None` if not within an
    /// hour.
    fn disconnected_after(bytes: usize, every_seconds: u64) -> Option<u64> {
        let limit = Duration::from_secs(30);
        let mut stream = WriteTimeout::new((), limit, MIN_RATE);
        let (start, every) = (Instant::now(), Duration::from_secs(every_seconds));
        let mut now = start;
        while now - start < Duration::from_secs(3_600) {
            let until = stream.allowance.begin_wait(now).expect("no write is blocked yet");
            assert_eq!(stream.allowance.begin_wait(now), None, "a write is blocked already");
            now += every;
            if until < now {
                return Some((until - start).as_secs());
            }
            stream.allowance.progressed(bytes, || now);
        }
        None
    }

    #[test]
    fn peer_reading_below_the_minimum_rate_is_disconnected() {
        let min_rate = MIN_RATE as usize;
        for (bytes, every_seconds, expected) in [
            (min_rate, 1, None),
            (10 * min_rate, 10, None),
            (100 * min_rate, 30, None),
            (100 * min_rate, 31, Some(30)),
            (0, 1, Some(30)),
            // Each byte is progress, but restores hardly any of the budget.
            (1, 1, Some(30)),
            (1, 29, Some(30)),
            // It loses half a second of its budget each second.
            (min_rate / 2, 1, Some(59)),
        ] {
            let shown = format!("{bytes} bytes every {every_seconds} s");
            assert_eq!(disconnected_after(bytes, every_seconds), expected, "{shown}");
        }
    }
}
