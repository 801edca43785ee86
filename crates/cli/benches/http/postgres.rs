//! The same contests on PostgreSQL, as multiples of what the server does by itself: `pgbench -N -M prepared` on the
//! same cluster, its best of three numbers of clients.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use rebuttal_testbed::postgres::PostgresProxy;
use rebuttal_testbed::postgres::{Cluster, Database};

use crate::load::Measured;
use crate::report::median;
use crate::shop::{Order, Shop};

const ROUNDS: usize = 5;
const CONNECTIONS: usize = 512;
/// Requests of one measurement: about a second, many batches.
const REQUESTS: usize = 20_000;
/// Requests of one measurement where each has its own transaction, and so its own fsync.
const REQUESTS_SINGLE: usize = 3_000;
const CLIENTS: [usize; 3] = [8, 32, 64];
/// How long each number of clients is measured for.
const PGBENCH_SECONDS: u32 = 3;
/// Rows of pgbench's own tables, in hundreds of thousands: enough that its clients seldom meet.
const PGBENCH_SCALE: u32 = 20;
/// The latency that the proxy adds to a round trip.
const ROUND_TRIP_DELAY: Duration = Duration::from_millis(3);

struct Round {
    pgbench: f64,
    contest: f64,
    single: f64,
    late: f64,
}

/// Measures and prints.
pub(crate) async fn run() {
    let cluster = Cluster::durable();
    let databases = [(); 4].map(|()| cluster.database());
    let [pgbench, contest, single, late] = &databases;
    cluster.pgbench(pgbench, &["--initialize", "--quiet", &format!("--scale={PGBENCH_SCALE}")]);
    let binary = Path::new(env!("CARGO_BIN_EXE_rebuttal"));
    let on = |url: &str, more: &[&str]| Shop::empty(binary, &[&["--database-url", url], more].concat());
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, cluster.port()));
    let proxy = PostgresProxy::to(server, ROUND_TRIP_DELAY / 2);
    let mut shop = on(&contest.url(), &[]);
    let mut single_shop = on(&single.url(), &["--commit-batch-max", "1"]);
    let mut late_shop = on(&proxy.url(late), &[]);
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let measured = Round {
            pgbench: CLIENTS
                .map(|clients| transactions(&cluster, pgbench, clients))
                .into_iter()
                .fold(0.0, f64::max),
            contest: contests(&mut shop, REQUESTS).await.rate,
            single: contests(&mut single_shop, REQUESTS_SINGLE).await.rate,
            late: contests(&mut late_shop, REQUESTS).await.rate,
        };
        let Round { pgbench, contest, single, late } = measured;
        println!(
            "pgbench {pgbench:>7.0}/s   contest {contest:>7.0}/s   one transaction each {single:>7.0}/s   3 ms away {late:>7.0}/s"
        );
        // The first round warms up caches, connections and the processor's clock.
        if round > 0 {
            rounds.push(measured);
        }
    }
    let ratio = |of: fn(&Round) -> f64| median(&rounds.iter().map(of).collect::<Vec<_>>());
    println!();
    println!("| figure on PostgreSQL | median | wanted |");
    println!("|---|---|---|");
    println!(
        "| durable contests, multiple of pgbench | {:.1} | 1.5 |",
        ratio(|round| round.contest / round.pgbench)
    );
    println!(
        "| durable contests, multiple of one transaction each | {:.1} | 3 |",
        ratio(|round| round.contest / round.single)
    );
    println!(
        "| durable contests 3 ms away, share of those next to it | {:.2} | 0.7 |",
        ratio(|round| round.late / round.contest)
    );
}

async fn contests(shop: &mut Shop, count: usize) -> Measured {
    shop.open(count).await;
    let contests = shop.contests(Order::Sequential, count);
    shop.server().closed_loop(CONNECTIONS, contests).await
}

/// pgbench's transactions a second.
fn transactions(cluster: &Cluster, database: &Database, clients: usize) -> f64 {
    let (clients, seconds) = (format!("--client={clients}"), format!("--time={PGBENCH_SECONDS}"));
    let said = cluster.pgbench(database, &["-N", "-M", "prepared", "--jobs=2", &clients, &seconds]);
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    tps.unwrap_or_else(|| panic!("pgbench said: {said}"))
}
