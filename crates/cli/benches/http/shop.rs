//! A merchant with disputes to contest, and its calls signed beforehand: signing is not what is measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use rebuttal_testbed::operator::dispute;
use rebuttal_testbed::samples::{receipt, refund};
use rebuttal_testbed::test_gateway::{CONTEST, QUERY, UPLOAD_URL};
use rebuttal_testbed::{Gateway, Item, Operator, TestGateway};
use serde_json::json;

use crate::filled::Filled;
use crate::load::{Requests, Server};

const OK: &str = r#""code":"OK""#;
const CONNECTIONS: usize = 256;

/// Reads come faster than from any merchant: room for the nonces of all of them, and for all connections.
pub(crate) const SETTINGS: [&str; 4] = [
    "--read-nonce-capacity=8000000",
    "--max-connections-per-peer=2000",
    "--max-connections=2000",
    "--log-filter=warn",
];

/// The order in which disputes are contested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// That of their numbers, which is the one they were opened in.
    Sequential,
    /// Anyhow, as merchants answer.
    Shuffled,
}

/// A gateway of its own, with one merchant.
pub(crate) struct Shop {
    fixture: TestGateway,
    urls: Vec<String>,
    /// Disputes that are open and in no request yet: from the front in order of their numbers, from the back shuffled.
    ordered: std::ops::Range<usize>,
    shuffled: Vec<usize>,
    opened: usize,
}

impl Shop {
    /// With two files and no dispute.
    pub(crate) fn empty(binary: &Path, args: &[&str]) -> Self {
        let builder = Gateway::builder(binary).args(SETTINGS).args(args);
        let fixture = TestGateway::with_builder(builder);
        let urls = vec![fixture.upload(&receipt(1)), fixture.upload(&refund(1))];
        Self { fixture, urls, ordered: 0..0, shuffled: Vec::new(), opened: 0 }
    }

    /// On a copy of a filled directory. A fifth of its disputes is contested in order, the others in any.
    pub(crate) fn on(binary: &Path, filled: &Filled, args: &[&str]) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder").keep();
        let data: PathBuf = folder.join("data");
        filled.copy_to(&data);
        let gateway = Gateway::builder(binary).built_in().data(&data).args(SETTINGS).args(args).start();
        let fixture = TestGateway {
            operator: Operator::new(gateway.address(), &gateway.operator_token()),
            base: gateway.base_url(),
            gateway,
            merchant_id: filled.merchant_id,
            signer: filled.signer.clone(),
        };
        let ordered = 0..filled.disputes / 5;
        let mut shuffled: Vec<_> = (ordered.end..filled.disputes).collect();
        fastrand::Rng::with_seed(1).shuffle(&mut shuffled);
        Self { fixture, urls: filled.urls.clone(), ordered, shuffled, opened: filled.disputes }
    }

    pub(crate) fn server(&self) -> Server {
        Server { address: self.fixture.address(), pid: self.fixture.gateway.pid() }
    }

    /// Opens disputes, which then are contested in order.
    pub(crate) async fn open(&mut self, count: usize) {
        let requests = self.openings(count);
        self.server().closed_loop(CONNECTIONS, requests).await;
        self.ordered.end = self.opened;
    }

    pub(crate) fn openings(&mut self, count: usize) -> Requests {
        let numbers = self.opened..self.opened + count;
        self.opened += count;
        Requests {
            bytes: numbers.map(|number| opening(&self.fixture, number)).collect(),
            wanted: "\"disputeNo\"",
        }
    }

    /// Contests of disputes that no request has named yet, each with two pieces of evidence.
    pub(crate) fn contests(&mut self, order: Order, count: usize) -> Requests {
        let numbers: Vec<usize> = match order {
            Order::Sequential => self.ordered.by_ref().take(count).collect(),
            Order::Shuffled => self.shuffled.split_off(self.shuffled.len().saturating_sub(count)),
        };
        assert_eq!(numbers.len(), count, "there are no more disputes; fill in more of them");
        Requests { bytes: numbers.into_iter().map(|number| self.contest(number)).collect(), wanted: OK }
    }

    fn contest(&self, number: usize) -> Vec<u8> {
        let url = |at: usize| &self.urls[at % self.urls.len()];
        let items =
            [Item::receipt(url(2 * number)), Item { kind: "REFUND", ..Item::receipt(url(2 * number + 1)) }];
        let evidence: Vec<_> = items.iter().map(Item::json).collect();
        let body = json!({ "disputeNo": dispute_no(number), "evidenceList": evidence });
        self.fixture.call(CONTEST, &body).bytes()
    }

    /// Queries of any of the disputes.
    pub(crate) fn queries(&self, count: usize) -> Requests {
        let mut random = fastrand::Rng::with_seed(2);
        let query = |_| self.query(random.usize(..self.opened));
        Requests { bytes: (0..count).map(query).collect(), wanted: OK }
    }

    /// Queries of one dispute.
    pub(crate) fn queries_of(&self, number: usize, count: usize) -> Requests {
        Requests { bytes: (0..count).map(|_| self.query(number)).collect(), wanted: OK }
    }

    fn query(&self, number: usize) -> Vec<u8> {
        self.fixture.call(QUERY, &json!({ "disputeNo": dispute_no(number) })).bytes()
    }

    /// Makes the system forget the pages of the database that it has cached.
    pub(crate) fn forget_cached_pages(&self) {
        let database = self.fixture.gateway.data().join("rebuttal.db");
        let of = format!("of={}", database.display());
        let status = Command::new("dd")
            .args(["oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none", &of])
            .status();
        assert!(status.expect("dd runs").success(), "the pages are forgotten");
    }

    /// Calls that leave nothing durable but a used nonce.
    pub(crate) fn upload_urls(&self, count: usize) -> Requests {
        let body = json!({ "filename": "receipt.png", "scene": "DISPUTE_EVIDENCE" });
        Requests {
            bytes: (0..count).map(|_| self.fixture.call(UPLOAD_URL, &body).bytes()).collect(),
            wanted: OK,
        }
    }

    /// Uploads of one file, each to a place of its own.
    pub(crate) fn uploads(&self, file: &[u8], count: usize) -> Requests {
        let upload = |_| self.fixture.ticket("receipt.png").form(file).request().bytes();
        Requests { bytes: (0..count).map(upload).collect(), wanted: "204" }
    }

    /// The operator's list with this query string.
    pub(crate) fn lists(&self, query: &str, count: usize) -> Requests {
        let list = || self.fixture.operator.request("GET", &format!("/disputes?{query}"), None).bytes();
        Requests { bytes: (0..count).map(|_| list()).collect(), wanted: "\"items\"" }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.fixture.gateway.kill();
        // A folder of its own, where the data is a copy.
        if self.fixture.gateway.data().starts_with(env!("CARGO_TARGET_TMPDIR")) {
            let folder = self.fixture.gateway.data().parent().map(Path::to_path_buf);
            let _ = folder.map(std::fs::remove_dir_all);
        }
    }
}

/// A request that opens the dispute with this number.
pub(crate) fn opening(fixture: &TestGateway, number: usize) -> Vec<u8> {
    let body = dispute(fixture.merchant_id, &json!({ "disputeNo": dispute_no(number) }));
    fixture.operator.request("POST", "/disputes", Some(&body)).bytes()
}

fn dispute_no(number: usize) -> String {
    format!("B{number:09}")
}
