//! Shared with the operator commands of the command line: the HTTP client, the clock, and the messages for failed
//! connections. Not part of the published interface: it may change in any version.

use std::time::Duration;

use bytes::Bytes;
use rebuttal_protocol::UnixMillis;

pub use crate::attempts::{AttemptEffect, Attempts, Pause};
use crate::error::{Cause, Error, ForeignResponse};
use crate::{builder, clock, exchange};

/// An HTTP client that trusts these PEM files in addition to the platform's certificates and follows no redirect, and
/// the address without its trailing slash.
///
/// # Errors
/// As [`ClientBuilder::build`](crate::ClientBuilder::build).
pub fn http(url: &str, certificates_pem: &[Vec<u8>]) -> Result<(reqwest::Client, String), Error> {
    builder::http(url, certificates_pem)
}

/// Why there is no answer.
pub fn no_answer_cause(error: reqwest::Error) -> Cause {
    exchange::no_answer_cause(error)
}

/// Reads a body of at most `max` bytes; `None` if it is longer.
///
/// # Errors
/// If the connection fails before the end.
pub async fn read_bounded(response: reqwest::Response, max: usize) -> Result<Option<Bytes>, reqwest::Error> {
    exchange::read_bounded(response, max).await
}

/// `Retry-After` in seconds, if the answer has it.
#[must_use]
pub fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    exchange::retry_after(response)
}

/// Describes a response that does not have the form of a gateway's.
#[must_use]
pub fn foreign_response(response: &reqwest::Response) -> ForeignResponse {
    exchange::foreign_response(response)
}

/// The current time by this machine's clock.
#[must_use]
pub fn now() -> UnixMillis {
    clock::now()
}
