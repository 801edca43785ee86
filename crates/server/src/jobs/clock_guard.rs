//! Whether the system's clock can be trusted with what cannot be undone, by what goes at its pace and by what is known
//! of the past. What another clock says is asked elsewhere (`agreement`).

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rebuttal_protocol::UnixMillis;

/// How far the system's clock and the monotonic one may differ between two looks. NTP slews a clock that is nearly
/// right; a step beyond this sets one that was wrong, before it or after.
const CLOCK_STEP_MAX: Duration = Duration::from_secs(5);
/// How long a gateway may have been away, by its clock, before that is in doubt: longer than an upgrade takes, or a
/// machine to start.
const AWAY_MAX: Duration = Duration::from_secs(10 * 60);
/// Windows that a clock is doubted which stands far from what was last trusted: an hour by default, in which somebody
/// can set it right.
const DOUBTED_WINDOWS: u32 = 12;

/// Compares the system's clock with the monotonic one, which cannot be set, and where it newly came from with the
/// newest moment that the database knows.
///
/// A clock that runs ahead, if only for a moment, would let disputes expire before their deadline, sweep uploads of
/// today, forget idempotency keys and put the bound of forgotten nonces into the future. All of that waits until both
/// clocks have gone at one pace for a while.
pub(super) struct ClockGuard {
    observed: Mutex<Observed>,
    /// How long they must have agreed.
    window: Duration,
}

/// Both clocks at the last look, and from when on they can be trusted if nothing happens.
struct Observed {
    now: UnixMillis,
    instant: Instant,
    steady_at: Instant,
    doubted_until: Option<Instant>,
    /// Whether where it stands was compared with what was last trusted, since the start or the last jump.
    is_compared: bool,
}

/// What is known of the clock, the best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ClockState {
    /// It jumped less than a window ago, or stands far from what was last trusted.
    Doubted,
    /// The start is less than a window ago, and follows closely on what was last trusted.
    Unbroken,
    /// It has gone steadily for a window.
    Steady,
}

impl ClockGuard {
    pub(super) fn since(now: UnixMillis, instant: Instant, window: Duration) -> Self {
        let observed =
            Observed { now, instant, steady_at: instant + window, doubted_until: None, is_compared: false };
        Self { observed: Mutex::new(observed), window }
    }

    /// Whether where the clock stands has to be compared with what was last trusted.
    pub(super) fn needs_comparison(&self) -> bool {
        !self.observed.lock().is_compared
    }

    /// Compares where the clock stands with the newest moment that is known to have been; `None` where nothing was
    /// before.
    pub(super) fn compare(&self, trusted: Option<UnixMillis>, now: UnixMillis, instant: Instant) {
        let mut observed = self.observed.lock();
        // Another job may have been quicker.
        let was_compared = std::mem::replace(&mut observed.is_compared, true);
        let far =
            trusted.filter(|trusted| !was_compared && difference_ms(*trusted, now) > AWAY_MAX.as_millis());
        let Some(trusted) = far else { return };
        let wait = self.window * DOUBTED_WINDOWS;
        tracing::error!(
            "the clock stands at {now}, and the last moment that a gateway of this database trusted was {trusted}: either \
             none was running for that long, or a clock is wrong, or was. Nothing expires, is swept or forgotten for \
             {wait:?}. If the clock is wrong, set it right before that; if it is right, nothing needs to be done"
        );
        observed.steady_at = instant + wait;
        observed.doubted_until = Some(observed.steady_at);
    }

    pub(super) fn observe(&self, now: UnixMillis, instant: Instant) -> ClockState {
        let mut observed = self.observed.lock();
        let expected = observed.now + instant.saturating_duration_since(observed.instant);
        if difference_ms(expected, now) > CLOCK_STEP_MAX.as_millis() {
            tracing::error!(
                "the clock jumped from about {expected} to {now}: nothing expires, is swept or forgotten by it until it \
                 has been steady for {:?}. If it is wrong, set it right before that",
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

/// Milliseconds between two moments.
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
    fn a_clock_is_trusted_after_a_window_of_steady_going() {
        let start = Instant::now();
        let clock_guard = ClockGuard::since(NOW, start, WINDOW);
        let observe = |wall: Duration, mono: Duration| clock_guard.observe(NOW + wall, start + mono);
        assert_eq!(observe(Duration::ZERO, Duration::ZERO), ClockState::Unbroken);
        assert_eq!(observe(WINDOW - SECOND, WINDOW - SECOND), ClockState::Unbroken);
        assert_eq!(observe(WINDOW, WINDOW), ClockState::Steady);
        assert_eq!(
            observe(WINDOW + 6 * SECOND, WINDOW + SECOND),
            ClockState::Steady,
            "within what may differ"
        );
        assert_eq!(observe(AHEAD, WINDOW + SECOND), ClockState::Doubted);
        assert_eq!(observe(AHEAD + SECOND, WINDOW + 2 * SECOND), ClockState::Doubted, "a moment ago");
        assert_eq!(observe(2 * WINDOW, 2 * WINDOW), ClockState::Doubted, "it was set right");
        assert_eq!(observe(3 * WINDOW, 3 * WINDOW), ClockState::Steady);
    }

    #[test]
    fn a_start_far_from_what_was_last_trusted_is_doubted_for_a_while_and_trusted_in_the_end() {
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
    fn a_clock_that_is_set_right_is_compared_anew() {
        let start = Instant::now();
        let clock_guard = ClockGuard::since(NOW + AHEAD, start, WINDOW);
        clock_guard.compare(Some(NOW), NOW + AHEAD, start);
        assert_eq!(clock_guard.observe(NOW + SECOND, start + SECOND), ClockState::Doubted);
        assert!(clock_guard.needs_comparison());
        clock_guard.compare(Some(NOW), NOW + SECOND, start + SECOND);
        assert_eq!(clock_guard.observe(NOW + SECOND + WINDOW, start + SECOND + WINDOW), ClockState::Steady);
    }
}
