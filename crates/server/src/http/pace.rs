//! How fast a body must arrive: slow lines keep a minimum rate, a sender that only holds its connection does not.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::{Instant, timeout_at};

/// The limits of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Time limit from the first to the last byte.
    pub(crate) whole: Duration,
    /// Time limit for the next `step_bytes`, unless the body ends before.
    pub(crate) step: Duration,
    pub(crate) step_bytes: usize,
}

/// The body, ended by an error when it exceeds the time limit or falls below the minimum rate. Only time spent waiting
/// for the sender counts against the rate, not that for a slot or the disk.
pub(crate) fn paced<E>(
    body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    pace: Pace,
) -> impl Stream<Item = Result<Bytes, E>> + Send + 'static
where
    E: From<tokio::time::error::Elapsed> + Send + 'static,
{
    let until = Instant::now() + pace.whole;
    let start = (body, pace.step, 0_usize);
    stream::unfold(Some(start), move |state| async move {
        let (mut body, left, received) = state?;
        let polled_at = Instant::now();
        match timeout_at(until.min(polled_at + left), body.next()).await {
            Ok(Some(Ok(chunk))) => {
                let received = received + chunk.len();
                let next = match received >= pace.step_bytes {
                    true => (body, pace.step, 0),
                    false => (body, left.saturating_sub(polled_at.elapsed()), received),
                };
                Some((Ok(chunk), Some(next)))
            }
            Ok(ended) => Some((ended?, None)),
            Err(elapsed) => Some((Err(elapsed.into()), None)),
        }
    })
    // Readers may poll again after the end.
    .fuse()
}
