//! The one place of this crate that reads the system clock.

use std::time::{SystemTime, UNIX_EPOCH};

use rebuttal_protocol::UnixMillis;

/// The current time by this machine's clock. A clock before 1970 reads as 1970; the gateway then returns its time.
pub(crate) fn now() -> UnixMillis {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(UnixMillis::MAX.0)).min(UnixMillis::MAX)
}
