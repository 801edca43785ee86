//! Tests of the commands as users run them: the real binary, its output, its exit codes.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests; clippy excuses only the functions marked #[test], not what they share"
)]

mod broken_installation;
mod common;
mod completions;
mod config;
mod contest;
mod data_corruption;
mod demo;
mod docs;
mod doctor;
mod evidence_files;
mod help;
mod idempotency;
mod interception;
mod lossy_proxy;
mod merchant;
mod narrow_terminal;
mod operator;
mod operator_faults;
mod outage;
mod pagination;
mod paths;
mod profile;
mod profile_names;
mod public_url;
mod serve;
mod signing;
mod stdout_failure;
mod terminal;
mod tokens;
mod unknown_outcome;
mod usage;
mod user_errors;
