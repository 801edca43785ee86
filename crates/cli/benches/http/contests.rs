//! Contests in two orders and from three numbers of connections, as shares of a bare answer.

use crate::Build;
use crate::bare::Bare;
use crate::filled::Filled;
use crate::load::Measured;
use crate::report::{Table, median};
use crate::shop::{Order, Shop};

const CONNECTIONS: [usize; 3] = [16, 64, 256];
/// Requests of one measurement: about a second, many batches.
const REQUESTS: usize = 10_000;
/// Requests of one measurement where each has its own transaction, and so its own fsync.
const REQUESTS_SINGLE: usize = 2_000;
const SINGLE_CONNECTIONS: usize = 64;

/// The rounds of one kind.
#[derive(Default)]
struct Samples {
    rates: Vec<f64>,
    shares: Vec<f64>,
    cpu_micros: Vec<f64>,
}

impl Samples {
    fn add(&mut self, measured: &Measured, bare: &Measured) {
        self.rates.push(measured.rate);
        self.shares.push(measured.rate / bare.rate);
        self.cpu_micros.push(measured.cpu_micros);
    }

    fn cells(&self) -> [String; 3] {
        [
            format!("{:.0}", median(&self.rates)),
            format!("{:.3}", median(&self.shares)),
            format!("{:.1}", median(&self.cpu_micros)),
        ]
    }
}

pub(crate) async fn run(builds: &[Build], disputes: usize, rounds: usize) {
    let bare = Bare::start();
    let mut shops = Vec::new();
    for Build { binary, .. } in builds {
        let filled = Filled::with(binary, disputes).await;
        shops.push((Shop::on(binary, &filled, &[]), Shop::on(binary, &filled, &["--commit-batch-max", "1"])));
    }
    let kinds = [Order::Shuffled, Order::Sequential].map(|order| CONNECTIONS.map(|count| (order, count)));
    let kinds = kinds.as_flattened();
    let mut samples: Vec<Vec<Samples>> =
        builds.iter().map(|_| kinds.iter().map(|_| Samples::default()).collect()).collect();
    let mut multiples: Vec<Vec<f64>> = builds.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        for (at, &(order, connections)) in kinds.iter().enumerate() {
            let mut bare_measured = None;
            for turn in 0..builds.len() {
                let build = (turn + round) % builds.len();
                let (shop, single) = &mut shops[build];
                let requests = shop.contests(order, REQUESTS);
                let bare_measured = match &bare_measured {
                    Some(measured) => measured,
                    None => {
                        &*bare_measured.insert(bare.server().closed_loop(connections, requests.clone()).await)
                    }
                };
                let measured = shop.server().closed_loop(connections, requests).await;
                let is_counted = round > 0;
                if is_counted {
                    samples[build][at].add(&measured, bare_measured);
                }
                if (order, connections) == (Order::Shuffled, SINGLE_CONNECTIONS) {
                    let requests = single.contests(order, REQUESTS_SINGLE);
                    let each = single.server().closed_loop(connections, requests).await;
                    if is_counted {
                        multiples[build].push(measured.rate / each.rate);
                    }
                }
            }
        }
    }
    let mut table = Table::new(
        &format!("Contests, {disputes} disputes"),
        &["order", "connections", "build", "answers a second", "share of a bare answer", "CPU µs each"],
    );
    for (at, (order, connections)) in kinds.iter().enumerate() {
        for (build, samples) in builds.iter().zip(&samples) {
            let [rate, share, cpu] = samples[at].cells();
            table.row([
                format!("{order:?}"),
                connections.to_string(),
                build.name.to_owned(),
                rate,
                share,
                cpu,
            ]);
        }
    }
    table.print();
    for (build, multiples) in builds.iter().zip(&multiples) {
        println!(
            "{}: {:.1} times one transaction each, shuffled, {SINGLE_CONNECTIONS} connections",
            build.name,
            median(multiples)
        );
    }
}
