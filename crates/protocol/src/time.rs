//! Times on the wire: Unix milliseconds in headers, RFC 3339 with a zone in bodies.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, Type};

use crate::Invalid;
use crate::schema::{format, schema};

/// How far a request's timestamp may differ from the gateway's clock, in both directions, unless the gateway is
/// configured otherwise (contract §2).
pub const FRESHNESS_WINDOW: Duration = Duration::from_secs(5 * 60);

/// A time in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub i64);

const RFC3339: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

impl UnixMillis {
    /// The latest time with 13 digits, in the year 2286.
    pub const MAX: Self = Self(9_999_999_999_999);

    /// Reads RFC 3339: date, `T`, time with optional fraction, and a zone (`Z` or `+08:00`), from
    /// 1970-01-01T00:00:00Z to [`Self::MAX`].
    ///
    /// A fraction finer than a millisecond is truncated. Refused: a missing zone or one of a day or more, lower-case
    /// `t` or `z`, a space instead of `T`, bracketed zone names, and leap seconds.
    pub fn from_rfc3339(text: &str) -> Result<Self, Invalid> {
        if !is_rfc3339(text) {
            return Err(Invalid::new(match is_rfc3339(&text.to_ascii_uppercase()) {
                true => "must have its T and its Z in upper case, such as 2024-03-06T04:00:00Z",
                false => "must be a time with its zone, such as 2024-03-06T04:00:00Z",
            }));
        }
        if text.get(16..19) == Some(":60") {
            return Err(Invalid::new("must not have the second 60: leap seconds are not accepted"));
        }
        let range = || Invalid::new("must be a time from 1970-01-01T00:00:00Z to 2286-11-20T17:46:39.999Z");
        // The library parses no time after the year 9999.
        let time = text.parse::<Timestamp>().map_err(|_| match text.starts_with("9999-") {
            true => range(),
            false => Invalid::new("must be a day of the calendar and a time of day"),
        })?;
        let at = Some(Self(time.as_millisecond()));
        at.filter(|at| time >= Timestamp::UNIX_EPOCH && *at <= Self::MAX).ok_or_else(range)
    }

    /// Writes RFC 3339 with milliseconds in a time zone: `2024-03-06T12:00:00.000+08:00`; UTC is `+00:00`.
    pub fn to_rfc3339(self, zone: &TimeZone) -> String {
        let moment = Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        RFC3339.timestamp_with_offset_to_string(&moment, zone.to_offset(moment))
    }

    /// Writes RFC 3339 with milliseconds in UTC: `2024-03-06T04:00:00.000+00:00`.
    pub fn to_rfc3339_utc(self) -> String {
        self.to_rfc3339(&TimeZone::UTC)
    }
}

/// Whether a text has the form that [`UnixMillis::from_rfc3339`] reads, whatever its numbers.
fn is_rfc3339(text: &str) -> bool {
    let zone_at = text.len().checked_sub(if text.ends_with('Z') { 1 } else { 6 });
    let Some((local, zone)) = zone_at.and_then(|at| text.split_at_checked(at)) else { return false };
    let (seconds, fraction) = local.split_once('.').unwrap_or((local, "0"));
    has_shape(seconds, "0000-00-00T00:00:00")
        && (zone == "Z" || is_offset(zone))
        && (1..=9).contains(&fraction.len())
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `zone` is an offset of less than a day.
fn is_offset(zone: &str) -> bool {
    let shaped = has_shape(zone, "+00:00") || has_shape(zone, "-00:00");
    let within = |range, limit| zone.get(range).is_some_and(|digits| digits < limit);
    shaped && within(1..3, "24") && within(4..6, "60")
}

/// Whether `text` has the length and separators of `shape`, in which `0` stands for any digit.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, expected)| match expected {
            b'0' => byte.is_ascii_digit(),
            _ => byte == expected,
        })
}

schema!(UnixMillis, ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)), "Unix milliseconds.");

/// The schema of a time in a body. The format checks that the day exists. The pattern admits the years in which
/// [`UnixMillis::from_rfc3339`] accepts every time: at both ends of its range that depends on the offset.
pub enum Time {}

schema!(
    Time,
    format("date-time").pattern(Some(
        "^(197[1-9]|19[89][0-9]|2[01][0-9]{2}|22[0-7][0-9]|228[0-5])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\
         T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
    )),
    "RFC 3339 with a time zone, from 1970-01-01T00:00:00Z to 2286-11-20T17:46:39.999Z; the pattern matches the whole \
     years of this range. Responses have milliseconds; merchants get times \
     in their own time zone, operators in UTC."
);

impl Add<Duration> for UnixMillis {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for UnixMillis {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_the_merchants_zone_with_milliseconds() {
        let at = UnixMillis::from_rfc3339("2024-03-06T04:00:00Z").unwrap();
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        assert_eq!(at.to_rfc3339(&zone), "2024-03-06T12:00:00.000+08:00");
        assert_eq!(at.to_rfc3339(&TimeZone::UTC), "2024-03-06T04:00:00.000+00:00");
    }

    #[test]
    fn only_rfc_3339_with_a_zone_is_read() {
        for wrong in [
            "",
            "2024-03-06",
            "2024-03-06T12:00:00",
            "2024-03-06 12:00:00Z",
            "2024-03-06t12:00:00Z",
            "2024-03-06T12:00:00z",
            "2024-03-06T12:00:00+0800",
            "2024-03-06T12:00:00+08:00[Asia/Shanghai]",
            "2024-03-06T12:00:00.Z",
            "2024-02-30T12:00:00Z",
            "1969-12-31T23:59:59Z",
            "2300-01-01T00:00:00Z",
            "é024-03-06T12:00:00Z",
            "2024-03-06T12:00:00+24:00",
            "2024-03-06T12:00:00-24:00",
            "2024-03-06T12:00:00+08:60",
            "2024-03-06T12:00:60Z",
            "2016-12-31T23:59:60.5+00:00",
        ] {
            assert!(UnixMillis::from_rfc3339(wrong).is_err(), "{wrong:?} was taken");
        }
        let form = "must be a time with its zone, such as 2024-03-06T04:00:00Z";
        let case = "must have its T and its Z in upper case, such as 2024-03-06T04:00:00Z";
        let leap = "must not have the second 60: leap seconds are not accepted";
        let calendar = "must be a day of the calendar and a time of day";
        let range = "must be a time from 1970-01-01T00:00:00Z to 2286-11-20T17:46:39.999Z";
        for (wrong, why) in [
            ("tomorrow", form),
            ("2024-03-06T12:00:00 08:00", form),
            ("2024-03-06t12:00:00z", case),
            ("2024-03-06T12:00:00z", case),
            ("2024-03-06t12:00:00.5+08:00", case),
            ("2016-12-31T23:59:60Z", leap),
            ("2016-12-31T23:59:60.5+00:00", leap),
            ("2024-02-30T12:00:00Z", calendar),
            ("2023-02-29T12:00:00+08:00", calendar),
            ("2024-13-01T12:00:00Z", calendar),
            ("2024-03-06T24:00:00Z", calendar),
            ("2024-03-06T12:60:00Z", calendar),
            ("9999-12-31T23:59:59Z", range),
            ("9999-12-31T00:00:00-23:59", range),
            ("2287-01-01T00:00:00Z", range),
            ("2286-11-20T17:46:40Z", range),
            ("2286-11-21T01:46:40+08:00", range),
            ("1969-12-31T23:59:59.9999Z", range),
            ("1970-01-01T07:59:59+08:00", range),
            ("0000-01-01T00:00:00Z", range),
        ] {
            assert_eq!(UnixMillis::from_rfc3339(wrong).unwrap_err().to_string(), why, "{wrong}");
        }
        let first = UnixMillis::from_rfc3339("1969-12-31T16:00:00-08:00").unwrap();
        let last = UnixMillis::from_rfc3339("2286-11-21T01:46:39.9999+08:00").unwrap();
        assert_eq!((first, last), (UnixMillis(0), UnixMillis::MAX));
        assert!(UnixMillis::from_rfc3339("2024-03-06T12:00:59-23:59").is_ok());
        assert_eq!(UnixMillis::from_rfc3339("1970-01-01T08:00:00.1239+08:00").unwrap(), UnixMillis(123));
    }
}
