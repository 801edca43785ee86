//! The operator API (contract §8): its requests, one file for each resource, and its [answers]. Callers authenticate by
//! a token instead of a signature. Unknown members of a request are refused, so that a misspelt option is reported.
//!
//! Gateway and command line share these types, each for both serializing and parsing.

pub mod answers;
mod app;
mod dispute;
mod merchant;
mod token;

pub use app::{AppSettings, EndOverlap, NOTIFY_URL_MAX, NotifyUrl, OVERLAP_MAX_SECONDS, RotateSecret};
pub use dispute::{DisputeOutcome, OpenDispute, OperatorAction, OperatorActionKind};
pub use merchant::{ChangeMerchant, CreateMerchant, TimeZoneName};
pub use token::{CreateToken, RevokeToken, Role, TokenName};

/// The path prefix of the API.
pub const PREFIX: &str = "/operator/v1";
/// Most items of a page (contract §8).
pub const PAGE_MAX: u32 = 200;
/// Most characters of an `Idempotency-Key` (contract §8).
pub const IDEMPOTENCY_KEY_MAX: usize = 128;
