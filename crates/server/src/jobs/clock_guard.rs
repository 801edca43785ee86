//! Whether the system clock can be trusted with irreversible actions, by comparison with the monotonic clock and the
//! last trusted time. The comparison with the database server's clock is in `clock::skew`.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rebuttal_protocol::UnixMillis;

/// Maximum drift between the system clock and the monotonic clock from one observation to the next. NTP slews a clock
/// that is nearly right; a larger step means that it was wrong before or is wrong now.
const CLOCK_STEP_MAX: Duration = Duration::from_secs(5);
/// Maximum downtime by the clock before it is doubted: longer than an upgrade or a machine's start takes.
const AWAY_MAX: Duration = Duration::from_secs(10 * 60);
/// Windows for which a clock is doubted that is far from the last trusted time: an hour by default, in which an
/// operator can correct it.
const DOUBTED_WINDOWS: u32 = 12;

/// Compares the system clock with the monotonic clock, which cannot be set, and after a start or a jump with the last
/// trusted time in the database.
///
/// A clock that runs ahead, even briefly, would expire disputes before their deadline, delete recent uploads, purge
/// idempotency keys and move the nonce bound into the future. All of these wait until both clocks have agreed for a
/// window.
pub(super) struct ClockGuard {
    observed: Mutex<Observed>,
    /// How long the clocks must have agreed.
    window: Duration,
}

/// Both clocks at the last observation, and when they will be trusted if nothing happens.
struct Observed {
    now: UnixMillis,
    instant: Instant,
    steady_at: Instant,
    doubted_until: Option<Instant>,
    /// Whether it was compared with the last trusted time since the start or the last jump.
    is_compared: bool,
}

/// State of the clock, in ascending order of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ClockState {
    /// It jumped less than a window ago, or is far from the last trusted time.
    Doubted,
    /// The start was less than a window ago, close to the last trusted time.
    Unbroken,
    /// It has run steadily for a window.
    Steady,
}

impl ClockGuard {
    pub(super) fn since(now: UnixMillis, instant: Instant, window: Duration) -> Self {
        let observed =
            Observed { now, instant, steady_at: instant + window, doubted_until: None, is_compared: false };
        Self { observed: Mutex::new(observed), window }
    }

    /// Whether the clock has to be compared with the last trusted time.
    pub(super) fn needs_comparison(&self) -> bool {
        !self.observed.lock().is_compared
    }

    /// Compares the clock with the last trusted time, `None` if there is none.
    pub(super) fn compare(&self, trusted: Option<UnixMillis>, now: UnixMillis, instant: Instant) {
        let mut observed = self.observed.lock();
        // Another job may have compared it already.
        let was_compared = std::mem::replace(&mut observed.is_compared, true);
        let far =
            trusted.filter(|trusted| !was_compared && difference_ms(*trusted, now) > AWAY_MAX.as_millis());
        let Some(trusted) = far else { return };
        let wait = self.window * DOUBTED_WINDOWS;
        tracing::error!(
            "clock is far from the last trusted time: now {now}, last trusted by a gateway of this database {trusted}. \
             Either no gateway ran in between, or the clock is or was wrong. Nothing is expired, swept or purged for \
             {wait:?}. If the clock is wrong, correct it within this time; otherwise no action is needed"
        );
        observed.steady_at = instant + wait;
        observed.doubted_until = Some(observed.steady_at);
    }

    pub(super) fn observe(&self, now: UnixMillis, instant: Instant) -> ClockState {
        let mut observed = self.observed.lock();
        let expected = observed.now + instant.saturating_duration_since(observed.instant);
        if difference_ms(expected, now) > CLOCK_STEP_MAX.as_millis() {
            tracing::error!(
                "clock jumped from about {expected} to {now}: nothing is expired, swept or purged until it has been \
                 steady for {:?}. If it is wrong, correct it within this time",
                self.window
            );
            metrics::counter!("rebuttal_clock_jumps_total").increment(1);
            observed.steady_at = instant + self.window;
            (observed.doubted_until, observed.is_compared) = (Some(observed.steady_at), false);
        }
        (observed.now, observed.instant) = (now, instant);
        match instant >= observed.steady_at {
            true => ClockState::Steady,
            false if observed.doubted_until.is_some_and(|until| instant < until) => ClockState::Doubted,
            false => ClockState::Unbroken,
        }
    }
}

/// Milliseconds between two times.
fn difference_ms(one: UnixMillis, other: UnixMillis) -> u128 {
    u128::from(one.0.abs_diff(other.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(300);
    const NOW: UnixMillis = UnixMillis(1_714_128_828_114);
    const AHEAD: Duration = Duration::from_secs(1000 * 24 * 3600);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn clock_is_trusted_after_a_steady_window() {
        let start = Instant::now();
        let clock_guard = ClockGuard::since(NOW, start, WINDOW);
        let observe = |wall: Duration, mono: Duration| clock_guard.observe(NOW + wall, start + mono);
        assert_eq!(observe(Duration::ZERO, Duration::ZERO), ClockState::Unbroken);
        assert_eq!(observe(WINDOW - SECOND, WINDOW - SECOND), ClockState::Unbroken);
        assert_eq!(observe(WINDOW, WINDOW), ClockState::Steady);
        assert_eq!(
            observe(WINDOW + 6 * SECOND, WINDOW + SECOND),
            ClockState::Steady,
            "within the maximum drift"
        );
        assert_eq!(observe(AHEAD, WINDOW + SECOND), ClockState::Doubted);
        assert_eq!(observe(AHEAD + SECOND, WINDOW + 2 * SECOND), ClockState::Doubted, "it has just jumped");
        assert_eq!(observe(2 * WINDOW, 2 * WINDOW), ClockState::Doubted, "it was corrected");
        assert_eq!(observe(3 * WINDOW, 3 * WINDOW), ClockState::Steady);
    }

    #[test]
    fn start_far_from_the_last_trusted_time_is_doubted_for_an_hour() {
        let (start, week) = (Instant::now(), Duration::from_secs(7 * 24 * 3600));
        for trusted in [NOW - week, NOW + week, NOW - AWAY_MAX - SECOND] {
            let clock_guard = ClockGuard::since(NOW, start, WINDOW);
            let observe = |after: Duration| clock_guard.observe(NOW + after, start + after);
            assert!(clock_guard.needs_comparison());
            clock_guard.compare(Some(trusted), NOW, start);
            assert_eq!(
                (observe(SECOND), observe(12 * WINDOW - SECOND)),
                (ClockState::Doubted, ClockState::Doubted)
            );
            assert_eq!(observe(12 * WINDOW), ClockState::Steady);
        }
        for trusted in [None, Some(NOW), Some(NOW - AWAY_MAX)] {
            let clock_guard = ClockGuard::since(NOW, start, WINDOW);
            clock_guard.compare(trusted, NOW, start);
            assert!(!clock_guard.needs_comparison());
            assert_eq!(clock_guard.observe(NOW, start), ClockState::Unbroken, "{trusted:?}");
        }
    }

    #[test]
    fn corrected_clock_is_compared_again() {
        let start = Instant::now();
        let clock_guard = ClockGuard::since(NOW + AHEAD, start, WINDOW);
        clock_guard.compare(Some(NOW), NOW + AHEAD, start);
        assert_eq!(clock_guard.observe(NOW + SECOND, start + SECOND), ClockState::Doubted);
        assert!(clock_guard.needs_comparison());
        clock_guard.compare(Some(NOW), NOW + SECOND, start + SECOND);
        assert_eq!(clock_guard.observe(NOW + SECOND + WINDOW, start + SECOND + WINDOW), ClockState::Steady);
    }
}
