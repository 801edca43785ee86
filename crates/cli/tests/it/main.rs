//! Black-box stories: the real binary, started for each test and spoken to over real sockets. Whatever has to look
//! inside the program is a unit test beside the code, not a story.
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
