//! The clock, by whatever else tells the time: what the database holds of the past, and its server's own clock.

use std::time::Duration;

use rebuttal_protocol::UnixMillis;
use rebuttal_store::Examined;

use super::Finding;
use crate::clock::skew::{self, CLOCK_SKEW_MAX};
use crate::jobs::nonce_bound_in_future;

const ABOUT: &str = "clock";

/// What denies this machine's time, one fault for each.
pub(super) fn examine(examined: &Examined, now: UnixMillis, window: Duration) -> Vec<Finding> {
    let bound = examined.nonce_bound.and_then(|bound| nonce_bound_in_future(bound, now, window));
    let entry = examined.newest_entry_at.filter(|newest| *newest > now + CLOCK_SKEW_MAX);
    let theirs = examined.server_time.map(|(theirs, read_at)| theirs + read_at.elapsed());
    let apart = theirs.and_then(|theirs| skew::compare_clocks(now, theirs, now).err());
    let faults =
        [bound, entry.map(|newest| from_the_future(now, newest)), apart.map(|apart| apart.to_string())];
    let faults: Vec<_> = faults.into_iter().flatten().map(|told| Finding::fault(ABOUT, told)).collect();
    if !faults.is_empty() {
        return faults;
    }
    let told = match examined.server_time {
        Some(_) => "it agrees with the database server's, and with what lies in the database",
        None => "nothing in the database is newer; whether NTP keeps it right cannot be seen from here",
    };
    vec![Finding::well(ABOUT, told)]
}

fn from_the_future(now: UnixMillis, newest: UnixMillis) -> String {
    let utc = |at: UnixMillis| at.to_rfc3339_utc();
    format!(
        "it is {} by this machine's clock, and yet a dispute's history has an entry of {}: a clock is wrong, or was. Deadlines \
         are judged by it; let NTP keep every gateway's clock",
        utc(now),
        utc(newest)
    )
}
