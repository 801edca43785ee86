//! Contests on a gateway that has used up millions of nonces, compared with a fresh one.

use std::path::Path;

use crate::report::median;
use crate::shop::{Order, Shop};

const NONCES: usize = 3_000_000;
const CHUNK: usize = 100_000;
const REQUESTS: usize = 20_000;
const CONNECTIONS: usize = 256;

pub(crate) async fn run(binary: &Path, rounds: usize) {
    let (mut fresh, mut used) = (Shop::empty(binary, &[]), Shop::empty(binary, &[]));
    for _ in 0..NONCES / CHUNK {
        used.server().closed_loop(CONNECTIONS, used.upload_urls(CHUNK)).await;
    }
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let mut rates = Vec::new();
        for shop in [&mut fresh, &mut used] {
            shop.open(REQUESTS).await;
            let requests = shop.contests(Order::Sequential, REQUESTS);
            rates.push(shop.server().closed_loop(CONNECTIONS, requests).await.rate);
        }
        ratios.push(rates[1] / rates[0]);
    }
    println!("\nContests with {NONCES} used nonces: {:.2} of a fresh gateway", median(&ratios));
}
