//! Every limit of this crate, so that no call can wait, retry or grow without end.

use std::time::Duration;

pub use rebuttal_protocol::FRESHNESS_WINDOW;

/// Most bytes of an answer that are read.
pub const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// Most bytes of a store's answer to an upload that are read: it only names an error.
pub const STORE_ANSWER_MAX_BYTES: usize = 16 * 1024;
/// Most characters of an unverified answer's code or message that are repeated in an error.
pub const CLAIM_MAX_CHARS: usize = 500;

/// Default of [`ClientBuilder::attempts`](crate::ClientBuilder::attempts): most attempts of a call, the first one
/// included.
pub const ATTEMPTS: u32 = 5;
/// Largest value of [`ClientBuilder::attempts`](crate::ClientBuilder::attempts).
pub const ATTEMPTS_MAX: u32 = 20;
/// Most attempts to upload one file, each to a new address.
pub const UPLOAD_ATTEMPTS: u32 = 3;
/// How long one call may take with all its attempts and pauses. Longer than the gateway needs to restart, and far
/// shorter than the five minutes for which a signed request is fresh.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one attempt may take: longer than the 23 seconds that a gateway takes with the slowest evidence store and
/// database that its limits allow. Usually an answer takes milliseconds.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(25);
/// Limit of connecting, name resolution and TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long posting one file may take: the largest over a line of 100 kbit/s takes 168 s.
pub const UPLOAD_TIMEOUT: Duration = Duration::from_secs(3 * 60);

/// The pause before the second attempt; it doubles from attempt to attempt, and is shortened at random by up to half.
pub const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause without a `Retry-After`.
pub const PAUSE_MAX: Duration = Duration::from_secs(5);
/// The longest `Retry-After` that is obeyed. The header is not signed, so it must not be able to stall a caller.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// Bytes of a file that are sent between two progress reports.
pub const PROGRESS_STEP_BYTES: usize = 16 * 1024;

/// The limits of a client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) attempts: u32,
    pub(crate) call: Duration,
    pub(crate) attempt: Duration,
    pub(crate) freshness_window: Duration,
}
