//! Rate limiting per key by the generic cell rate algorithm (GCRA). Time is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Burst tolerance: after a quiet period a key may use the events of this time in one burst.
const BURST: Duration = Duration::from_secs(1);

/// Limits each key to a rate: each event takes one emission interval, and no key may be more than [`BURST`] ahead of
/// the clock.
pub(super) struct RateCounters<K> {
    /// The interval between two events at the limit rate.
    emission_interval: Duration,
    /// Keys with their own count. Further keys share one count; existing keys keep theirs.
    keys_max: usize,
    arrival_times: Mutex<ArrivalTimes<K>>,
}

/// Theoretical arrival times of GCRA: the earliest time at which the next event would be within the rate.
struct ArrivalTimes<K> {
    by_key: HashMap<K, Instant>,
    by_others: Option<Instant>,
}

impl<K: Eq + Hash> RateCounters<K> {
    pub(super) fn new(per_second: NonZeroU32, keys_max: usize) -> Self {
        let arrival_times = ArrivalTimes { by_key: HashMap::new(), by_others: None };
        Self {
            emission_interval: BURST / per_second.get(),
            keys_max,
            arrival_times: Mutex::new(arrival_times),
        }
    }

    /// Counts one event.
    ///
    /// # Errors
    /// The time to wait, if the event exceeds the rate; then it is not counted.
    pub(super) fn count(&self, key: K, now: Instant) -> Result<(), Duration> {
        let mut arrival_times = self.arrival_times.lock();
        let ArrivalTimes { by_key, by_others } = &mut *arrival_times;
        let until = match by_key.len() < self.keys_max || by_key.contains_key(&key) {
            true => by_key.entry(key).or_insert(now),
            false => by_others.get_or_insert(now),
        };
        let next = (*until).max(now) + self.emission_interval;
        let ahead = next.saturating_duration_since(now);
        if ahead > BURST {
            return Err(ahead - BURST);
        }
        *until = next;
        Ok(())
    }

    /// Removes keys whose whole burst is available again.
    pub(super) fn purge(&self, now: Instant) {
        let by_key = &mut self.arrival_times.lock().by_key;
        by_key.retain(|_, until| *until > now);
        by_key.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(per_second: u32, keys_max: usize) -> RateCounters<u32> {
        RateCounters::new(NonZeroU32::new(per_second).unwrap(), keys_max)
    }

    #[test]
    fn rate_is_sustained_and_bursts_are_bounded() {
        let (counts, start) = (counts(10, 100), Instant::now());
        let passed = |at: Instant| (0..50).filter(|_| counts.count(1, at).is_ok()).count();
        assert_eq!(passed(start), 10);
        assert_eq!(counts.count(1, start), Err(Duration::from_millis(100)));
        assert_eq!(passed(start + Duration::from_millis(100)), 1);
        assert_eq!(passed(start + Duration::from_millis(600)), 5);
        assert_eq!(passed(start + Duration::from_secs(60)), 10, "unused rate is not saved beyond the burst");
    }

    #[test]
    fn existing_keys_keep_their_count_when_the_table_is_full() {
        let (counts, start) = (counts(2, 3), Instant::now());
        for key in 0..3 {
            assert_eq!(counts.count(key, start), Ok(()));
        }
        let others: Vec<_> = (3..9).map(|key| counts.count(key, start).is_ok()).collect();
        assert_eq!(others, [true, true, false, false, false, false], "further keys share one count");
        assert!((0..3).all(|key| counts.count(key, start).is_ok()));
    }

    #[test]
    fn purge_removes_only_keys_with_a_full_burst() {
        let (counts, start) = (counts(2, 2), Instant::now());
        let later = start + Duration::from_millis(600);
        assert!(counts.count(1, start).is_ok() && counts.count(2, later).is_ok());
        counts.purge(later);
        let kept: Vec<_> = counts.arrival_times.lock().by_key.keys().copied().collect();
        assert_eq!(kept, [2]);
    }
}
