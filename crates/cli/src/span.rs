//! Spans of time as people write them, and moments that are so far away.

use std::str::FromStr;
use std::time::Duration;

use rebuttal_client::plumbing;
use rebuttal_client::protocol::UnixMillis;

/// Farthest moment ahead or back: ten years, more than any dispute takes.
const AWAY_MAX_SECONDS: u64 = 10 * 366 * 24 * 3600;

/// Seconds of each unit, the longest first. Months have no length.
const UNITS: [(char, u64); 5] = [('w', 7 * 24 * 3600), ('d', 24 * 3600), ('h', 3600), ('m', 60), ('s', 1)];

/// Seconds of a span such as `7d`, `36h`, `45s`, or `1d12h`: numbers with units, the longer unit first.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let (mut rest, mut units, mut total) = (text, UNITS.as_slice(), 0_u64);
    if text.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|character: char| !character.is_ascii_digit())?);
        let unit = after.chars().next()?;
        let place = units.iter().position(|(name, _)| *name == unit)?;
        let (_, seconds) = units.get(place)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*seconds)?)?;
        units = units.get(place + 1..)?;
        rest = after.get(1..)?;
    }
    Some(total)
}

/// How a moment is written that lies on one side of now.
const TIME: &str = "a time with its zone, such as 2024-03-06T12:00:00+08:00";
const SPANS: &str = "such as 7d, 36h or 1d12h (units: w, d, h, m, s)";

/// A span that is not too long.
fn near(text: &str) -> Option<Result<u64, String>> {
    let seconds = seconds(text)?;
    let days = AWAY_MAX_SECONDS / (24 * 3600);
    let is_near = seconds <= AWAY_MAX_SECONDS;
    Some(is_near.then_some(seconds).ok_or_else(|| format!("a span must be at most {days}d")))
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
        if let Some(seconds) = near(text) {
            return Ok(Self { at: plumbing::now() + Duration::from_secs(seconds?), from_now: true });
        }
        if text.strip_prefix('-').and_then(seconds).is_some() {
            return Err("lies in the past; a span from now has no sign, such as 7d or 36h".to_owned());
        }
        UnixMillis::from_rfc3339(text)
            .map(|at| Self { at, from_now: false })
            .map_err(|_| format!("must be {TIME}, or a span from now, {SPANS}"))
    }
}

/// A moment of the wire, or one that is a span before now.
pub(crate) fn past(text: &str) -> Result<UnixMillis, String> {
    if let Some(seconds) = near(text) {
        return Ok(plumbing::now() - Duration::from_secs(seconds?));
    }
    UnixMillis::from_rfc3339(text).map_err(|_| format!("must be {TIME}, or a span back from now, {SPANS}"))
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
        assert_eq!(
            [seconds("1w"), seconds("1d12h"), seconds("1h0m1s")],
            [Some(604_800), Some(129_600), Some(3601)]
        );
        for wrong in [
            "",
            "d",
            "7",
            "-1d",
            "+1d",
            "1.5h",
            "7 d",
            "12h1d",
            "1d1d",
            "1d2",
            "99999999999999999999d",
            "300000000000000d",
            "ä",
            "1ä",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_moment_is_told() {
        let wrong = |text: &str| text.parse::<Moment>().err().unwrap();
        assert_eq!(wrong("10000d"), "a span must be at most 3660d");
        assert!(wrong("-7d").starts_with("lies in the past"));
        assert!(wrong("soon").ends_with("a span from now, such as 7d, 36h or 1d12h (units: w, d, h, m, s)"));
    }
}
