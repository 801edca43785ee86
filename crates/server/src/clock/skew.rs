//! Whether this machine's clock agrees with the database server's, which all replicas can query. Which of the two is
//! wrong cannot be determined from here.

use std::fmt;
use std::time::Duration;

use rebuttal_disputes::COMMIT_LIMIT;
use rebuttal_protocol::UnixMillis;
use rebuttal_store::{Store, StoreError};

use crate::clock;

/// Maximum difference between the two clocks: the grace period between a deadline and its expiry.
pub(crate) const CLOCK_SKEW_MAX: Duration = COMMIT_LIMIT;

/// The two clocks differ by more than [`CLOCK_SKEW_MAX`]. The message says what that means and what to do.
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
            "this machine's clock ({ours}) and the database server's ({theirs}) differ: one of them is wrong. Deadlines \
             are decided by this machine's clock, and nothing is expired, swept or purged until they agree to within {} s; \
             synchronise both by NTP",
            CLOCK_SKEW_MAX.as_secs()
        )
    }
}

/// The earlier of the current times of this machine and the database server, or the skew. The server read its clock
/// between two readings of ours. Without a database server, ours is the only clock.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn agreed_time(store: &Store) -> Result<Result<UnixMillis, ClockSkew>, StoreError> {
    let before = clock::now();
    let server = store.server_time().await?;
    Ok(server.map_or(Ok(before), |theirs| compare_clocks(before, theirs, clock::now())))
}

/// Compares the server's time with our times before the query and after its answer.
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
    fn clocks_agree_within_the_limit_and_the_earlier_counts() {
        let far = CLOCK_SKEW_MAX;
        let near = Duration::from_millis(1);
        assert_eq!(compare_clocks(NOW, NOW + near, LATER), Ok(NOW));
        assert_eq!(compare_clocks(NOW, NOW - near, LATER), Ok(NOW - near));
        assert_eq!(compare_clocks(NOW, NOW - far, LATER), Ok(NOW - far));
        assert_eq!(compare_clocks(NOW, LATER + far, LATER), Ok(NOW), "the answer may take that long");
        let apart = [NOW - far - near, LATER + far + near].map(|theirs| compare_clocks(NOW, theirs, LATER));
        for message in apart.map(|apart| apart.unwrap_err().to_string()) {
            assert!(
                message.contains("2024-04-26T10:53:50.114+00:00") && message.contains("NTP"),
                "{message}"
            );
        }
    }
}
