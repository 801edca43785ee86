//! Who is calling: keys at rest, the signature of merchants' calls, the tokens of operators, and the limits on trying.

pub(crate) mod apps;
pub(crate) mod caller;
pub(crate) mod keys;
pub(crate) mod operator;
pub(crate) mod rate;
pub(crate) mod read_nonces;
pub(crate) mod right;
pub(crate) mod signature;
pub(crate) mod signing;
mod strangers;
pub(crate) mod tokens;
