//! SHA-256 over a sequence of values, each length-prefixed, so that no two sequences are encoded as the same bytes.

use std::fmt;

use rebuttal_protocol::StorageUri;
use sha2::{Digest, Sha256};

/// A SHA-256 that identifies content: an opening, a submission, a history entry, a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The hash before the first entry of a history.
    pub const ZERO: Self = Self([0; 32]);
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rebuttal_protocol::hex_digits::write(&self.0, f)
    }
}

/// Hashes values into a [`Fingerprint`]. The domain separates fingerprints of different things.
pub(crate) struct Fingerprinter(Sha256);

impl Fingerprinter {
    pub(crate) fn new(domain: &str) -> Self {
        Self(Sha256::new()).bytes(domain.as_bytes())
    }

    pub(crate) fn bytes(mut self, value: &[u8]) -> Self {
        self.0.update((value.len() as u64).to_be_bytes());
        self.0.update(value);
        self
    }

    /// A file's address without its scene, which is the same for all evidence.
    pub(crate) fn url(self, url: &StorageUri) -> Self {
        self.number(i64::from(url.merchant_id.number())).bytes(&url.file_id).text(url.format.extension())
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    /// A missing value differs from an empty one.
    pub(crate) fn optional(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.number(1).text(value),
            None => self.number(0),
        }
    }

    pub(crate) fn number(self, value: i64) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn finish(self) -> Fingerprint {
        Fingerprint(self.0.finalize().into())
    }
}
