//! The id that every answer and every log line of a request carries, so that one finds the other.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, HeaderValue};
use uuid::Uuid;

use crate::clock;

/// The answer's header that holds the id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A UUID of version 7, sortable by time. It names and does not protect, so it need not be hard to guess.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(Uuid);

impl RequestId {
    pub(crate) fn to_header(self) -> HeaderValue {
        // Cannot fail: hex digits and hyphens are visible ASCII.
        HeaderValue::from_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Makes the ids of one process: random bytes of its own and a counter, so that no request pays for randomness.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: [u8; 3],
    counter: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut process = [0; 3];
        getrandom::fill(&mut process)?;
        Ok(Self { process, counter: AtomicU64::new(0) })
    }

    pub(crate) fn next(&self) -> RequestId {
        let [p0, p1, p2] = self.process;
        let [_, c0, c1, c2, c3, c4, c5, c6] = self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let millis = u64::try_from(clock::now().0).unwrap_or_default();
        // The version and the variant overwrite bits of the first three bytes, never of the counter.
        let unique = [p0, p1, p2, c0, c1, c2, c3, c4, c5, c6];
        RequestId(uuid::Builder::from_unix_timestamp_millis(millis, &unique).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_process_differ() {
        let ids = RequestIds::new().unwrap();
        let (first, second) = (ids.next(), ids.next());
        assert_ne!(first.to_header(), second.to_header());
        assert_eq!(first.0.get_version_num(), 7);
    }
}
