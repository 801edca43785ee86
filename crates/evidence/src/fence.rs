//! A fencing token between a database and the bucket that it deletes uploads from. A copy of the database that was
//! restored elsewhere names the same bucket, but does not know later contests: it must delete nothing.
//!
//! Database and bucket have the same fence. The gateway that deletes advances it, in the database first: so a bucket is
//! never ahead of its own database, and a copy falls behind when the original advances. It is not a lock.

use std::str::FromStr;
use std::{fmt, io};

use rebuttal_protocol::hex_digits;

/// Random bytes that distinguish two copies that advanced it equally often.
const SALT_BYTES: usize = 16;

/// How often the fence was advanced, and by which advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    advances: u64,
    salt: [u8; SALT_BYTES],
}

impl Fence {
    /// The fence after one more advance; `None` is before the first.
    ///
    /// # Errors
    /// If the system's random number generator fails.
    pub fn after(kept: Option<Self>) -> io::Result<Self> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        Ok(Self { advances: kept.map_or(0, |kept| kept.advances).saturating_add(1), salt })
    }

    /// Whether a bucket with the fence `found` belongs to the database with the fence `kept`. A bucket that is behind
    /// does: an advance was interrupted. One without a fence is new, or an operator deleted the fence to claim it.
    pub fn is_ours(kept: Option<Self>, found: Option<Self>) -> bool {
        match (kept, found) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(kept), Some(found)) => kept == found || kept.advances > found.advances,
        }
    }
}

/// As stored in the database and in the bucket: `17-0f3a…`.
impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.advances, hex::encode(self.salt))
    }
}

/// A text that is not a fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a fence")]
pub struct InvalidFence;

impl FromStr for Fence {
    type Err = InvalidFence;

    fn from_str(text: &str) -> Result<Self, InvalidFence> {
        let (advances, salt) = text.split_once('-').ok_or(InvalidFence)?;
        let advances = advances.parse().map_err(|_| InvalidFence)?;
        Ok(Self { advances, salt: hex_digits::parse(salt).ok_or(InvalidFence)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_database_falls_behind_with_the_first_advance() {
        let copied = Fence::after(None).unwrap();
        let advanced = Fence::after(Some(copied)).unwrap();
        assert!(Fence::is_ours(Some(advanced), Some(advanced)));
        assert!(Fence::is_ours(Some(advanced), Some(copied)), "the advance did not reach the bucket");
        assert!(!Fence::is_ours(Some(copied), Some(advanced)));
        assert!(!Fence::is_ours(None, Some(copied)), "restored from before there were fences");
        for kept in [None, Some(advanced)] {
            assert!(Fence::is_ours(kept, None), "an operator deleted it");
        }
    }

    #[test]
    fn copies_advanced_equally_often_differ() {
        let copied = Fence::after(None).unwrap();
        let [one, other] = [Some(copied); 2].map(|kept| Some(Fence::after(kept).unwrap()));
        assert!(!Fence::is_ours(one, other) && !Fence::is_ours(other, one));
    }

    #[test]
    fn fence_round_trips_and_other_text_is_refused() {
        let fence = Fence::after(Fence::after(None).ok()).unwrap();
        assert_eq!(fence.to_string().parse(), Ok(fence));
        for text in ["", "1", "1-", "-00", "1-zz", "-1-00000000000000000000000000000000", " "] {
            assert_eq!(text.parse::<Fence>(), Err(InvalidFence), "{text:?}");
        }
    }
}
