//! Checks this machine's clock against the newest times in the database and against the database server's clock.

use std::time::Duration;

use rebuttal_protocol::UnixMillis;
use rebuttal_store::Examined;

use super::{Finding, skipped};
use crate::clock::skew::{self, CLOCK_SKEW_MAX};
use crate::jobs::nonce_bound_in_future;

const CHECK: &str = "clock";

/// One fault for each time that contradicts this machine's clock. `unreadable` is why the database's times were not
/// read.
pub(super) fn examine(
    examined: &Examined,
    unreadable: Option<&str>,
    now: UnixMillis,
    window: Duration,
) -> Vec<Finding> {
    let bound = examined.nonce_bound.and_then(|bound| nonce_bound_in_future(bound, now, window));
    let entry = examined.newest_entry_at.filter(|newest| *newest > now + CLOCK_SKEW_MAX);
    let server_time = examined.server_time.map(|(time, read_at)| time + read_at.elapsed());
    let skew = server_time.and_then(|time| skew::compare_clocks(now, time, now).err());
    let faults = [bound, entry.map(|newest| future_entry(now, newest)), skew.map(|skew| skew.to_string())];
    let faults: Vec<_> = faults.into_iter().flatten().map(|message| Finding::fault(CHECK, message)).collect();
    if !faults.is_empty() {
        return faults;
    }
    let message = match (examined.server_time, unreadable) {
        (Some(_), None) => {
            "this machine's clock agrees with the database server's clock and with the times in the database"
        }
        (Some(_), Some(_)) => "this machine's clock agrees with the database server's clock",
        (None, None) => {
            "no time in the database is later than this machine's clock; whether NTP synchronizes it cannot be checked"
        }
        (None, Some(reason)) => return vec![skipped(CHECK, reason)],
    };
    vec![Finding::ok(CHECK, message)]
}

fn future_entry(now: UnixMillis, newest: UnixMillis) -> String {
    let utc = |at: UnixMillis| at.to_rfc3339_utc();
    format!(
        "this machine's clock shows {}, but a dispute's history has an entry of {}: a clock is or was wrong. Deadlines \
         depend on it; synchronize every gateway's clock by NTP",
        utc(now),
        utc(newest)
    )
}
