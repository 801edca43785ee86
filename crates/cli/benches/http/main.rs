//! What durable contests and queries cost, through real HTTP, as ratios of one run: `cargo bench -p rebuttal`.
//!
//! Machines are noisy and differ, so absolute figures say little. Every round measures, one after the other on the same
//! machine with the same load generator: a bare axum answer, durable contests, contests with a transaction each, and
//! queries. The ratios of each round are what counts; their medians are reported.
//!
//! `--nonces N` (3,000,000 by default) then uses up that many nonces and compares contests with those of a fresh
//! gateway. What PostgreSQL does comes last; `--postgres` measures it alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark that fails panics with the reason"
)]

mod bare;
mod calls;
mod load;
mod postgres;
mod report;

use crate::calls::Shop;
use crate::report::Report;

const ROUNDS: usize = 7;
/// Requests of one measurement: about a second, many batches.
const REQUESTS: usize = 20_000;
/// Requests of one measurement where each has its own transaction, and so its own fsync.
const REQUESTS_SINGLE: usize = 3_000;
const CONNECTIONS: usize = 512;
const NONCES: usize = 3_000_000;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|arg| arg == bare::ARGUMENT) {
        return bare::serve();
    }
    let nonces = args
        .iter()
        .position(|arg| arg == "--nonces")
        .map_or(NONCES, |at| args[at + 1].parse().expect("a number after --nonces"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let only_postgres = args.iter().any(|arg| arg == "--postgres");
    if !only_postgres {
        on_sqlite(&runtime, nonces);
    }
    runtime.block_on(postgres::run());
}

fn on_sqlite(runtime: &tokio::runtime::Runtime, nonces: usize) {
    let mut report = Report::default();
    runtime.block_on(rounds(&mut report));
    if nonces > 0 {
        runtime.block_on(with_used_nonces(nonces, &mut report));
    }
    report.print();
}

async fn rounds(report: &mut Report) {
    let bare = bare::Bare::start();
    let mut shop = Shop::open(&[]);
    let mut single_shop = Shop::open(&["--commit-batch-max", "1"]);
    for round in 0..=ROUNDS {
        let contests = shop.contests(REQUESTS).await;
        let bare_measured = load::measure(bare.server(), CONNECTIONS, contests.clone()).await;
        let contest_measured = load::measure(shop.server(), CONNECTIONS, contests).await;
        let queries = shop.queries(REQUESTS);
        let query_measured = load::measure(shop.server(), CONNECTIONS, queries).await;
        let contests = single_shop.contests(REQUESTS_SINGLE).await;
        let single_measured = load::measure(single_shop.server(), CONNECTIONS, contests).await;
        // The first round warms up caches, connections and the processor's clock.
        if round > 0 {
            report.round(bare_measured, contest_measured, single_measured, query_measured);
        }
    }
}

async fn with_used_nonces(nonces: usize, report: &mut Report) {
    let (mut fresh_shop, mut used_shop) = (Shop::open(&[]), Shop::open(&[]));
    let mut left = nonces;
    while left > 0 {
        let calls = left.min(100_000);
        load::measure(used_shop.server(), CONNECTIONS, used_shop.upload_urls(calls)).await;
        left -= calls;
    }
    for _ in 0..ROUNDS {
        let contests = fresh_shop.contests(REQUESTS).await;
        let on_fresh = load::measure(fresh_shop.server(), CONNECTIONS, contests).await;
        let contests = used_shop.contests(REQUESTS).await;
        let on_used = load::measure(used_shop.server(), CONNECTIONS, contests).await;
        report.nonces(nonces, on_used.rate / on_fresh.rate);
    }
}
