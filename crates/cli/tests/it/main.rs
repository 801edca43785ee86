//! End-to-end tests: the real binary, as a gateway called over real sockets, and as the commands that users run. They
//! are one binary, because linking takes as long as many of the tests. Tests of internals are unit tests next to the
//! code.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests; clippy excuses only the functions marked #[test], not what they share"
)]

mod client_disconnect;
mod clock_jumps;
mod commands;
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
mod scanner;
mod strace;
mod tls;
mod upgrade;
mod upload_clients;
mod workers;
