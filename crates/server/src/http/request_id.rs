//! The request id that every answer and every log line of a request carries, to find one by the other.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use http::{HeaderName, HeaderValue};
use uuid::Uuid;

use crate::clock;

/// The response header with the request id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A UUID of version 7, sortable by time. Apart from the time it discloses nothing: neither the number of requests nor
/// the id of another.
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

/// Generates the ids of one process: a counter encrypted under a random key that is never stored, so that a request
/// needs no system call for randomness.
pub(crate) struct RequestIds {
    key: Aes128,
    counter: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 16];
        getrandom::fill(&mut key)?;
        Ok(Self { key: Aes128::new(&key.into()), counter: AtomicU64::new(0) })
    }

    pub(crate) fn next(&self) -> RequestId {
        let mut block = u128::from(self.counter.fetch_add(1, Ordering::Relaxed)).to_be_bytes().into();
        self.key.encrypt_block(&mut block);
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, ..]: [u8; 16] = block.into();
        let millis = u64::try_from(clock::now().0).unwrap_or_default();
        let random = [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9];
        RequestId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Ids of one process.
    const IDS: u32 = 1024;
    /// How often a random bit is set in this many ids: the mean, give or take ten standard deviations of 16.
    const SET: std::ops::RangeInclusive<u32> = 352..=672;

    #[test]
    fn ids_are_unique_and_disclose_no_count() {
        let (ids, others) = (RequestIds::new().unwrap(), RequestIds::new().unwrap());
        let uuids: Vec<_> = (0..IDS).map(|_| ids.next().0).collect();
        assert_eq!(uuids.iter().collect::<BTreeSet<_>>().len(), uuids.len());
        assert!(uuids.iter().all(|id| id.get_version_num() == 7));
        // The bits below time and version, except the two fixed variant bits.
        for bit in (0..76).filter(|bit| !(62..64).contains(bit)) {
            let set = |of: &dyn Fn(usize) -> u128| {
                (1..uuids.len()).map(|index| u32::from(of(index) >> bit & 1 == 1)).sum::<u32>()
            };
            let in_ids = set(&|index| uuids[index].as_u128());
            let between = set(&|index| uuids[index].as_u128() ^ uuids[index - 1].as_u128());
            assert!(SET.contains(&in_ids) && SET.contains(&between), "bit {bit}: {in_ids} {between}");
        }
        assert_ne!(others.next().0.as_u64_pair().1, uuids[0].as_u64_pair().1, "each process has its own key");
    }
}
