//! The client against a faulty server, over real HTTP.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may panic; clippy.toml allows it only in test functions, not in their helpers"
)]

mod faulty_server;
mod response_verification;
mod retries;
mod tls;
mod uploads;
