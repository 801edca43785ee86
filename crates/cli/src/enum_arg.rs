//! Arguments with a fixed set of values. They are the protocol's, so that help and completions list what is accepted.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use rebuttal_client::protocol::Invalid;

/// A parser for the words of these values.
pub(crate) fn parser<T>(values: &[T], as_str: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = Invalid> + Copy + Send + Sync + 'static,
{
    let possible = values.iter().map(|value| PossibleValue::new(as_str(*value)));
    PossibleValuesParser::new(possible).try_map(|text| text.parse())
}
