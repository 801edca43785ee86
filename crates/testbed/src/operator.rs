//! The operator's side of a test: merchants, apps and disputes through the operator API (contract §8).

use std::net::SocketAddr;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::clock::{now_ms, rfc3339, wait_for};
use crate::http::{Connection, Request, Response};
use crate::signer::{Scheme, Signer, fresh_nonce};

const DAY_MS: i64 = 86_400_000;

/// An operator with a token; each clone has its own connection.
#[derive(Debug)]
pub struct Operator {
    address: SocketAddr,
    token: String,
    connection: Mutex<Option<Connection>>,
}

impl Clone for Operator {
    fn clone(&self) -> Self {
        Self::new(self.address, &self.token)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

impl Operator {
    #[must_use]
    pub fn new(address: SocketAddr, token: &str) -> Self {
        Self { address, token: token.to_owned(), connection: Mutex::new(None) }
    }

    /// A request with this operator's token, below `/operator/v1`.
    #[must_use]
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Request {
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let request = Request::new(method, &format!("/operator/v1{path}"), bytes)
            .header("Authorization", format!("Bearer {}", self.token));
        if body.is_some() { request.header("Content-Type", "application/json") } else { request }
    }

    /// Sends on the kept connection, and again on a new one if the gateway had closed it: only for requests that may be
    /// sent twice.
    #[must_use]
    pub fn send(&self, request: &Request) -> Response {
        let mut kept = self.connection.lock().expect("no panic while holding it");
        if let Some(connection) = kept.as_mut()
            && let Ok(response) = connection.exchange(&request.bytes())
        {
            return response;
        }
        let mut connection = Connection::open(self.address).expect("the gateway listens");
        let response =
            connection.exchange(&request.bytes()).unwrap_or_else(|error| panic!("{error}: {request:?}"));
        *kept = Some(connection);
        response
    }

    #[must_use]
    pub fn fetch(&self, path: &str) -> Response {
        self.send(&self.request("GET", path, None))
    }

    /// With a new idempotency key.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.send(&self.request("POST", path, Some(body)).header("Idempotency-Key", fresh_nonce()))
    }

    #[must_use]
    pub fn patch(&self, path: &str, body: &Value) -> Response {
        self.send(&self.request("PATCH", path, Some(body)))
    }

    /// Creates something, with a retry if the gateway is unavailable, as one with a short queue is during its clean-up
    /// after a start.
    fn create(&self, path: &str, body: &Value) -> Value {
        let answer = wait_for("the gateway to serve", || {
            let answer = self.post(path, body);
            (answer.status != 503).then_some(answer)
        });
        answer.created()
    }

    /// A new merchant's number.
    #[must_use]
    pub fn open_merchant(&self, name: &str, time_zone: &str) -> u64 {
        let answer = self.create("/merchants", &json!({ "name": name, "timeZone": time_zone }));
        answer["merchantId"].as_u64().unwrap_or_else(|| panic!("merchantId is a number: {answer}"))
    }

    /// A new app of this merchant, ready to sign.
    #[must_use]
    pub fn open_app(&self, merchant_id: u64, scheme: Scheme) -> Signer {
        let body = if scheme == Scheme::Sha256 { json!({}) } else { json!({ "scheme": scheme.name() }) };
        let answer = self.create(&format!("/merchants/{merchant_id}/apps"), &body);
        let text =
            |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("no {name}: {answer}")).to_owned();
        Signer { app_id: text("appId"), app_secret: text("appSecret"), scheme }
    }

    /// Opens a dispute that differs from the default one in these members.
    #[must_use]
    pub fn open_dispute(&self, merchant_id: u64, but: &Value) -> Value {
        self.create("/disputes", &dispute(merchant_id, but))
    }

    /// The dispute in the operator API.
    #[must_use]
    pub fn show(&self, dispute_no: &str) -> Value {
        let response = self.fetch(&format!("/disputes/{dispute_no}"));
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    }

    /// `resolve`, `requestEvidence`, `extend`, `advance` or `withdraw`.
    #[must_use]
    pub fn act(&self, dispute_no: &str, action: &str, body: &Value) -> Response {
        self.post(&format!("/disputes/{dispute_no}/{action}"), body)
    }

    /// As [`Self::act`], and it must succeed.
    pub fn does(&self, dispute_no: &str, action: &str, body: &Value) -> Value {
        let response = self.act(dispute_no, action, body);
        assert_eq!(response.status, 200, "{action}: {}", response.text());
        response.json()
    }
}

/// The default dispute of the tests with these members changed; a member set to null is left out.
#[must_use]
pub fn dispute(merchant_id: u64, but: &Value) -> Value {
    let number = fresh_nonce();
    let mut dispute = json!({
        "merchantId": merchant_id,
        "paymentNo": &number[..24],
        "merchantTradeNo": format!("MTU-{number}"),
        "paymentAmount": "100.05",
        "disputeAmount": "100.05",
        "currency": "USD",
        "disputeReason": "Goods not received",
        "type": "CHARGEBACK",
        "deadline": in_days(7),
    });
    let members = dispute.as_object_mut().expect("an object");
    for (name, value) in but.as_object().into_iter().flatten() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    dispute
}

/// A deadline this many days ahead.
#[must_use]
pub fn in_days(days: i64) -> String {
    rfc3339(now_ms() + days * DAY_MS)
}

/// A deadline this many milliseconds ahead, and the same time in Unix milliseconds.
#[must_use]
pub fn in_ms(ahead_ms: i64) -> (String, i64) {
    let at = now_ms() + ahead_ms;
    (rfc3339(at), at)
}

impl Response {
    /// The body of an answer that must be 201.
    #[must_use]
    #[track_caller]
    pub fn created(&self) -> Value {
        assert_eq!(self.status, 201, "{}", self.text());
        self.json()
    }

    /// The code of a problem document, whose form and status are checked.
    #[must_use]
    #[track_caller]
    pub fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}: {}",
            self.status,
            self.text()
        );
        let problem = self.json();
        if let Some(status) = problem.get("status") {
            assert_eq!(status.as_u64(), Some(self.status.into()), "{problem}");
        }
        problem["code"].as_str().unwrap_or_else(|| panic!("a problem without code: {problem}")).to_owned()
    }

    /// Panics unless this is a problem with this status and code.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.problem().as_str()), (status, code), "{}", self.text());
    }
}
