//! The merchant calls on disputes (contract §4, §5).

pub(crate) mod accept;
pub(crate) mod contest;
mod evidence_check;
pub(crate) mod query;

pub use evidence_check::ANSWER_LIMIT;
