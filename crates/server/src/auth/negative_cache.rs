//! What nobody here knows yet: an app id or a token that may be made up. Few of them are looked up at a time, so that
//! made-up ones cannot keep the database busy, and what it did not know a moment ago is not looked up again.
//!
//! No failure counts before the look-up. Who comes with what is good waits for its turn behind strangers at worst,
//! once, and is not refused for what its neighbours have tried.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::http::error::Refusal;

/// Look-ups of strangers at a time: of apps, and of tokens. A quarter of the sessions that read, each.
const LOOK_UPS_AT_ONCE: usize = 2;
/// How long a stranger waits for its turn.
const TURN_LIMIT: Duration = Duration::from_secs(5);
/// How seldom the same thing is looked up (contract §2).
pub(super) const READ_PAUSE: Duration = Duration::from_secs(1);
/// What is remembered as unknown at once, of apps and of tokens. More are looked up again, which takes turns.
const UNKNOWN_MAX: usize = 10_000;

/// Limits how many look-ups of unknown callers run at once.
pub(super) struct LookupLimiter(Semaphore);

impl LookupLimiter {
    pub(super) const fn new() -> Self {
        Self(Semaphore::const_new(LOOK_UPS_AT_ONCE))
    }

    /// A turn, until it is dropped.
    ///
    /// # Errors
    /// `Unavailable` where none came in time.
    pub(super) async fn wait(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let none_came =
            || Refusal::unavailable(anyhow::anyhow!("too many unknown apps or tokens are looked up"));
        let turn = tokio::time::timeout(TURN_LIMIT, self.0.acquire()).await.map_err(|_| none_came())?;
        // Never closed.
        turn.map_err(Refusal::internal)
    }
}

/// What the database did not know when it was last asked.
pub(super) struct NegativeCache<K>(HashMap<K, Instant>);

impl<K: Copy + Eq + Hash> NegativeCache<K> {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    /// Whether the database did not know it a moment ago.
    pub(super) fn contains(&self, key: &K) -> bool {
        self.0.get(key).is_some_and(|asked_at| asked_at.elapsed() < READ_PAUSE)
    }

    pub(super) fn insert(&mut self, key: K) {
        if self.0.len() >= UNKNOWN_MAX {
            self.0.retain(|_, asked_at| asked_at.elapsed() < READ_PAUSE);
        }
        make_room(&mut self.0, UNKNOWN_MAX, &key);
        self.0.insert(key, Instant::now());
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.0.remove(key);
    }
}

/// Drops any one entry where a new one would be too many: what is dropped is only read again.
pub(super) fn make_room<K: Copy + Eq + Hash, T>(map: &mut HashMap<K, T>, max: usize, for_key: &K) {
    if map.len() >= max && !map.contains_key(for_key) {
        let any = map.keys().next().copied();
        any.and_then(|key| map.remove(&key));
    }
}
