//! Spans of time as people write them, and moments that are so far away.

use std::str::FromStr;
use std::time::Duration;

use rebuttal_client::plumbing;
use rebuttal_client::protocol::UnixMillis;

/// Farthest moment ahead or back: ten years, more than any dispute takes.
const AWAY_MAX_SECONDS: u64 = 10 * 366 * 24 * 3600;

/// Seconds of a span such as `7d`, `12h`, `30m` or `45s`.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "d" => 24 * 3600,
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        _ => return None,
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<u64>().ok().filter(|_| digits)?.checked_mul(seconds)
}

/// A moment, and how it was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: UnixMillis,
    /// Whether as a span, which gives another moment each time.
    pub(crate) from_now: bool,
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(seconds) = seconds(text).filter(|seconds| *seconds <= AWAY_MAX_SECONDS) {
            return Ok(Self { at: plumbing::now() + Duration::from_secs(seconds), from_now: true });
        }
        UnixMillis::from_rfc3339(text).map(|at| Self { at, from_now: false }).map_err(|_| {
            "must be a time with its zone, such as 2024-03-06T12:00:00+08:00, or a span from now, such as 7d or 36h".to_owned()
        })
    }
}

/// A moment of the wire, or one that is a span before now.
pub(crate) fn past(text: &str) -> Result<UnixMillis, String> {
    let ago = seconds(text).filter(|seconds| *seconds <= AWAY_MAX_SECONDS);
    ago.map(|seconds| Ok(plumbing::now() - Duration::from_secs(seconds))).unwrap_or_else(|| {
        UnixMillis::from_rfc3339(text).map_err(|_| {
            "must be a time with its zone, such as 2024-03-06T12:00:00+08:00, or a span back from now, such as 7d or 36h"
                .to_owned()
        })
    })
}

/// A moment of the wire, or one that is a span from now.
pub(crate) fn moment(text: &str) -> Result<UnixMillis, String> {
    text.parse().map(|Moment { at, .. }| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        assert_eq!(
            [seconds("7d"), seconds("36h"), seconds("5m"), seconds("0s")],
            [Some(604_800), Some(129_600), Some(300), Some(0)]
        );
        for wrong in
            ["", "d", "7", "-1d", "+1d", "1.5h", "7 d", "99999999999999999999d", "300000000000000d", "ä"]
        {
            assert_eq!(seconds(wrong), None, "{wrong:?}");
        }
    }
}
