//! The one place that reads the system clock; everywhere else time is an argument (`clippy.toml` holds it so).
//!
//! Deadlines and freshness are judged by this clock, which is why NTP is a requirement of operation (contract §6).

pub(crate) mod skew;

use rebuttal_protocol::UnixMillis;

/// The present moment.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub(crate) fn now() -> UnixMillis {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
