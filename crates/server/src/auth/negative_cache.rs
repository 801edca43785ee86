//! Negative cache and concurrency limit for app ids and tokens that may be invalid: few are looked up at a time, and
//! one that the database did not have within the last second is not looked up again.
//!
//! No authentication failure is counted before the lookup. A valid caller waits behind unknown ones at most once, and
//! is never refused because of other callers' failures.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::http::error::Refusal;

/// Concurrent lookups of unknown apps, and of unknown tokens: for each, a quarter of the sessions that read.
const CONCURRENT_LOOKUPS_MAX: usize = 2;
/// How long an unknown caller waits for its lookup.
const LOOKUP_WAIT_LIMIT: Duration = Duration::from_secs(5);
/// Minimum interval between two lookups of the same app or token (contract §2).
pub(super) const READ_PAUSE: Duration = Duration::from_secs(1);
/// Unknown app ids, and unknown tokens, that are cached. Beyond, they are looked up again, which is limited.
const UNKNOWN_MAX: usize = 10_000;

/// Limits concurrent lookups of unknown apps or tokens.
pub(super) struct LookupLimiter(Semaphore);

impl LookupLimiter {
    pub(super) const fn new() -> Self {
        Self(Semaphore::const_new(CONCURRENT_LOOKUPS_MAX))
    }

    /// Waits for a permit; the lookup ends when it is dropped.
    ///
    /// # Errors
    /// `Unavailable` if no permit became free in time.
    pub(super) async fn wait(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let timed_out =
            || Refusal::unavailable(anyhow::anyhow!("too many concurrent lookups of unknown apps or tokens"));
        let permit =
            tokio::time::timeout(LOOKUP_WAIT_LIMIT, self.0.acquire()).await.map_err(|_| timed_out())?;
        // The semaphore is never closed.
        permit.map_err(Refusal::internal)
    }
}

/// Keys that the database did not have, with the time of the lookup.
pub(super) struct NegativeCache<K>(HashMap<K, Instant>);

impl<K: Copy + Eq + Hash> NegativeCache<K> {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    /// Whether the key was unknown within the last [`READ_PAUSE`].
    pub(super) fn contains(&self, key: &K) -> bool {
        self.0.get(key).is_some_and(|looked_up_at| looked_up_at.elapsed() < READ_PAUSE)
    }

    pub(super) fn insert(&mut self, key: K) {
        if self.0.len() >= UNKNOWN_MAX {
            self.0.retain(|_, looked_up_at| looked_up_at.elapsed() < READ_PAUSE);
        }
        make_room(&mut self.0, UNKNOWN_MAX, &key);
        self.0.insert(key, Instant::now());
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.0.remove(key);
    }
}

/// Evicts an arbitrary entry if a new one would exceed the limit; an evicted key is only looked up again.
pub(super) fn make_room<K: Copy + Eq + Hash, T>(map: &mut HashMap<K, T>, max: usize, for_key: &K) {
    if map.len() >= max && !map.contains_key(for_key) {
        let any = map.keys().next().copied();
        any.and_then(|key| map.remove(&key));
    }
}
