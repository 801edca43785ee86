//! Replay cache: the identities (app, timestamp, nonce) that this process has seen used, in bounded memory (contract
//! §2).
//!
//! For reads it is the only record. It is deliberately not durable: a restart, or another replica, that answers the
//! same read again changes nothing. Writes use up their nonces in the database, in the transaction of their outcome;
//! they are noted here too, so that a read and a write with the same nonce exclude each other.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rebuttal_protocol::{AppId, MerchantId, Nonce, UnixMillis};

/// How often expired nonces are purged.
pub(crate) const PURGE_EVERY: Duration = Duration::from_secs(5);
/// Shards of the cache, each with its own lock, to keep contention between cores low. Identities spread evenly over
/// them, so each shard has its share of every limit.
const SHARDS: usize = 16;
/// Time span of a bucket. Buckets are purged whole, so a nonce may be kept this much longer than needed.
const BUCKET_MILLIS: i64 = 10_000;
/// Fraction of the capacity for reads that is available, in addition to it, for the identities of writes. They are
/// noted while there is room; the database knows them all.
const WRITES_PART: usize = 4;

/// Result of checking a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NonceCheck {
    /// It was not used before, and cannot be used again.
    First,
    /// It was used before.
    Replayed,
    /// Its time span is purged: whether it was used is unknown.
    Purged,
    /// The merchant's share of the cache is full until this time; nothing is evicted to make room.
    Full {
        /// When the merchant's oldest nonces are purged.
        until: UnixMillis,
    },
}

/// Keeps used nonces until they are stale.
///
/// Invariant: a timestamp is fresh for one window after itself (`auth::signature`), and a nonce is kept for two, so
/// that setting the clock back by less than a window makes no nonce usable again. `purged_through` never moves back.
pub(crate) struct ReplayCache {
    shards: [Mutex<Shard>; SHARDS],
    /// Two keyed hashes form the 128 bits. Keyed, so that nobody can construct colliding nonces.
    hashers: (RandomState, RandomState),
    /// Nonces with a timestamp up to this one count as used.
    purged_through: AtomicI64,
    /// Most reads that one shard keeps.
    shard_capacity: usize,
    kept: Duration,
}

/// The identity of a write, reserved until its outcome is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reservation {
    /// No read can use it until every holder has released it. Another write may reserve it too: the database decides
    /// which of them uses it, once the outcome of the first is known.
    Yes(NonceIdentity),
    /// A read used it.
    Replayed,
    /// The cache is full, or the time span is purged: only the database decides.
    NotReserved,
}

/// An identity as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NonceIdentity {
    shard: usize,
    bucket: i64,
    hash: u128,
}

impl ReplayCache {
    pub(crate) fn new(window: Duration, capacity: usize) -> Self {
        Self {
            shards: Default::default(),
            hashers: (RandomState::new(), RandomState::new()),
            purged_through: AtomicI64::new(i64::MIN),
            shard_capacity: capacity.div_ceil(SHARDS),
            kept: 2 * window,
        }
    }

    /// Uses up the nonce of a read; of several callers with the same nonce, exactly one is the first.
    ///
    /// A merchant's apps together may hold at most as many nonces as are free: a merchant alone at most half of the
    /// capacity, and each further one leaves as much to the others as it holds. So no merchant's polling stops
    /// another's queries.
    pub(crate) fn check_and_insert(
        &self,
        merchant_id: MerchantId,
        app_id: AppId,
        timestamp: UnixMillis,
        nonce: &Nonce,
    ) -> NonceCheck {
        let identity = self.identity(app_id, timestamp, nonce);
        let Some(shard) = self.shards.get(identity.shard) else { return NonceCheck::Purged };
        let mut shard = shard.lock();
        // Read under the lock that purging takes, so that a purged bucket is never created again.
        if timestamp.0 <= self.purged_through.load(Ordering::Acquire) {
            return NonceCheck::Purged;
        }
        if shard.buckets.get(&identity.bucket).is_some_and(|bucket| bucket.contains(identity.hash)) {
            return NonceCheck::Replayed;
        }
        let of_merchant = shard.reads_of.get(&merchant_id).copied().unwrap_or_default();
        if of_merchant >= self.shard_capacity.saturating_sub(shard.reads) {
            return NonceCheck::Full { until: self.purged_at(shard.oldest_read_of(merchant_id)) };
        }
        shard.reads += 1;
        *shard.reads_of.entry(merchant_id).or_default() += 1;
        let bucket = shard.buckets.entry(identity.bucket).or_default();
        bucket.reads.insert(identity.hash);
        *bucket.reads_of.entry(merchant_id).or_default() += 1;
        NonceCheck::First
    }

    /// Reserves the nonce of a write before its commit, so that no read can use it in between. It stays used unless it
    /// is [released](Self::release).
    pub(crate) fn reserve(&self, app_id: AppId, timestamp: UnixMillis, nonce: &Nonce) -> Reservation {
        let identity = self.identity(app_id, timestamp, nonce);
        let Some(shard) = self.shards.get(identity.shard) else { return Reservation::NotReserved };
        let mut shard = shard.lock();
        let room = shard.changes < self.shard_capacity.div_ceil(WRITES_PART)
            && timestamp.0 > self.purged_through.load(Ordering::Acquire);
        let bucket = shard.buckets.get_mut(&identity.bucket);
        if bucket.as_ref().is_some_and(|bucket| bucket.reads.contains(&identity.hash)) {
            return Reservation::Replayed;
        }
        if let Some(holders) = bucket.and_then(|bucket| bucket.changes.get_mut(&identity.hash)) {
            *holders += 1;
        } else if room {
            shard.changes += 1;
            shard.buckets.entry(identity.bucket).or_default().changes.insert(identity.hash, 1);
        } else {
            return Reservation::NotReserved;
        }
        Reservation::Yes(identity)
    }

    /// Releases a reserved nonce: the write was not made and did not use it.
    pub(crate) fn release(&self, identity: NonceIdentity) {
        let Some(shard) = self.shards.get(identity.shard) else { return };
        let mut shard = shard.lock();
        let Some(bucket) = shard.buckets.get_mut(&identity.bucket) else { return };
        let Some(holders) = bucket.changes.get_mut(&identity.hash) else { return };
        *holders -= 1;
        if *holders == 0 {
            bucket.changes.remove(&identity.hash);
            shard.changes -= 1;
        }
    }

    /// Purges nonces that have been kept long enough.
    pub(crate) fn purge(&self, now: UnixMillis) {
        let oldest_kept = (now - self.kept).0.div_euclid(BUCKET_MILLIS);
        self.purged_through.fetch_max(oldest_kept.saturating_mul(BUCKET_MILLIS) - 1, Ordering::AcqRel);
        for shard in &self.shards {
            // Dropped after the lock is released: freeing a large bucket takes time.
            let _forgotten = shard.lock().purge(oldest_kept);
        }
    }

    /// How many nonces of reads are kept, and how many can be.
    pub(crate) fn reads(&self) -> (usize, usize) {
        let kept = self.shards.iter().map(|shard| shard.lock().reads).sum();
        (kept, self.shard_capacity * SHARDS)
    }

    /// When a bucket is purged.
    fn purged_at(&self, bucket: Option<i64>) -> UnixMillis {
        let ends = bucket.unwrap_or_default().saturating_add(1).saturating_mul(BUCKET_MILLIS);
        UnixMillis(ends) + self.kept
    }

    fn identity(&self, app_id: AppId, timestamp: UnixMillis, nonce: &Nonce) -> NonceIdentity {
        let identity = (app_id, timestamp, nonce);
        let low = self.hashers.0.hash_one(identity);
        NonceIdentity {
            shard: usize::try_from(low >> 32).unwrap_or_default() % SHARDS,
            bucket: timestamp.0.div_euclid(BUCKET_MILLIS),
            hash: u128::from(self.hashers.1.hash_one(identity)) << 64 | u128::from(low),
        }
    }
}

/// A part of the cache.
#[derive(Default)]
struct Shard {
    /// By time span.
    buckets: BTreeMap<i64, NonceBucket>,
    reads: usize,
    reads_of: HashMap<MerchantId, usize>,
    changes: usize,
}

/// The identities of one time span.
#[derive(Default)]
struct NonceBucket {
    reads: HashSet<u128, BuildHasherDefault<AlreadyHashed>>,
    reads_of: HashMap<MerchantId, usize>,
    /// Number of holders of each.
    changes: HashMap<u128, u32, BuildHasherDefault<AlreadyHashed>>,
}

impl NonceBucket {
    fn contains(&self, identity: u128) -> bool {
        self.reads.contains(&identity) || self.changes.contains_key(&identity)
    }
}

impl Shard {
    /// The oldest bucket with a read of the merchant, or the oldest of all if the merchant has none.
    fn oldest_read_of(&self, merchant_id: MerchantId) -> Option<i64> {
        let of_merchant = self.buckets.iter().find(|(_, bucket)| bucket.reads_of.contains_key(&merchant_id));
        of_merchant.or(self.buckets.first_key_value()).map(|(bucket, _)| *bucket)
    }

    fn purge(&mut self, oldest_kept: i64) -> BTreeMap<i64, NonceBucket> {
        let kept = self.buckets.split_off(&oldest_kept);
        let purged = std::mem::replace(&mut self.buckets, kept);
        for bucket in purged.values() {
            self.changes -= bucket.changes.len();
            for (merchant_id, count) in &bucket.reads_of {
                self.reads -= count;
                if let Some(of_merchant) = self.reads_of.get_mut(merchant_id) {
                    *of_merchant -= count;
                }
            }
        }
        self.reads_of.retain(|_, count| *count > 0);
        purged
    }
}

/// A hasher for keys that are hashes: takes half of the key as the hash.
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

    /// For an app that is its merchant's only one.
    fn check_and_insert(nonces: &ReplayCache, app: u8, timestamp: UnixMillis, number: u64) -> NonceCheck {
        let merchant_id = MerchantId::try_from(u32::from(app)).unwrap();
        nonces.check_and_insert(merchant_id, AppId::from_bytes([app; 16]), timestamp, &nonce(number))
    }

    #[test]
    fn identity_is_used_once() {
        let nonces = ReplayCache::new(WINDOW, 100);
        assert_eq!(check_and_insert(&nonces, 1, NOW, 1), NonceCheck::First);
        assert_eq!(check_and_insert(&nonces, 1, NOW, 1), NonceCheck::Replayed);
        assert_eq!(check_and_insert(&nonces, 2, NOW, 1), NonceCheck::First);
        assert_eq!(check_and_insert(&nonces, 1, UnixMillis(NOW.0 + 1), 1), NonceCheck::First);
        assert_eq!(check_and_insert(&nonces, 1, NOW, 2), NonceCheck::First);
    }

    #[test]
    fn merchant_fills_at_most_half_and_blocks_no_other() {
        let nonces = ReplayCache::new(WINDOW, 3200);
        let firsts: Vec<_> = (0..6400)
            .filter(|number| check_and_insert(&nonces, 1, NOW, *number) == NonceCheck::First)
            .collect();
        assert_eq!(firsts.len(), 1600);
        assert!(
            firsts.iter().all(|number| check_and_insert(&nonces, 1, NOW, *number) == NonceCheck::Replayed)
        );
        let of_other = (0..6400)
            .filter(|number| check_and_insert(&nonces, 2, NOW, *number) == NonceCheck::First)
            .count();
        assert_eq!(of_other, 800);
        // The merchant's other apps share its part.
        let merchant_id = MerchantId::try_from(1).unwrap();
        for app in 3..=20 {
            let further = nonces.check_and_insert(merchant_id, AppId::from_bytes([app; 16]), NOW, &nonce(0));
            assert!(matches!(further, NonceCheck::Full { .. }), "{further:?}");
        }
        let NonceCheck::Full { until } = check_and_insert(&nonces, 1, NOW, 9999) else {
            panic!("there was room")
        };
        nonces.purge(UnixMillis(until.0 - 1));
        assert_eq!(check_and_insert(&nonces, 1, NOW, 9999), NonceCheck::Full { until });
        nonces.purge(until);
        assert_eq!(check_and_insert(&nonces, 1, until, 9999), NonceCheck::First);
        let left: usize = nonces.shards.iter().map(|shard| shard.lock().reads).sum();
        assert_eq!(left, 1);
    }

    #[test]
    fn reads_and_writes_exclude_each_other_until_released() {
        let nonces = ReplayCache::new(WINDOW, 100);
        let reserve = |number: u64| nonces.reserve(AppId::from_bytes([1; 16]), NOW, &nonce(number));
        assert_eq!(check_and_insert(&nonces, 1, NOW, 1), NonceCheck::First);
        assert_eq!(reserve(1), Reservation::Replayed);
        let Reservation::Yes(held) = reserve(2) else { panic!("the nonce was not reserved") };
        assert_eq!(reserve(2), Reservation::Yes(held));
        nonces.release(held);
        assert_eq!(check_and_insert(&nonces, 1, NOW, 2), NonceCheck::Replayed, "one write still holds it");
        nonces.release(held);
        assert_eq!(check_and_insert(&nonces, 1, NOW, 2), NonceCheck::First);
        // A release after the purge removes nothing.
        let Reservation::Yes(held) = reserve(3) else { panic!("the nonce was not reserved") };
        nonces.purge(NOW + 3 * WINDOW);
        nonces.release(held);
        assert_eq!(reserve(4), Reservation::NotReserved);
    }

    #[test]
    fn writes_beyond_their_capacity_take_none_from_reads() {
        let nonces = ReplayCache::new(WINDOW, 160);
        let app = AppId::from_bytes([1; 16]);
        let noted = (0..1000)
            .filter(|number| matches!(nonces.reserve(app, NOW, &nonce(*number)), Reservation::Yes(_)));
        assert_eq!(noted.count(), 48, "the fraction of each shard's capacity, rounded up");
        let read = (1000..2000)
            .filter(|number| check_and_insert(&nonces, 1, NOW, *number) == NonceCheck::First)
            .count();
        assert_eq!(read, 80);
    }

    #[test]
    fn nonce_is_kept_for_two_windows_then_its_time_is_refused() {
        let nonces = ReplayCache::new(WINDOW, 100);
        assert_eq!(check_and_insert(&nonces, 1, NOW, 1), NonceCheck::First);
        nonces.purge(NOW + 2 * WINDOW);
        assert_eq!(check_and_insert(&nonces, 1, NOW, 1), NonceCheck::Replayed);
        nonces.purge(NOW + 2 * WINDOW + Duration::from_secs(10));
        assert_eq!(check_and_insert(&nonces, 1, NOW, 1), NonceCheck::Purged);
        // Setting the clock back makes no nonce usable again.
        nonces.purge(NOW);
        assert_eq!(check_and_insert(&nonces, 1, NOW, 1), NonceCheck::Purged);
    }

    #[test]
    fn of_concurrent_uses_of_a_nonce_exactly_one_is_first() {
        let nonces = ReplayCache::new(WINDOW, 100);
        let firsts: usize = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| usize::from(check_and_insert(&nonces, 1, NOW, 1) == NonceCheck::First))
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).sum()
        });
        assert_eq!(firsts, 1);
    }
}
