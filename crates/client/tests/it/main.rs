//! The client against a faulty server, over real HTTP.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly; clippy.toml says so only for functions marked as tests, not for what they share"
)]

mod faulty_server;
mod response_verification;
mod retries;
mod tls;
mod uploads;
