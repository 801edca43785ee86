//! Database outages under load, of every kind: no answered contest is lost, `Unavailable` is returned only where
//! nothing was changed, and the gateway recovers by itself. Run by `cargo xtask test`, which starts PostgreSQL.

mod load;
mod operators;
mod readiness;
mod startup;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rebuttal_testbed::TestGateway;
use rebuttal_testbed::clock::{pause, wait_for};
use rebuttal_testbed::postgres::{Cluster, CommitFault, PostgresProxy};

use crate::common::{gateway, scaled};
use load::{Load, OutcomeCounts};

/// How soon after the database is back the gateway serves again: 2 s, and more on a slower machine.
const RECOVERY_MAX: Duration = Duration::from_secs(20);
/// The limit of the process's memory.
const MEMORY_MAX_KIB: u64 = 100 * 1024;

/// Lets the load run before and after a fault.
fn a_while() {
    pause(Duration::from_millis(300));
}

fn on(url: &str) -> TestGateway {
    TestGateway::with_builder(gateway().database(url))
}

/// Runs the load during a fault of the database, then compares every response with what is stored.
fn under_load(fixture: &TestGateway, faults: impl FnOnce()) -> OutcomeCounts {
    let load = Load::prepare(fixture);
    let counts = load.while_running(faults);
    let back = Instant::now();
    wait_for("the gateway to serve again", || fixture.accept(&fixture.dispute()).code.eq("OK").then_some(()));
    let recovery = back.elapsed();
    eprintln!("{counts:?}, served again after {recovery:?}");
    assert!(recovery < RECOVERY_MAX, "{recovery:?}");
    load.check();
    let peak = fixture.gateway.peak_memory_kib();
    assert!(peak < MEMORY_MAX_KIB, "it held {peak} KiB");
    assert!(counts.done > 0, "the load was too light to prove anything: {counts:?}");
    counts
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test installs"]
fn killed_database_loses_no_answered_request() {
    let mut cluster = Cluster::durable();
    let database = cluster.database();
    let fixture = on(&database.url());
    under_load(&fixture, || {
        for _ in 0..scaled(3) {
            a_while();
            cluster.kill();
            cluster.restart();
        }
        a_while();
    });
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test installs"]
fn terminated_connections_are_replaced() {
    let cluster = Cluster::start();
    let database = cluster.database();
    let fixture = on(&database.url());
    let counts = under_load(&fixture, || {
        for _ in 0..scaled(20) {
            pause(Duration::from_millis(50));
            // Right after the last fault there may be no session yet.
            wait_for("connections to terminate", || (database.terminate_all_connections() > 0).then_some(()));
        }
        a_while();
    });
    assert_eq!(counts.unknown, 0, "every outcome could be learnt");
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test installs"]
fn suspended_database_is_waited_for_or_reported() {
    let cluster = Cluster::start();
    let database = cluster.database();
    let fixture = on(&database.url());
    under_load(&fixture, || {
        a_while();
        cluster.suspend();
        pause(Duration::from_secs(10));
        cluster.resume();
        a_while();
    });
}

/// Interrupts many commits, one after another.
fn cut_off(cut: CommitFault) -> OutcomeCounts {
    let cluster = Cluster::start();
    let database = cluster.database();
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, cluster.port()));
    let proxy = PostgresProxy::to(server, Duration::ZERO);
    let fixture = on(&proxy.url(&database));
    let cuts = scaled(40);
    let counts = under_load(&fixture, || {
        for done in 0..cuts {
            proxy.cut(cut, 1);
            wait_for("a commit to be cut off", || (proxy.cuts() > done).then_some(()));
        }
    });
    assert_eq!((proxy.cuts(), counts.unknown), (cuts, 0), "every outcome could be learnt");
    counts
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test installs"]
fn commit_with_lost_response_is_resolved_and_answered() {
    let counts = cut_off(CommitFault::AfterCommit);
    assert_eq!(counts.unavailable, 0, "what was committed was called unchanged");
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test installs"]
fn commit_cut_before_arrival_is_retried_or_reported_unchanged() {
    cut_off(CommitFault::BeforeCommit);
}
