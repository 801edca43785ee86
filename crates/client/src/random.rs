//! Randomness from the operating system: nonces, and the jitter of pauses.

use std::time::Duration;

use rebuttal_protocol::Nonce;

use crate::error::Error;

/// A nonce of 16 random bytes, so that no two are equal in practice.
pub(crate) fn nonce() -> Result<Nonce, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::Configuration(format!("the system's random number generator failed: {error}"))
    })?;
    Ok(Nonce::from_bytes(bytes))
}

/// Between half of a pause and all of it, so that clients that failed together do not retry together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let fraction = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
    pause.mul_f64(0.5 + fraction / 2.0)
}
