//! Who is calling: keys at rest, the signature of merchants' calls, the tokens of operators, and the limits on trying.

pub(crate) mod apps;
pub(crate) mod keys;
mod negative_cache;
pub(crate) mod operator;
pub(crate) mod permission;
pub(crate) mod rate;
pub(crate) mod replay_cache;
pub(crate) mod request_context;
pub(crate) mod signature;
pub(crate) mod signing;
pub(crate) mod tokens;
