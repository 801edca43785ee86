//! One contract for both evidence stores: the same uploads, the same outcomes, on a real folder and a real S3. What
//! only S3 can do is in `s3.rs`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests; clippy excuses only the functions marked #[test], not what they share"
)]

pub(crate) mod common;
mod s3;
mod suite;
