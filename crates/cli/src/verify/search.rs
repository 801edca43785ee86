//! Tries mistakes, one and two at a time, until they explain the signature.

use super::mistakes::Mistake;
use crate::signing::SignedBytes;

/// Most bytes that are hashed in one search: half a second. Enough for every pair on a body of 8 KB, and a contest has
/// 3.
const HASHED_MAX_BYTES: usize = 32 * 1024 * 1024;

/// The result of a search.
pub(super) enum SearchResult {
    /// The one or two mistakes that explain the signature.
    Found(Vec<Mistake>),
    /// No mistakes explain it.
    NotFound,
    /// The body is too long for all to be tried.
    BudgetExhausted,
}

/// Searches for the mistakes that turn the expected bytes into those of this signature.
pub(super) fn search(expected: &SignedBytes, mistakes: &[Mistake], sign: &str) -> SearchResult {
    let mut budget = HASHED_MAX_BYTES;
    // None where the budget is exhausted.
    let mut explains = |combination: &[&Mistake]| {
        let mut signed = expected.clone();
        combination.iter().for_each(|mistake| (mistake.apply)(&mut signed));
        budget = budget.checked_sub(signed.len())?;
        Some(signed.sign() == sign)
    };
    let singles = mistakes.iter().map(|one| vec![one]);
    let pairs = mistakes.iter().enumerate().flat_map(|(index, one)| {
        // Mistakes of one location exclude each other.
        let others = mistakes.iter().skip(index + 1);
        let others = others.filter(|other| other.location != one.location && !one.is_rare && !other.is_rare);
        others.map(move |other| vec![one, other])
    });
    for combination in singles.chain(pairs) {
        match explains(&combination) {
            Some(true) => return SearchResult::Found(combination.into_iter().cloned().collect()),
            Some(false) => {}
            None => return SearchResult::BudgetExhausted,
        }
    }
    SearchResult::NotFound
}
