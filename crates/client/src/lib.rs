//! Contests payment disputes and proves what became of them.
//!
#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod attempts;
mod builder;
mod client;
mod clock;
mod contest;
mod error;
mod exchange;
mod file;
#[doc(hidden)]
pub mod internal;
pub mod limits;
mod proof;
mod random;
mod retry;
mod tls;
mod upload;
mod verify;

pub use attempts::Retry;
pub use builder::ClientBuilder;
pub use client::{Answer, Client};
pub use contest::{Contest, PreparedContest};
pub use error::{
    CallOutcome, Cause, Claim, Error, ForeignResponse, ResponseDefect, Unverified, VerifiedRefusal,
};
pub use file::EvidenceFile;
pub use proof::Proof;
pub use rebuttal_protocol as protocol;
pub use rebuttal_protocol::dispute::{EvidenceType, QueryRequest, Status};
pub use rebuttal_protocol::{AppId, AppSecret, Code, DisputeNo, Finality, Scheme, StorageUri, UnixMillis};
pub use upload::Progress;
