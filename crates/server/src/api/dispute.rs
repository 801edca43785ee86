//! The calls about disputes (contract §4, §5).

pub(crate) mod accept;
pub(crate) mod contest;
pub(crate) mod query;
