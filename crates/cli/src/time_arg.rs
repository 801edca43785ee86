//! Arguments that are durations, or times: RFC 3339, or relative to now.

use std::str::FromStr;
use std::time::Duration;

use jiff::{Span, SpanTotal, Unit};
use rebuttal_client::internal;
use rebuttal_client::protocol::UnixMillis;

/// Largest offset from now, in either direction: ten years, more than any dispute takes.
const OFFSET_MAX_SECONDS: u64 = 10 * 366 * 24 * 3600;

/// Seconds of a duration such as `7d`, `36h` or `1d12h`; `None` for months and years, which have no fixed length.
pub(crate) fn duration_seconds(text: &str) -> Option<u64> {
    let seconds = text.parse::<Span>().ok()?.total(SpanTotal::from(Unit::Second).days_are_24_hours()).ok()?;
    (seconds >= 0.0 && seconds.fract() == 0.0).then_some(seconds as u64)
}

/// The formats, for error messages.
const TIME_FORMAT: &str = "a time with its zone, such as 2024-03-06T12:00:00+08:00";
const DURATION_FORMAT: &str = "such as 7d, 36h or 1d12h (units: w, d, h, m, s)";

/// Seconds of a duration, at most [`OFFSET_MAX_SECONDS`]; `None` if the text is not a duration.
fn bounded_seconds(text: &str) -> Option<Result<u64, String>> {
    let seconds = duration_seconds(text)?;
    let days = OFFSET_MAX_SECONDS / (24 * 3600);
    let is_within = seconds <= OFFSET_MAX_SECONDS;
    Some(is_within.then_some(seconds).ok_or_else(|| format!("a duration must be at most {days}d")))
}

/// A time, and whether it was written relative to now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeArg {
    pub(crate) at: UnixMillis,
    /// Whether it was written as a duration, which gives another time in each run.
    pub(crate) is_relative: bool,
}

impl FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(seconds) = bounded_seconds(text) {
            return Ok(Self { at: internal::now() + Duration::from_secs(seconds?), is_relative: true });
        }
        if text.strip_prefix('-').and_then(duration_seconds).is_some() {
            return Err("is in the past; a duration from now has no sign, such as 7d or 36h".to_owned());
        }
        UnixMillis::from_rfc3339(text)
            .map(|at| Self { at, is_relative: false })
            .map_err(|_| invalid_time(text, "from now"))
    }
}

/// Why a text is neither a time nor a duration.
fn invalid_time(text: &str, direction: &str) -> String {
    let with_seconds = |at: usize| text.split_at_checked(at).map(|(time, zone)| format!("{time}:00{zone}"));
    // The length of `2024-03-06T12:00`.
    match with_seconds(16).filter(|time| UnixMillis::from_rfc3339(time).is_ok()) {
        Some(time) => format!("has no seconds: write {time}"),
        None => format!("must be {TIME_FORMAT}, or a duration {direction}, {DURATION_FORMAT}"),
    }
}

/// An RFC 3339 time, or a duration before now.
pub(crate) fn past(text: &str) -> Result<UnixMillis, String> {
    if let Some(seconds) = bounded_seconds(text) {
        return Ok(internal::now() - Duration::from_secs(seconds?));
    }
    UnixMillis::from_rfc3339(text).map_err(|_| invalid_time(text, "before now"))
}

/// An RFC 3339 time, or a duration from now.
pub(crate) fn future(text: &str) -> Result<UnixMillis, String> {
    text.parse().map(|TimeArg { at, .. }| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_numbers_with_units() {
        for (text, seconds) in
            [("7d", 604_800), ("36h", 129_600), ("1d12h", 129_600), ("1w", 604_800), ("0s", 0)]
        {
            assert_eq!(duration_seconds(text), Some(seconds), "{text}");
        }
        for wrong in ["", "d", "7", "-1d", "12h1d", "1d2", "1mo", "1y", "99999999999999999999d", "ä", "1ä"]
        {
            assert_eq!(duration_seconds(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn errors_name_the_accepted_formats() {
        let wrong = |text: &str| text.parse::<TimeArg>().err().unwrap();
        assert_eq!(wrong("10000d"), "a duration must be at most 3660d");
        assert!(wrong("-7d").starts_with("is in the past"));
        assert_eq!(wrong("2020-12-20T10:00Z"), "has no seconds: write 2020-12-20T10:00:00Z");
        assert_eq!(
            past("2020-12-20T10:00+08:00").unwrap_err(),
            "has no seconds: write 2020-12-20T10:00:00+08:00"
        );
        assert!(
            wrong("soon").ends_with("a duration from now, such as 7d, 36h or 1d12h (units: w, d, h, m, s)")
        );
    }
}
