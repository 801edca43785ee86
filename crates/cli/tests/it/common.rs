//! Shared by all end-to-end tests: the path of the binary, the scale of the counts, the gateway's metrics, and tables
//! of cases that report every failure.

mod shell;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::gateway::Builder;
use rebuttal_testbed::signer::fresh_nonce;
use rebuttal_testbed::test_gateway::QUERY;
use rebuttal_testbed::{Connection, Gateway, Request, TestGateway};
use serde_json::json;

pub(crate) use shell::{CommandOutput, MerchantShell, pasted, rebuttal, without_rebuttal_env};

/// Size of the largest evidence file.
pub(crate) const LARGEST_FILE_BYTES: usize =
    rebuttal_client::protocol::scene::DISPUTE_EVIDENCE_MAX_BYTES as usize;

/// The binary that cargo built for these tests.
pub(crate) fn bin() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rebuttal"))
}

pub(crate) fn gateway() -> Builder {
    Gateway::builder(bin())
}

pub(crate) fn test_gateway() -> TestGateway {
    TestGateway::start(bin())
}

/// A gateway on the default backend: for tests of the SQLite file, a full disk, or the order of syncs.
pub(crate) fn sqlite_test_gateway() -> TestGateway {
    TestGateway::with_builder(gateway().built_in())
}

/// A gateway with an evidence folder: for tests of how the gateway itself receives and stores files.
pub(crate) fn folder_test_gateway() -> TestGateway {
    TestGateway::with_builder(gateway().folder())
}

/// Waits until `/readyz` has this status, which may be a second old.
#[track_caller]
pub(crate) fn becomes_ready(address: SocketAddr, status: u16) {
    wait_for(&format!("/readyz to answer {status}"), || {
        let answered = Request::new("GET", "/readyz", "").send(address).unwrap().status;
        (answered == status).then_some(())
    });
}

/// The address of a separate operator listener.
pub(crate) fn operators_address(gateway: &Gateway) -> SocketAddr {
    wait_for("the address in the log", || {
        let said = gateway.stderr();
        let (_, after) = said.split_once("operators are served on http://")?;
        let (address, _) = after.split_once('\n')?;
        address.trim().parse().ok()
    })
}

/// The metrics of a gateway with a metrics listener.
pub(crate) fn scrape(gateway: &Gateway) -> String {
    let address = wait_for("the metrics address in the log", || {
        let said = gateway.stderr();
        let (_, after) = said.split_once("metrics are served on http://")?;
        Some(after.split_once("/metrics")?.0.to_owned())
    });
    let mut connection = Connection::open(address.parse().unwrap()).unwrap();
    let response = connection.exchange(&Request::new("GET", "/metrics", "").bytes()).unwrap();
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    response.text()
}

/// The value of a series in the scrape.
pub(crate) fn value(scraped: &str, series: &str) -> Option<f64> {
    scraped.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// The scale of the counts of kills, races and disconnects: a tenth, unless `cargo xtask test --full` or `cargo xtask
/// soak` sets more.
pub(crate) fn scale() -> f64 {
    let scale = std::env::var("REBUTTAL_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    scale.unwrap_or(0.1)
}

/// The count of the full tier, by the scale of this run.
pub(crate) fn scaled(count: usize) -> usize {
    ((count as f64 * scale()).ceil() as usize).max(1)
}

/// Tries every case, then fails with the names of all that failed; the output of each is above.
pub(crate) fn each<T>(cases: impl IntoIterator<Item = (impl ToString, T)>, test: impl Fn(T)) {
    let mut failed = Vec::new();
    let mut tried = 0;
    for (name, case) in cases {
        tried += 1;
        let name = name.to_string();
        if catch_unwind(AssertUnwindSafe(|| test(case))).is_err() {
            eprintln!("^^^ {name}\n");
            failed.push(name);
        }
    }
    assert!(tried > 0, "an empty table proves nothing");
    assert!(failed.is_empty(), "{} of {tried} cases failed: {failed:#?}", failed.len());
}

/// Calls with unknown app ids, up to the limit of one address, until this is dropped.
pub(crate) struct Flood {
    is_held_back: Arc<AtomicBool>,
    enough: Arc<AtomicBool>,
}

impl Flood {
    /// Concurrent requests: more than an address may fail in a second.
    const CONCURRENT: usize = 200;

    /// Starts, and waits until the first call is throttled.
    pub(crate) fn over<'scope>(threads: &'scope Scope<'scope, '_>, fixture: &'scope TestGateway) -> Self {
        let flood = Self { is_held_back: Arc::default(), enough: Arc::default() };
        let (is_held_back, enough) = (Arc::clone(&flood.is_held_back), Arc::clone(&flood.enough));
        threads.spawn(move || {
            let mut connection = Connection::open(fixture.address()).unwrap();
            let made_up = |_| {
                let mut call = fixture.call(QUERY, &json!({ "disputeNo": "never-opened" }));
                call.signer.app_id = fresh_nonce();
                call.bytes()
            };
            while !enough.load(Ordering::Relaxed) {
                connection.send(&(0..Self::CONCURRENT).flat_map(made_up).collect::<Vec<_>>()).unwrap();
                for _ in 0..Self::CONCURRENT {
                    if connection.receive().unwrap().status == 429 {
                        is_held_back.store(true, Ordering::Relaxed);
                    }
                }
            }
        });
        wait_for("the limit on failures", || flood.is_held_back.load(Ordering::Relaxed).then_some(()));
        flood
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.enough.store(true, Ordering::Relaxed);
    }
}
