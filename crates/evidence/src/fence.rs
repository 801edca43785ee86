//! What tells the database that sweeps a bucket from its copies. One that was restored elsewhere has the same key and
//! names the same bucket, and yet knows nothing of what was contested since: what it swept would be lost to both.
//!
//! Database and bucket hold the same fence. Whoever sweeps moves it on, in the database first: so a bucket is never
//! ahead of its own database, and a copy falls behind as soon as the original moves on. It is not a lock.

use std::str::FromStr;
use std::{fmt, io};

use rebuttal_protocol::hex_digits;

/// Bytes that tell the moves of two copies apart, which count alike.
const SALT_BYTES: usize = 16;

/// How often the fence was moved, and by which move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    moves: u64,
    salt: [u8; SALT_BYTES],
}

impl Fence {
    /// The fence after one more move; `None` is before the first.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn after(kept: Option<Self>) -> io::Result<Self> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        Ok(Self { moves: kept.map_or(0, |kept| kept.moves).saturating_add(1), salt })
    }

    /// Whether a bucket in which `found` stands belongs to the database that keeps `kept`. A bucket that is behind
    /// does: a move was broken off. One without a fence is new, or an operator took it away, which is a word.
    pub fn is_ours(kept: Option<Self>, found: Option<Self>) -> bool {
        match (kept, found) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(kept), Some(found)) => kept == found || kept.moves > found.moves,
        }
    }
}

/// As database and bucket hold it: `17-0f3a…`.
impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.moves, hex::encode(self.salt))
    }
}

/// A text that is no fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it holds what is no fence")]
pub struct InvalidFence;

impl FromStr for Fence {
    type Err = InvalidFence;

    fn from_str(text: &str) -> Result<Self, InvalidFence> {
        let (moves, salt) = text.split_once('-').ok_or(InvalidFence)?;
        let moves = moves.parse().map_err(|_| InvalidFence)?;
        Ok(Self { moves, salt: hex_digits::parse(salt).ok_or(InvalidFence)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_database_falls_behind_with_the_first_move() {
        let copied = Fence::after(None).unwrap();
        let moved = Fence::after(Some(copied)).unwrap();
        assert!(Fence::is_ours(Some(moved), Some(moved)));
        assert!(Fence::is_ours(Some(moved), Some(copied)), "the move did not reach the bucket");
        assert!(!Fence::is_ours(Some(copied), Some(moved)));
        assert!(!Fence::is_ours(None, Some(copied)), "restored from before there were fences");
        for kept in [None, Some(moved)] {
            assert!(Fence::is_ours(kept, None), "an operator took it away");
        }
    }

    #[test]
    fn two_copies_that_moved_alike_are_told_apart() {
        let copied = Fence::after(None).unwrap();
        let [one, other] = [Some(copied); 2].map(|kept| Some(Fence::after(kept).unwrap()));
        assert!(!Fence::is_ours(one, other) && !Fence::is_ours(other, one));
    }

    #[test]
    fn a_fence_is_read_as_it_is_written_and_nothing_else_is() {
        let fence = Fence::after(Fence::after(None).ok()).unwrap();
        assert_eq!(fence.to_string().parse(), Ok(fence));
        for text in ["", "1", "1-", "-00", "1-zz", "-1-00000000000000000000000000000000", " "] {
            assert_eq!(text.parse::<Fence>(), Err(InvalidFence), "{text:?}");
        }
    }
}
