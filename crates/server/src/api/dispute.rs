//! The calls about disputes (contract §4, §5).

pub(crate) mod accept;
pub(crate) mod contest;
mod findings;
pub(crate) mod query;

pub use findings::ANSWER_LIMIT;
