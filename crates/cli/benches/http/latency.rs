//! How long answers take at a fixed rate, whatever the gateway makes of it (open loop).

use crate::Build;
use crate::filled::Filled;
use crate::load::{Measured, Requests, Server};
use crate::report::Table;
use crate::shop::{Order, Shop};
use rebuttal_testbed::samples::png_of_size;

const CONNECTIONS: usize = 32;
/// How long each call is measured at each rate.
const SECONDS: usize = 5;
const RATES: [u32; 2] = [1_000, 5_000];
/// Queries of a cached row, while others read rows from disk as fast as they can.
const COLD_RATE: u32 = 500;
const COLD_QUERIES: usize = 20_000;
const UPLOAD_RATE: u32 = 100;
const UPLOAD_BYTES: usize = 200_000;

pub(crate) async fn run(builds: &[Build], disputes: usize) {
    let mut table = Table::new(
        &format!("Latency, {disputes} disputes, {CONNECTIONS} connections"),
        &["call", "a second", "build", "p50 ms", "p99 ms", "p99.9 ms"],
    );
    let mut shops = Vec::new();
    for Build { binary, .. } in builds {
        shops.push(Shop::on(binary, &Filled::with(binary, disputes).await, &[]));
    }
    let mut row = |call: &str, rate: u32, build: &Build, measured: &Measured| {
        let percentile = |share| format!("{:.1}", measured.percentile(share));
        let percentiles = [percentile(0.5), percentile(0.99), percentile(0.999)];
        let [p50, p99, p999] = percentiles;
        table.row([call.to_owned(), rate.to_string(), build.name.to_owned(), p50, p99, p999]);
    };
    for rate in RATES {
        let count = rate as usize * SECONDS;
        for call in ["contest, shuffled", "query", "generateUploadUrl", "open"] {
            for (build, shop) in builds.iter().zip(&mut shops) {
                let requests = match call {
                    "contest, shuffled" => shop.contests(Order::Shuffled, count),
                    "query" => shop.queries(count),
                    "generateUploadUrl" => shop.upload_urls(count),
                    _ => shop.openings(count),
                };
                row(call, rate, build, &paced(shop.server(), rate, requests).await);
            }
        }
    }
    for (build, shop) in builds.iter().zip(&mut shops) {
        let requests = shop.uploads(&png_of_size(UPLOAD_BYTES), UPLOAD_RATE as usize * SECONDS);
        row("upload of 200 kB", UPLOAD_RATE, build, &paced(shop.server(), UPLOAD_RATE, requests).await);
    }
    for (build, shop) in builds.iter().zip(&mut shops) {
        for (call, is_cold) in
            [("query, all rows cached", false), ("query of a cached row, next to cold ones", true)]
        {
            if is_cold {
                shop.forget_cached_pages();
            }
            let cached = shop.queries_of(0, COLD_RATE as usize * SECONDS);
            let cold = shop.queries(if is_cold { COLD_QUERIES } else { 0 });
            let all = async { shop.server().closed_loop(CONNECTIONS, cold).await };
            let (measured, _) = tokio::join!(paced(shop.server(), COLD_RATE, cached), all);
            row(call, COLD_RATE, build, &measured);
        }
    }
    table.print();
}

async fn paced(server: Server, rate: u32, requests: Requests) -> Measured {
    server.open_loop(CONNECTIONS, rate, requests).await
}
