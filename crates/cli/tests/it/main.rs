//! Black-box stories: the real binary, started for each test and spoken to over real sockets. Whatever has to look
//! inside the program is a unit test beside the code, not a story.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests; clippy excuses only the functions marked #[test], not what they share"
)]

mod days;
mod draining;
mod ground;
mod keeping;
mod kill;
mod leaving;
mod line_ends;
mod logs;
mod memory;
mod moving;
mod openapi;
mod outage;
mod papers;
mod races;
mod raw;
mod replicas;
mod s3;
mod strace;
mod tls;
