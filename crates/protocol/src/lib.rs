//! The wire protocol of a dispute gateway, as types that cannot hold an invalid value.
//!
#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod answer;
pub mod authorization;
pub mod body;
pub mod code;
pub mod dispute;
pub mod fields;
pub mod file;
pub mod hex_digits;
pub mod ids;
pub mod inspection;
pub mod invalid_file;
pub mod merchant_call;
pub mod money;
pub mod operator;
pub mod scene;
mod schema;
pub mod signature;
pub mod storage_uri;
#[cfg(test)]
mod tests;
pub mod text;
pub mod time;
mod wire_enum;

pub use answer::{Envelope, Finality, answer_nonce};
pub use authorization::{Authorization, Scheme};
pub use code::Code;
pub use ids::{AppId, AppSecret, DisputeNo, MerchantId, Nonce};
pub use inspection::{Extent, FileInspection, Note};
pub use invalid_file::InvalidFile;
pub use merchant_call::MerchantCall;
pub use money::{Amount, Currency};
pub use scene::{FileFormat, Scene};
pub use storage_uri::{FileId, StorageUri};
pub use text::{EvidenceName, MerchantTradeNo, PaymentNo};
pub use time::{FRESHNESS_WINDOW, UnixMillis};

/// A malformed value. The message says what it must be, without the field's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}
