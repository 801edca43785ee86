//! What the gateway's calls cost, through real HTTP: `cargo bench -p rebuttal`.
//!
//! Machines are noisy and differ, so absolute figures say little. Every round measures all kinds one after the other on
//! the same machine with the same load generator, and each other build that `--against` names next to this one. The
//! ratios of each round are what counts; their medians are reported.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on says what it saw and stops"
)]

mod bare;
mod contests;
mod filled;
mod latency;
mod lists;
mod load;
mod nonces;
mod operations;
mod postgres;
mod report;
mod shop;

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};

/// Measures what the gateway's calls cost.
#[derive(Debug, Parser)]
struct Args {
    /// What is measured: everything unless some are named.
    suites: Vec<Suite>,
    /// Disputes in the database.
    #[arg(long, default_value_t = 1_000_000)]
    disputes: usize,
    /// Rounds that count; one before them warms up.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Binary of another build, measured in alternation with this one.
    #[arg(long)]
    against: Option<PathBuf>,
    /// What cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Contests in sequential and shuffled order from 16, 64 and 256 connections, as shares of a bare answer.
    Contests,
    /// Contests, queries and other calls at a fixed rate.
    Latency,
    /// Processor time of openings, queries, upload URLs and uploads.
    Operations,
    /// Every filter of the operator's list.
    Lists,
    /// Contests on a gateway that has used up 3,000,000 nonces.
    Nonces,
    /// Contests on PostgreSQL, as multiples of pgbench.
    Postgres,
}

/// A binary that is measured.
pub(crate) struct Build {
    name: &'static str,
    binary: PathBuf,
}

impl Args {
    fn builds(&self) -> Vec<Build> {
        let this = Build { name: "this build", binary: PathBuf::from(env!("CARGO_BIN_EXE_rebuttal")) };
        let other = self.against.as_ref().map(|binary| Build { name: "other build", binary: binary.clone() });
        [this].into_iter().chain(other).collect()
    }

    fn has(&self, suite: Suite) -> bool {
        self.suites.is_empty() || self.suites.contains(&suite)
    }
}

fn main() {
    if std::env::args().nth(1).is_some_and(|arg| arg == bare::ARGUMENT) {
        return bare::serve();
    }
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let builds = args.builds();
        if args.has(Suite::Contests) {
            contests::run(&builds, args.disputes, args.rounds).await;
        }
        if args.has(Suite::Latency) {
            latency::run(&builds, args.disputes).await;
        }
        if args.has(Suite::Operations) {
            operations::run(&builds, args.disputes, args.rounds).await;
        }
        if args.has(Suite::Lists) {
            lists::run(&builds, args.disputes).await;
        }
        if args.has(Suite::Nonces) {
            nonces::run(Path::new(env!("CARGO_BIN_EXE_rebuttal")), args.rounds).await;
        }
        if args.has(Suite::Postgres) {
            postgres::run().await;
        }
    });
}
