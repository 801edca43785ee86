//! Tries mistakes, alone and two at once, until one makes the sign.

use super::mistakes::Mistake;
use crate::signing::Draft;

/// Most bytes that are hashed in one search: a second or two.
const HASHED_MAX_BYTES: usize = 256 * 1024 * 1024;

/// The one or two mistakes that make this sign of what would be right.
pub(super) fn search(right: &Draft, mistakes: &[Mistake], sign: &str) -> Option<Vec<Mistake>> {
    let mut left = HASHED_MAX_BYTES;
    let mut makes = |made: &[&Mistake]| {
        let mut draft = right.clone();
        made.iter().for_each(|mistake| (mistake.make)(&mut draft));
        left = left.checked_sub(draft.len())?;
        Some(draft.sign() == sign)
    };
    for mistake in mistakes {
        if makes(&[mistake])? {
            return Some(vec![mistake.clone()]);
        }
    }
    for (index, one) in mistakes.iter().enumerate() {
        // Two mistakes in one place would be a third.
        for other in mistakes.iter().skip(index + 1).filter(|other| other.place != one.place) {
            if makes(&[one, other])? {
                return Some(vec![one.clone(), other.clone()]);
            }
        }
    }
    None
}
