//! The operator API (contract §8): its requests, one file for each noun, and its [answers]. It is spoken with a token
//! in the place of a signature, and members of a request that are not known are refused: an operator's misspelt option
//! must not go unnoticed.
//!
//! The gateway reads what the command line writes, and the other way round, each by the one type of a shape.

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
