//! The `Authorization` header: parsed strictly, printed in the one published form (contract §1, §2).

use std::fmt;

use crate::{AppId, Invalid, Nonce, UnixMillis, hex_digits};

/// Digits of a timestamp: Unix milliseconds (contract §2).
pub const TIMESTAMP_DIGITS: usize = 13;
/// Longest header value that is read, in bytes: the published form needs at most 210, the rest is for spaces.
pub const HEADER_MAX_BYTES: usize = 1024;

/// How a message is signed, the weaker scheme first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// `V2_SHA256`: SHA-256 over the signed bytes with the secret among them.
    V2Sha256,
    /// `V2_HMAC_SHA256`: HMAC-SHA256 keyed with the secret.
    V2HmacSha256,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 2] = [Self::V2Sha256, Self::V2HmacSha256];

    /// Its name in the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2Sha256 => "V2_SHA256",
            Self::V2HmacSha256 => "V2_HMAC_SHA256",
        }
    }
}

impl std::str::FromStr for Scheme {
    type Err = Invalid;

    fn from_str(word: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.as_str() == word)
            .ok_or_else(|| Invalid::new("must be V2_SHA256 or V2_HMAC_SHA256"))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

crate::ids::serde_as_text!(Scheme);
crate::schema::schema!(
    Scheme,
    crate::schema::one_of(Self::ALL.map(Self::as_str)),
    "How an app signs its requests, and how the responses to it are signed; see the security schemes."
);

/// The signature of a request or an answer, the header's field `sign`: 32 bytes, written as 64 lower-case hex digits.
///
/// Deliberately without `PartialEq`: signatures are compared in constant time, by
/// [`verify`](crate::signature::verify).
#[derive(Clone, Copy)]
pub struct Signature(pub(crate) [u8; 32]);

impl Signature {
    /// Reads 64 hex digits in either case.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        hex_digits::parse_any_case(text).map(Self).ok_or_else(|| Invalid::new("must be 64 hex digits"))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex_digits::write(&self.0, f)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// The credentials of one message.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// How the message is signed.
    pub scheme: Scheme,
    /// Who signed.
    pub app_id: AppId,
    /// The signature, the header's field `sign`.
    pub sign: Signature,
    /// When it was signed, by the signer's clock.
    pub timestamp: UnixMillis,
    /// What makes the message unique.
    pub nonce: Nonce,
}

impl Authorization {
    /// Reads a header's value.
    ///
    /// Tolerated: spaces after the scheme and around commas, any order of the four fields, either case of `sign`.
    /// Refused: a field missing, empty, unknown, quoted or given twice; anything else.
    pub fn parse(value: &[u8]) -> Result<Self, Invalid> {
        let text = std::str::from_utf8(value)
            .ok()
            .filter(|text| text.len() <= HEADER_MAX_BYTES)
            .ok_or_else(|| Invalid::new(format!("must be ASCII of at most {HEADER_MAX_BYTES} bytes")))?;
        let (scheme, credentials) = text
            .trim_matches(' ')
            .split_once(' ')
            .ok_or_else(|| Invalid::new("must be a scheme, a space and the credentials"))?;
        let scheme = scheme.parse().map_err(|error| Invalid::new(format!("scheme {error}")))?;

        let (mut app_id, mut sign, mut timestamp, mut nonce) = (None, None, None, None);
        for field in credentials.split(',') {
            let (name, value) = field
                .trim_matches(' ')
                .split_once('=')
                .ok_or_else(|| Invalid::new("credentials must be name=value, separated by commas"))?;
            match name {
                "appId" => set_once(&mut app_id, name, value.parse())?,
                "sign" => set_once(&mut sign, name, Signature::parse(value))?,
                "timestamp" => set_once(&mut timestamp, name, parse_timestamp(value))?,
                "nonce" => set_once(&mut nonce, name, value.parse())?,
                _ => return Err(Invalid::new("only appId, sign, timestamp and nonce may be given")),
            }
        }
        let missing = |name: &'static str| move || Invalid::new(format!("{name} is missing"));
        Ok(Self {
            scheme,
            app_id: app_id.ok_or_else(missing("appId"))?,
            sign: sign.ok_or_else(missing("sign"))?,
            timestamp: timestamp.ok_or_else(missing("timestamp"))?,
            nonce: nonce.ok_or_else(missing("nonce"))?,
        })
    }
}

impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, app_id, sign, timestamp, nonce } = self;
        write!(f, "{scheme} appId={app_id},sign={sign},timestamp={timestamp:013},nonce={nonce}")
    }
}

fn set_once<T>(slot: &mut Option<T>, name: &str, value: Result<T, Invalid>) -> Result<(), Invalid> {
    let value = value.map_err(|error| Invalid::new(format!("{name} {error}")))?;
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Invalid::new(format!("{name} is given twice"))),
    }
}

fn parse_timestamp(text: &str) -> Result<UnixMillis, Invalid> {
    if text.len() == TIMESTAMP_DIGITS
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(millis) = text.parse()
    {
        return Ok(UnixMillis(millis));
    }
    Err(Invalid::new(format!("must be Unix milliseconds, {TIMESTAMP_DIGITS} digits")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "V2_SHA256 appId=0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d,\
        sign=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff,timestamp=1714128828114,\
        nonce=662AE409A10299D2";

    #[test]
    fn header_without_one_published_form_is_refused() {
        assert!(Authorization::parse(HEADER.as_bytes()).is_ok());
        for (from, to) in [
            ("appId=0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d,", ""),
            ("appId=0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d", "appId="),
            ("appId=0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d", "appId=\"0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d\""),
            ("sign=0011", "sign="),
            ("sign=0011", "sign=00011"),
            ("sign=00", "sign=zz"),
            (",timestamp=1714128828114", ""),
            ("timestamp=1714128828114", "timestamp="),
            ("timestamp=1714128828114", "timestamp=\"1714128828114\""),
            ("timestamp=1714128828114", "timestamp=01714128828114"),
            ("nonce=662AE409A10299D2", "nonce="),
            ("nonce=662AE409A10299D2", "nonce=\"662AE409A10299D2\""),
            ("nonce=662AE409A10299D2", "nonce=662AE409A10299D2é"),
            ("nonce=", "version=2,nonce="),
            ("nonce=", "appId=0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d,nonce="),
            ("99D2", "99D2,"),
            (",sign", ",,sign"),
            (",", ";"),
            ("V2_SHA256", "V1_MD5"),
            ("V2_SHA256 ", ""),
            (HEADER, "V2_SHA256"),
            (HEADER, ""),
            (HEADER, "Bearer abcdef"),
        ] {
            let wrong = HEADER.replace(from, to);
            assert!(Authorization::parse(wrong.as_bytes()).is_err(), "{wrong:?} was taken");
        }
    }
}
