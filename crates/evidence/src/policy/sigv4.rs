//! AWS Signature Version 4 as far as a POST policy needs it: scope, signing key, signature over the policy's base64.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use parking_lot::Mutex;
use rebuttal_protocol::UnixMillis;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Credentials;

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "s3";
const TERMINATOR: &str = "aws4_request";
const DAY_DIGITS: usize = 8;

/// A time in the format of `x-amz-date`: `20151229T000000Z`.
pub(super) fn basic_date(at: UnixMillis) -> String {
    let moment = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The day of an `x-amz-date`, which the signing key is derived for.
pub(super) fn day(date: &str) -> &str {
    date.get(..DAY_DIGITS).unwrap_or(date)
}

/// The value of `x-amz-credential`: access key id, day, region and service.
pub(super) fn credential(credentials: &Credentials, day: &str) -> String {
    let Credentials { access_key_id, region, .. } = credentials;
    format!("{access_key_id}/{day}/{region}/{SERVICE}/{TERMINATOR}")
}

/// The signature over a policy's base64 text, the string to sign of a POST policy.
pub(super) fn signature(credentials: &Credentials, day: &str, policy: &str) -> [u8; 32] {
    hmac(signing_key(credentials, day).as_slice(), policy.as_bytes())
}

/// The key that was derived last: a gateway signs all forms of a day with the same one.
static LAST_DERIVED: Mutex<Option<DerivedKey>> = Mutex::new(None);

/// A signing key, and what it was derived from.
struct DerivedKey {
    secret_access_key: Zeroizing<String>,
    region: String,
    day: String,
    key: Zeroizing<[u8; 32]>,
}

fn signing_key(credentials: &Credentials, day: &str) -> Zeroizing<[u8; 32]> {
    let Credentials { secret_access_key, region, .. } = credentials;
    let mut last = LAST_DERIVED.lock();
    if let Some(last) = &*last
        && (&last.secret_access_key, &last.region, last.day.as_str()) == (secret_access_key, region, day)
    {
        return last.key.clone();
    }
    let derived = DerivedKey {
        secret_access_key: secret_access_key.clone(),
        region: region.clone(),
        day: day.to_owned(),
        key: derive(credentials, day),
    };
    last.insert(derived).key.clone()
}

fn derive(credentials: &Credentials, day: &str) -> Zeroizing<[u8; 32]> {
    let secret = Zeroizing::new(format!("AWS4{}", *credentials.secret_access_key));
    let mut key = Zeroizing::new(hmac(secret.as_bytes(), day.as_bytes()));
    for scope in [credentials.region.as_str(), SERVICE, TERMINATOR] {
        key = Zeroizing::new(hmac(key.as_slice(), scope.as_bytes()));
    }
    key
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of AWS's page on deriving the signing key.
    #[test]
    fn the_signing_key_is_derived_as_aws_publishes_it() {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Zeroizing::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into()),
            session_token: None,
            region: "us-east-1".into(),
        };
        let mut key = hmac(b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", b"20150830");
        for scope in ["us-east-1", "iam", TERMINATOR] {
            key = hmac(&key, scope.as_bytes());
        }
        assert_eq!(hex::encode(key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
        assert_eq!(credential(&credentials, "20150830"), "AKIDEXAMPLE/20150830/us-east-1/s3/aws4_request");
    }

    #[test]
    fn each_secret_region_and_day_has_its_own_signing_key() {
        let credentials = |secret: &str, region: &str| Credentials {
            access_key_id: "id".into(),
            secret_access_key: Zeroizing::new(secret.into()),
            session_token: None,
            region: region.into(),
        };
        let mut seen = std::collections::BTreeSet::new();
        for (secret, region, day) in [
            ("one", "us-east-1", "20150830"),
            ("two", "us-east-1", "20150830"),
            ("two", "us-east-2", "20150830"),
            ("two", "us-east-2", "20150831"),
        ] {
            let credentials = credentials(secret, region);
            let keys = [(); 2].map(|()| *signing_key(&credentials, day));
            assert_eq!(keys, [*derive(&credentials, day); 2], "{secret} {region} {day}");
            assert!(seen.insert(keys[0]), "{secret} {region} {day}");
        }
    }

    #[test]
    fn a_date_is_written_in_utc_to_the_second() {
        assert_eq!(basic_date(UnixMillis(1_451_347_200_999)), "20151229T000000Z");
        assert_eq!(day("20151229T000000Z"), "20151229");
    }
}
