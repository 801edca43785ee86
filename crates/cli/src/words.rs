//! Arguments that take one of a few words. The words are the protocol's own, so that help and completions list what is
//! understood, and nothing else.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use rebuttal_client::protocol::Invalid;

/// Understands the words of these values.
pub(crate) fn of<T>(values: &[T], word: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = Invalid> + Copy + Send + Sync + 'static,
{
    let possible = values.iter().map(|value| PossibleValue::new(word(*value)));
    PossibleValuesParser::new(possible).try_map(|word| word.parse())
}
