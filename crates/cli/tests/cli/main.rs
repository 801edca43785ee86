//! The commands as their users meet them: the real binary, its words, its exit codes.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests; clippy excuses only the functions marked #[test], not what they share"
)]

mod broken;
mod config;
mod contest;
mod decay;
mod demo;
mod doctor;
mod faults;
mod files;
mod ground;
mod help;
mod interception;
mod leads;
mod lists;
mod lost;
mod merchant;
mod narrow;
mod night;
mod once;
mod operator;
mod outage;
mod papers;
mod paths;
mod profile;
mod profile_names;
mod serve;
mod shells;
mod signing;
mod terminal;
mod tokens;
mod unsure;
mod usage;
mod way;
