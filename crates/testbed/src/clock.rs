//! The clock of the tests, and the only two ways to wait in a test: for a condition, or for a time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a test waits for an expected event, such as an answer, a start, or a line in the log. A passing test never
/// reaches it, so it is long enough for a busy machine that is many times slower.
pub const LIMIT: Duration = Duration::from_secs(120);
/// How often a condition is checked while waiting.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(4);

/// Unix milliseconds by this machine's clock, which is also the gateway's.
#[must_use]
pub fn now_ms() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "tests stand outside the gateway and keep their own clock")]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("milliseconds fit")
}

/// RFC 3339 in UTC with milliseconds, as operators write times.
#[must_use]
pub fn rfc3339(unix_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(unix_ms).expect("a time of this age");
    format!("{at:.3}")
}

/// Unix milliseconds of an RFC 3339 time, whatever its zone.
#[must_use]
pub fn parse_rfc3339(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>()
        .unwrap_or_else(|error| panic!("not RFC 3339: {text}: {error}"))
        .as_millisecond()
}

/// Waits until `seen` returns a value; panics with `what` after [`LIMIT`].
pub fn wait_for<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = seen() {
            return value;
        }
        assert!(start.elapsed() < LIMIT, "waited {LIMIT:?} in vain for {what}");
        pause(LOOK_AGAIN_AFTER);
    }
}

/// Waits until the clock reaches a time, for rules about time itself.
pub fn wait_until_ms(unix_ms: i64) {
    let left = unix_ms - now_ms();
    if let Ok(left) = u64::try_from(left) {
        pause(Duration::from_millis(left));
    }
}

/// Lets real time pass: only for load that must run for a while, never to wait for an event.
pub fn pause(time: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one sleep of the tests, behind a named condition or moment"
    )]
    std::thread::sleep(time);
}
