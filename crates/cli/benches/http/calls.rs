//! A merchant with disputes to contest, and calls signed in advance, so that signing is not measured.

use std::path::Path;

use rebuttal_testbed::operator::dispute;
use rebuttal_testbed::samples::{receipt, refund};
use rebuttal_testbed::test_gateway::{CONTEST, QUERY, UPLOAD_URL};
use rebuttal_testbed::{Gateway, Item, TestGateway};
use serde_json::json;

use crate::CONNECTIONS;
use crate::load::{self, Server};

/// A separate gateway, with one merchant that has uploaded two files.
pub(crate) struct Shop {
    fixture: TestGateway,
    urls: [String; 2],
    opened: usize,
    contested: usize,
}

impl Shop {
    pub(crate) fn open(args: &[&str]) -> Self {
        // Reads arrive faster than from any merchant: capacity for the nonces of all of them.
        let common = [
            "--read-nonce-capacity=8000000",
            "--max-connections-per-peer=2000",
            "--max-connections=2000",
            "--log-filter=warn",
        ];
        let builder = Gateway::builder(Path::new(env!("CARGO_BIN_EXE_rebuttal"))).args(common).args(args);
        let fixture = TestGateway::with_builder(builder);
        let urls = [fixture.upload(&receipt(1)), fixture.upload(&refund(1))];
        Self { fixture, urls, opened: 0, contested: 0 }
    }

    pub(crate) fn server(&self) -> Server {
        Server { address: self.fixture.address(), pid: self.fixture.gateway.pid() }
    }

    /// Contests of disputes that are opened here, each with two pieces of evidence.
    pub(crate) async fn contests(&mut self, count: usize) -> Vec<Vec<u8>> {
        let numbers = self.opened..self.opened + count;
        let openings = numbers.map(|number| {
            let body = dispute(self.fixture.merchant_id, &json!({ "disputeNo": no(number) }));
            self.fixture.operator.request("POST", "/disputes", Some(&body)).bytes()
        });
        load::send(self.fixture.address(), CONNECTIONS, openings.collect(), "\"disputeNo\"").await;
        self.opened += count;
        let numbers = self.contested..self.contested + count;
        self.contested += count;
        let items = [Item::receipt(&self.urls[0]), Item { kind: "REFUND", ..Item::receipt(&self.urls[1]) }];
        let evidence: Vec<_> = items.iter().map(Item::json).collect();
        numbers
            .map(|number| {
                let body = json!({ "disputeNo": no(number), "evidenceList": evidence });
                self.fixture.call(CONTEST, &body).bytes()
            })
            .collect()
    }

    /// Queries of one dispute after the other.
    pub(crate) fn queries(&self, count: usize) -> Vec<Vec<u8>> {
        let query =
            |index: usize| self.fixture.call(QUERY, &json!({ "disputeNo": no(index % self.opened) })).bytes();
        (0..count).map(query).collect()
    }

    /// Calls whose only durable effect is a used nonce.
    pub(crate) fn upload_urls(&self, count: usize) -> Vec<Vec<u8>> {
        let body = json!({ "filename": "receipt.png", "scene": "DISPUTE_EVIDENCE" });
        (0..count).map(|_| self.fixture.call(UPLOAD_URL, &body).bytes()).collect()
    }
}

fn no(number: usize) -> String {
    format!("B{number:09}")
}
