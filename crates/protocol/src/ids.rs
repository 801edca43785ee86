//! Identifiers of the wire protocol. Each is parsed once, strictly, and always valid afterwards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::schema::{hex, number, pattern, schema};
use crate::{Invalid, hex_digits};

/// Digits of an app id and of an app secret (contract §2).
pub const APP_ID_DIGITS: usize = 32;
/// Fewest characters of a nonce (contract §2).
pub const NONCE_MIN: usize = 16;
/// Most characters of a nonce (contract §2).
pub const NONCE_MAX: usize = 64;
/// Most characters of a dispute number (contract §4, §8).
pub const DISPUTE_NO_MAX: usize = 32;

/// Implements serde for a type through its `Display` and `FromStr`.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;

/// The public identifier of an app, a merchant's integration: 32 lower-case hex digits (contract §2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId([u8; APP_ID_DIGITS / 2]);

impl AppId {
    /// An app id from 16 bytes of a cryptographic random generator.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes of the digits.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for AppId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        hex_digits::parse(text).map(Self).ok_or_else(|| Invalid::new("must be 32 lower-case hex digits"))
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex_digits::write(&self.0, f)
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppId({self})")
    }
}

serde_as_text!(AppId);
schema!(AppId, hex(APP_ID_DIGITS), "Identifies an app, a merchant's integration. It is not secret.");

/// The secret that an app signs with: 32 lower-case hex digits, used as their ASCII bytes (contract §2).
///
/// Wiped from memory when dropped; never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AppSecret([u8; APP_ID_DIGITS]);

impl AppSecret {
    /// A secret from 16 bytes of a cryptographic random generator.
    pub fn from_bytes(bytes: &[u8; 16]) -> Self {
        let mut digits = [0; APP_ID_DIGITS];
        // Cannot fail: the output is exactly twice the input.
        let _ = hex::encode_to_slice(bytes, &mut digits);
        Self(digits)
    }

    /// The 32 ASCII bytes that enter the signature. The name makes every use visible in review.
    pub fn expose_ascii(&self) -> &[u8; APP_ID_DIGITS] {
        &self.0
    }
}

impl FromStr for AppSecret {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut bytes: [u8; 16] =
            hex_digits::parse(text).ok_or_else(|| Invalid::new("must be 32 lower-case hex digits"))?;
        let secret = Self::from_bytes(&bytes);
        bytes.zeroize();
        Ok(secret)
    }
}

impl fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppSecret(..)")
    }
}

schema!(AppSecret, hex(APP_ID_DIGITS), "The secret that an app signs with. It is shown only once.");

/// Makes a request unique, together with its app and timestamp: 16 to 64 of `[0-9A-Za-z_-]`, case kept (contract §2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce(Box<str>);

impl Nonce {
    /// The nonce as written in the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A nonce from 16 random or derived bytes: their upper-case hex, the form of the published examples.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let mut digits = [0; 32];
        // Cannot fail: the output is exactly twice the input, and ASCII.
        let _ = hex::encode_to_slice(bytes, &mut digits);
        digits.make_ascii_uppercase();
        Self(std::str::from_utf8(&digits).unwrap_or_default().into())
    }
}

impl FromStr for Nonce {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if (NONCE_MIN..=NONCE_MAX).contains(&text.len()) && text.bytes().all(is_word_byte) {
            return Ok(Self(text.into()));
        }
        Err(Invalid::new(format!("must be {NONCE_MIN} to {NONCE_MAX} characters of 0-9 A-Z a-z _ -")))
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A merchant's number, as in every storageUri: 1 to 2,147,483,647 (contract §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct MerchantId(u32);

impl MerchantId {
    /// The largest merchant number: a signed 32-bit column in every database.
    pub const MAX: u32 = i32::MAX as u32;
    /// The merchant with that number. Numbers are assigned from 1, so no merchant ever has it.
    pub const LAST: Self = Self(Self::MAX);

    /// The number itself.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for MerchantId {
    type Error = Invalid;

    fn try_from(number: u32) -> Result<Self, Invalid> {
        if (1..=Self::MAX).contains(&number) {
            return Ok(Self(number));
        }
        Err(Invalid::new(format!("must be a number from 1 to {}", Self::MAX)))
    }
}

impl From<MerchantId> for u32 {
    fn from(id: MerchantId) -> Self {
        id.0
    }
}

impl FromStr for MerchantId {
    type Err = Invalid;

    /// Parses the canonical decimal form: no sign, no leading zero.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let number = text.parse::<u32>().ok().filter(|number| number.to_string() == text);
        Self::try_from(number.unwrap_or(0))
    }
}

impl fmt::Display for MerchantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

schema!(MerchantId, number(1, Self::MAX as usize), "A merchant's number, which is part of its storage URIs.");

/// The number of a dispute, unique in a gateway: 1 to 32 of `[0-9A-Za-z_-]` (contract §8).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DisputeNo(Box<str>);

impl DisputeNo {
    /// The number as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DisputeNo {
    /// A number from 16 bytes, as their 32 lower-case hex digits; those of a UUID version 7 sort by time.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes).into())
    }
}

impl FromStr for DisputeNo {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if (1..=DISPUTE_NO_MAX).contains(&text.len()) && text.bytes().all(is_word_byte) {
            return Ok(Self(text.into()));
        }
        Err(Invalid::new(format!("must be 1 to {DISPUTE_NO_MAX} characters of 0-9 A-Z a-z _ -")))
    }
}

impl fmt::Display for DisputeNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(DisputeNo);
schema!(
    DisputeNo,
    pattern(format!("^[0-9A-Za-z_-]{{1,{DISPUTE_NO_MAX}}}$")),
    "The number of a dispute, unique in the gateway."
);

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
