//! Whether the system's clock can be trusted with what cannot be undone.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rebuttal_protocol::UnixMillis;

use crate::clock;

/// How far the system's clock and the monotonic one may differ between two looks. NTP slews a clock that is nearly
/// right; a step beyond this sets one that was wrong, before it or after.
const APART_MAX: Duration = Duration::from_secs(5);

/// Compares the system's clock with the monotonic one, which cannot be set.
///
/// A clock that runs ahead, if only for a moment, would let disputes lapse before their deadline, sweep uploads of today,
/// forget idempotency keys and put the bound of forgotten nonces into the future. All of that waits until both clocks
/// have gone at one pace for a while.
pub(super) struct Pace {
    seen: Mutex<Seen>,
    /// How long they must have agreed.
    window: Duration,
}

/// Both clocks at the last look, and since when they have agreed.
struct Seen {
    now: UnixMillis,
    instant: Instant,
    agreed_since: Instant,
    jumped: bool,
}

/// What is known of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Going {
    /// It has gone steadily for a window.
    Steady,
    /// The start is less than a window ago; nobody knows what was before.
    Unproven,
    /// It jumped less than a window ago.
    Jumped,
}

impl Pace {
    pub(super) fn new(window: Duration) -> Self {
        Self::since(clock::now(), Instant::now(), window)
    }

    fn since(now: UnixMillis, instant: Instant, window: Duration) -> Self {
        Self { seen: Mutex::new(Seen { now, instant, agreed_since: instant, jumped: false }), window }
    }

    /// Whether the clock has gone steadily for a window, at the start too.
    pub(super) fn is_steady(&self) -> bool {
        self.look(clock::now(), Instant::now()) == Going::Steady
    }

    /// Whether no jump was seen within a window; for what must not wait at every start.
    pub(super) fn is_unbroken(&self) -> bool {
        self.look(clock::now(), Instant::now()) != Going::Jumped
    }

    fn look(&self, now: UnixMillis, instant: Instant) -> Going {
        let mut seen = self.seen.lock();
        let expected = seen.now + instant.saturating_duration_since(seen.instant);
        if u128::from((now.0 - expected.0).unsigned_abs()) > APART_MAX.as_millis() {
            tracing::error!(
                "the clock jumped from about {expected} to {now}: nothing lapses, is swept or forgotten by it until it \
                 has been steady for {:?}. If it is wrong, set it right before that",
                self.window
            );
            metrics::counter!("rebuttal_clock_jumps_total").increment(1);
            (seen.agreed_since, seen.jumped) = (instant, true);
        }
        (seen.now, seen.instant) = (now, instant);
        match instant.saturating_duration_since(seen.agreed_since) >= self.window {
            true => Going::Steady,
            false if seen.jumped => Going::Jumped,
            false => Going::Unproven,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(300);
    const NOW: UnixMillis = UnixMillis(1_714_128_828_114);
    const AHEAD: Duration = Duration::from_secs(1000 * 24 * 3600);

    #[test]
    fn a_clock_is_trusted_after_a_window_of_steady_going() {
        let start = Instant::now();
        let pace = Pace::since(NOW, start, WINDOW);
        let look = |wall: Duration, mono: Duration| pace.look(NOW + wall, start + mono);
        let second = Duration::from_secs(1);
        assert_eq!(look(Duration::ZERO, Duration::ZERO), Going::Unproven);
        assert_eq!(look(WINDOW - second, WINDOW - second), Going::Unproven);
        assert_eq!(look(WINDOW, WINDOW), Going::Steady);
        assert_eq!(look(WINDOW + 6 * second, WINDOW + second), Going::Steady, "within what may differ");
        assert_eq!(look(AHEAD, WINDOW + second), Going::Jumped);
        assert_eq!(look(AHEAD + second, WINDOW + 2 * second), Going::Jumped, "a moment ago");
        assert_eq!(look(2 * WINDOW, 2 * WINDOW), Going::Jumped, "it was set right");
        assert_eq!(look(3 * WINDOW, 3 * WINDOW), Going::Steady);
    }
}
