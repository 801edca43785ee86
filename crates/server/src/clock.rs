//! The only code that reads the system clock; everywhere else time is an argument (`clippy.toml` enforces it).
//!
//! Deadlines and freshness are decided by this clock, so operation requires NTP (contract §6).

pub(crate) mod skew;

use rebuttal_protocol::UnixMillis;

/// The current time.
#[expect(clippy::disallowed_methods, reason = "the only code that reads the clock")]
pub(crate) fn now() -> UnixMillis {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
