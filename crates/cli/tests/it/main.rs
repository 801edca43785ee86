//! End-to-end tests: the real binary, started for each test and called over real sockets. What needs to look inside the
//! program is a unit test next to the code.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests; clippy excuses only the functions marked #[test], not what they share"
)]

mod client_disconnect;
mod clock_jumps;
mod common;
mod data_dir;
mod data_migration;
mod docs;
mod draining;
mod kill;
mod line_ends;
mod logs;
mod memory;
mod openapi;
mod outage;
mod races;
mod raw;
mod replicas;
mod s3;
mod strace;
mod tls;
