//! Tries mistakes, alone and two at once, until one makes the sign.

use super::mistakes::Mistake;
use crate::signing::Draft;

/// Most bytes that are hashed in one search: half a second. Enough for every pair on a body of 8 KB, and a contest has
/// 3.
const HASHED_MAX_BYTES: usize = 32 * 1024 * 1024;

/// What a search ended with.
pub(super) enum Search {
    /// The one or two mistakes that make the sign.
    Found(Vec<Mistake>),
    /// None does.
    Nothing,
    /// The body is too long for all to be tried.
    GivenUp,
}

/// Looks for the mistakes that make this sign of what would be right.
pub(super) fn search(right: &Draft, mistakes: &[Mistake], sign: &str) -> Search {
    let mut left = HASHED_MAX_BYTES;
    // None where there is no time left for it.
    let mut makes = |made: &[&Mistake]| {
        let mut draft = right.clone();
        made.iter().for_each(|mistake| (mistake.make)(&mut draft));
        left = left.checked_sub(draft.len())?;
        Some(draft.sign() == sign)
    };
    let singles = mistakes.iter().map(|one| vec![one]);
    let pairs = mistakes.iter().enumerate().flat_map(|(index, one)| {
        // Two mistakes in one place would be a third.
        let others = mistakes.iter().skip(index + 1);
        let others = others.filter(|other| other.place != one.place && !one.is_rare && !other.is_rare);
        others.map(move |other| vec![one, other])
    });
    for made in singles.chain(pairs) {
        match makes(&made) {
            Some(true) => return Search::Found(made.into_iter().cloned().collect()),
            Some(false) => {}
            None => return Search::GivenUp,
        }
    }
    Search::Nothing
}
