//! Ids that the gateway gives to disputes and uploads.

use anyhow::Context as _;
use rebuttal_protocol::UnixMillis;

use crate::http::error::Refusal;

/// A new id: the bytes of a UUID of version 7 (RFC 9562 §5.7). 74 bits of it are random; the others are the time, so
/// that the rows of new ids are next to each other in every index.
///
/// # Errors
/// `Internal` where the system has no randomness.
pub(crate) fn new_id(at: UnixMillis) -> Result<[u8; 16], Refusal> {
    let mut random = [0; 10];
    getrandom::fill(&mut random)
        .context("the system's random number generator failed")
        .map_err(Refusal::internal)?;
    let millis = u64::try_from(at.0).unwrap_or_default();
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().into_bytes())
}
