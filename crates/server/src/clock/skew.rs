//! Whether this machine's clock agrees with the database server's, the one that all replicas can ask. Whose is wrong
//! cannot be told from here; that one is, can.

use std::fmt;
use std::time::Duration;

use rebuttal_disputes::COMMIT_LIMIT;
use rebuttal_protocol::UnixMillis;
use rebuttal_store::{Store, StoreError};

use crate::clock;

/// How far two clocks may differ: as much as the sweeper leaves between a deadline and its expiry.
pub(crate) const CLOCK_SKEW_MAX: Duration = COMMIT_LIMIT;

/// Two clocks that do not agree. Its sentence says what that means and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockSkew {
    ours: UnixMillis,
    theirs: UnixMillis,
}

impl std::error::Error for ClockSkew {}

impl fmt::Display for ClockSkew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ours, theirs] = [self.ours, self.theirs].map(|at| at.to_rfc3339_utc());
        write!(
            f,
            "it is {ours} by this machine's clock and {theirs} by the database server's: one of them is wrong. Deadlines are \
             judged by this machine's, and nothing expires, is swept or forgotten by it until both agree to within {} s; let \
             NTP keep both",
            CLOCK_SKEW_MAX.as_secs()
        )
    }
}

/// The present moment, as far as it is past by either clock; or that they do not agree. The answer of a server lies
/// somewhere between the two moments around it. Where there is no server, ours is the only clock.
///
/// # Errors
/// Where the database does not answer.
pub(crate) async fn agreed_time(store: &Store) -> Result<Result<UnixMillis, ClockSkew>, StoreError> {
    let before = clock::now();
    let server = store.server_time().await?;
    Ok(server.map_or(Ok(before), |theirs| compare_clocks(before, theirs, clock::now())))
}

/// What is to be made of a server's time that was asked for and answered within a time.
pub(crate) fn compare_clocks(
    before: UnixMillis,
    theirs: UnixMillis,
    after: UnixMillis,
) -> Result<UnixMillis, ClockSkew> {
    match before - CLOCK_SKEW_MAX <= theirs && theirs <= after + CLOCK_SKEW_MAX {
        true => Ok(before.min(theirs)),
        false => Err(ClockSkew { ours: after, theirs }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_714_128_828_114);
    const LATER: UnixMillis = UnixMillis(NOW.0 + 2_000);

    #[test]
    fn clocks_agree_within_the_grace_and_the_earlier_one_counts() {
        let far = CLOCK_SKEW_MAX;
        let near = Duration::from_millis(1);
        assert_eq!(compare_clocks(NOW, NOW + near, LATER), Ok(NOW));
        assert_eq!(compare_clocks(NOW, NOW - near, LATER), Ok(NOW - near));
        assert_eq!(compare_clocks(NOW, NOW - far, LATER), Ok(NOW - far));
        assert_eq!(compare_clocks(NOW, LATER + far, LATER), Ok(NOW), "the answer took that long");
        let apart = [NOW - far - near, LATER + far + near].map(|theirs| compare_clocks(NOW, theirs, LATER));
        for told in apart.map(|apart| apart.unwrap_err().to_string()) {
            assert!(told.contains("2024-04-26T10:53:50.114+00:00") && told.contains("NTP"), "{told}");
        }
    }
}
