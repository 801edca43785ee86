//! A running gateway with one merchant and one app, and common steps of tests.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::call::{Answer, SignedCall};
use crate::gateway::{Builder, Gateway};
use crate::operator::Operator;
use crate::samples::Sample;
use crate::signer::{Scheme, Signer};
use crate::upload::Ticket;

pub const CONTEST: &str = "/pg/v2/dispute/contest";
pub const ACCEPT: &str = "/pg/v2/dispute/accept";
pub const QUERY: &str = "/pg/v2/dispute/query";
pub const UPLOAD_URL: &str = "/pg/v2/file/generateUploadUrl";

/// One item of a contest's evidence list.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    pub kind: &'a str,
    pub name: &'a str,
    pub url: &'a str,
}

impl<'a> Item<'a> {
    #[must_use]
    pub fn receipt(url: &'a str) -> Self {
        Self { kind: "RECEIPT", name: "Transaction receipt", url }
    }

    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "type": self.kind, "name": self.name, "url": self.url })
    }
}

/// A gateway with one merchant and one app.
#[derive(Debug)]
pub struct TestGateway {
    pub gateway: Gateway,
    pub operator: Operator,
    pub merchant_id: u64,
    pub signer: Signer,
    /// The URL that calls are signed for.
    pub base: String,
}

impl TestGateway {
    #[must_use]
    pub fn start(bin: &Path) -> Self {
        Self::with_builder(Gateway::builder(bin))
    }

    #[must_use]
    pub fn with_builder(builder: Builder) -> Self {
        let gateway = builder.start();
        let operator = Operator::new(gateway.address(), &gateway.operator_token());
        let merchant_id = operator.open_merchant("Corner Shop", "Asia/Shanghai");
        let signer = operator.open_app(merchant_id, Scheme::Sha256);
        let base = gateway.base_url();
        Self { gateway, operator, merchant_id, signer, base }
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// A fresh call of this gateway's app.
    #[must_use]
    pub fn call(&self, target: &str, body: &Value) -> SignedCall {
        self.raw_call(target, body.to_string())
    }

    #[must_use]
    pub fn raw_call(&self, target: &str, body: impl Into<Vec<u8>>) -> SignedCall {
        SignedCall::new(&self.signer, &self.base, target, body)
    }

    /// Sends a fresh call; the answer is verified.
    #[must_use]
    pub fn post(&self, target: &str, body: &Value) -> Answer {
        self.call(target, body).send(self.address())
    }

    /// Opens a default dispute and returns its number.
    #[must_use]
    pub fn dispute(&self) -> String {
        self.dispute_with(&json!({}))
    }

    #[must_use]
    pub fn dispute_with(&self, but: &Value) -> String {
        number(&self.operator.open_dispute(self.merchant_id, but))
    }

    #[must_use]
    pub fn ticket(&self, filename: &str) -> Ticket {
        self.ticket_of(&self.signer, filename)
    }

    #[must_use]
    pub fn ticket_of(&self, signer: &Signer, filename: &str) -> Ticket {
        let body = json!({ "filename": filename, "scene": "DISPUTE_EVIDENCE" }).to_string();
        Ticket::read(&SignedCall::new(signer, &self.base, UPLOAD_URL, body).send(self.address()).ok())
    }

    /// Uploads a sample and returns its storageUri.
    #[must_use]
    pub fn upload(&self, sample: &Sample) -> String {
        let ticket = self.ticket(sample.filename);
        let form = ticket.form(&sample.bytes);
        let response = form.send(form.address().unwrap_or(self.address()));
        assert_eq!(response.status, 204, "{}: {}", sample.filename, response.text());
        ticket.storage_uri
    }

    #[must_use]
    pub fn contest_call(&self, dispute_no: &str, items: &[Item<'_>]) -> SignedCall {
        let items: Vec<_> = items.iter().map(Item::json).collect();
        self.call(CONTEST, &json!({ "disputeNo": dispute_no, "evidenceList": items }))
    }

    #[must_use]
    pub fn contest(&self, dispute_no: &str, items: &[Item<'_>]) -> Answer {
        self.contest_call(dispute_no, items).send(self.address())
    }

    #[must_use]
    pub fn accept(&self, dispute_no: &str) -> Answer {
        self.post(ACCEPT, &json!({ "disputeNo": dispute_no }))
    }

    #[must_use]
    pub fn query(&self, dispute_no: &str) -> Answer {
        self.post(QUERY, &json!({ "disputeNo": dispute_no }))
    }

    #[must_use]
    pub fn show(&self, dispute_no: &str) -> Value {
        self.operator.show(dispute_no)
    }

    #[must_use]
    pub fn status(&self, dispute_no: &str) -> String {
        self.show(dispute_no)["status"].as_str().unwrap_or_default().to_owned()
    }

    /// The history's events, after checking that it is numbered 1, 2, 3 … without gaps and in order of time.
    #[must_use]
    pub fn history(&self, dispute_no: &str) -> Vec<String> {
        history_of(&self.show(dispute_no))
    }
}

/// The number of a dispute in an answer.
#[must_use]
pub fn number(dispute: &Value) -> String {
    dispute["disputeNo"].as_str().unwrap_or_else(|| panic!("no disputeNo: {dispute}")).to_owned()
}

/// See [`TestGateway::history`].
#[must_use]
pub fn history_of(dispute: &Value) -> Vec<String> {
    let history = dispute["history"].as_array().unwrap_or_else(|| panic!("no history: {dispute}"));
    let mut earlier = i64::MIN;
    let mut check = |(index, entry): (usize, &Value)| {
        assert_eq!(entry["sequence"].as_u64(), Some(index as u64 + 1), "{dispute}");
        assert!(entry["actor"].as_str().is_some_and(|actor| !actor.is_empty()), "no actor: {entry}");
        let at = crate::clock::parse_rfc3339(entry["time"].as_str().unwrap_or_default());
        assert!(at >= earlier, "history runs backwards: {dispute}");
        earlier = at;
        entry["event"].as_str().unwrap_or_else(|| panic!("no event: {entry}")).to_owned()
    };
    history.iter().enumerate().map(&mut check).collect()
}
