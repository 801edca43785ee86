//! The nonces of reads, in memory: a read is answered once per (app, timestamp, nonce), in bounded space (contract §2).
//!
//! Deliberately not durable: a restart, or another replica, may answer the same read again, which changes nothing.
//! Calls that change something burn their nonces in the database, in the transaction of their outcome.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rebuttal_protocol::{AppId, Nonce, UnixMillis};

/// Parts of the memory, each with a lock of its own, so that reads on several cores seldom wait for each other.
const SHARDS: usize = 16;
/// How much time one set covers; a set is forgotten whole. Forgetting is this much later than it could be.
const BUCKET_MILLIS: i64 = 10_000;

/// What became of a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Burnt {
    /// It was fresh and cannot be used again.
    First,
    /// It was used before.
    Replayed,
    /// Its time was forgotten already: whether it was used cannot be known.
    Forgotten,
    /// There is no room to remember it. Nothing is forgotten to make some.
    Full,
}

/// Remembers used nonces until they would be stale anyway.
///
/// Invariant: a timestamp is fresh for one window after itself (`auth::signature`), and a nonce is kept for two, so
/// that a clock set back by less than a window revives nothing. `forgotten_through` holds whatever the clock does.
pub(crate) struct ReadNonces {
    shards: [Mutex<Buckets>; SHARDS],
    /// Two keyed hashes make the 128 bits. Keyed, so that nobody can choose nonces that collide.
    hashers: (RandomState, RandomState),
    /// Every timestamp up to this one counts as used.
    forgotten_through: AtomicI64,
    remembered: AtomicUsize,
    capacity: usize,
    kept: Duration,
}

impl ReadNonces {
    pub(crate) fn new(window: Duration, capacity: usize) -> Self {
        Self {
            shards: Default::default(),
            hashers: (RandomState::new(), RandomState::new()),
            forgotten_through: AtomicI64::new(i64::MIN),
            remembered: AtomicUsize::new(0),
            capacity,
            kept: 2 * window,
        }
    }

    /// Burns a nonce; of several callers with the same one, exactly one is the first.
    pub(crate) fn burn(&self, app_id: AppId, timestamp: UnixMillis, nonce: &Nonce) -> Burnt {
        let identity = (app_id, timestamp, nonce);
        let low = self.hashers.0.hash_one(identity);
        let hash = u128::from(self.hashers.1.hash_one(identity)) << 64 | u128::from(low);
        let shard = usize::try_from(low >> 32).unwrap_or_default() % SHARDS;
        let Some(shard) = self.shards.get(shard) else { return Burnt::Full };

        let mut buckets = shard.lock();
        // Read under the lock that forgetting takes, so that no set is revived after it was forgotten.
        if timestamp.0 <= self.forgotten_through.load(Ordering::Acquire) {
            return Burnt::Forgotten;
        }
        let bucket = buckets.entry(timestamp.0.div_euclid(BUCKET_MILLIS)).or_default();
        if bucket.contains(&hash) {
            return Burnt::Replayed;
        }
        if self.remembered.fetch_add(1, Ordering::Relaxed) >= self.capacity {
            self.remembered.fetch_sub(1, Ordering::Relaxed);
            return Burnt::Full;
        }
        bucket.insert(hash);
        Burnt::First
    }

    /// Forgets what has been kept long enough.
    pub(crate) fn forget(&self, now: UnixMillis) {
        let oldest_kept = (now - self.kept).0.div_euclid(BUCKET_MILLIS);
        self.forgotten_through.fetch_max(oldest_kept.saturating_mul(BUCKET_MILLIS) - 1, Ordering::AcqRel);
        for shard in &self.shards {
            let forgotten = {
                let mut buckets = shard.lock();
                let kept = buckets.split_off(&oldest_kept);
                std::mem::replace(&mut *buckets, kept)
            };
            let count = forgotten.values().map(HashSet::len).sum();
            self.remembered.fetch_sub(count, Ordering::Relaxed);
        }
    }
}

/// Sets of hashed identities by the time that they cover.
type Buckets = BTreeMap<i64, HashSet<u128, BuildHasherDefault<AlreadyHashed>>>;

/// Passes half of a hash on as its own hash.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn write(&mut self, bytes: &[u8]) {
        bytes.hash(&mut std::hash::DefaultHasher::new());
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = (hash & u128::from(u64::MAX)) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(300);
    const NOW: UnixMillis = UnixMillis(1_714_128_828_114);

    fn nonce(number: u64) -> Nonce {
        format!("nonce-of-a-read-{number}").parse().unwrap()
    }

    fn burn(nonces: &ReadNonces, app: u8, timestamp: UnixMillis, number: u64) -> Burnt {
        nonces.burn(AppId::from_bytes([app; 16]), timestamp, &nonce(number))
    }

    #[test]
    fn an_identity_is_used_once() {
        let nonces = ReadNonces::new(WINDOW, 100);
        assert_eq!(burn(&nonces, 1, NOW, 1), Burnt::First);
        assert_eq!(burn(&nonces, 1, NOW, 1), Burnt::Replayed);
        assert_eq!(burn(&nonces, 2, NOW, 1), Burnt::First);
        assert_eq!(burn(&nonces, 1, UnixMillis(NOW.0 + 1), 1), Burnt::First);
        assert_eq!(burn(&nonces, 1, NOW, 2), Burnt::First);
    }

    #[test]
    fn full_means_full_and_forgets_nothing() {
        let nonces = ReadNonces::new(WINDOW, 2);
        assert_eq!(burn(&nonces, 1, NOW, 1), Burnt::First);
        assert_eq!(burn(&nonces, 1, NOW, 2), Burnt::First);
        assert_eq!(burn(&nonces, 1, NOW, 3), Burnt::Full);
        assert_eq!(burn(&nonces, 1, NOW, 1), Burnt::Replayed);
        nonces.forget(NOW + 3 * WINDOW);
        assert_eq!(burn(&nonces, 1, NOW + 3 * WINDOW, 3), Burnt::First);
        assert_eq!(nonces.remembered.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_nonce_is_kept_for_two_windows_and_then_its_time_is_refused_for_ever() {
        let nonces = ReadNonces::new(WINDOW, 100);
        assert_eq!(burn(&nonces, 1, NOW, 1), Burnt::First);
        nonces.forget(NOW + 2 * WINDOW);
        assert_eq!(burn(&nonces, 1, NOW, 1), Burnt::Replayed);
        nonces.forget(NOW + 2 * WINDOW + Duration::from_secs(10));
        assert_eq!(burn(&nonces, 1, NOW, 1), Burnt::Forgotten);
        // A clock that is set back revives nothing.
        nonces.forget(NOW);
        assert_eq!(burn(&nonces, 1, NOW, 1), Burnt::Forgotten);
    }

    #[test]
    fn of_many_callers_with_one_nonce_exactly_one_is_first() {
        let nonces = ReadNonces::new(WINDOW, 100);
        let firsts: usize = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| usize::from(burn(&nonces, 1, NOW, 1) == Burnt::First)))
                .collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).sum()
        });
        assert_eq!(firsts, 1);
    }
}
