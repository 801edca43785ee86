//! One signed merchant call, every part of which a test may alter, and the checks of each response to it (contract §1,
//! §2, §7), so that every test checks them every time.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::clock::now_ms;
use crate::http::{Connection, Request, Response};
use crate::signer::{Finality, Signer, bound_nonce, fresh_nonce};

/// How far a response's timestamp may differ from the test's clock, which is also the gateway's.
const ANSWER_AGE_LIMIT_MS: i64 = 60_000;

/// Contract §7, code and HTTP status.
pub const CODES: [(&str, u16); 25] = [
    ("OK", 200),
    ("Common.Request.Malformed", 400),
    ("Common.Request.InvalidParameter", 400),
    ("Common.Request.NotFound", 404),
    ("Common.Request.MethodNotAllowed", 405),
    ("Common.Request.NotAcceptable", 406),
    ("Common.Request.TooLarge", 413),
    ("Common.Request.UnsupportedMediaType", 415),
    ("Common.Auth.Malformed", 401),
    ("Common.Auth.UnknownApp", 401),
    ("Common.Auth.StaleTimestamp", 401),
    ("Common.Auth.InvalidSignature", 401),
    ("Common.Auth.AppDisabled", 403),
    ("Common.Auth.ReplayedNonce", 401),
    ("Common.RateLimited", 429),
    ("Common.System.Error", 500),
    ("Common.System.Unavailable", 503),
    ("Common.System.OutcomeUnknown", 503),
    ("Dispute.NotFound", 404),
    ("Dispute.InvalidState", 409),
    ("Dispute.DeadlinePassed", 409),
    ("Evidence.NotFound", 422),
    ("Evidence.NotUploaded", 422),
    ("File.UnsupportedType", 422),
    ("File.ContentMismatch", 422),
];

/// A call; signed when it is serialized, over its current parts.
#[derive(Clone, Debug)]
pub struct SignedCall {
    pub signer: Signer,
    /// The base URL that is signed; the target address is an argument of sending.
    pub base: String,
    pub method: String,
    pub target: String,
    pub timestamp: String,
    pub nonce: String,
    pub body: Vec<u8>,
    /// Sent instead of the right signature.
    pub sign_instead: Option<String>,
    /// Sent instead of the whole `Authorization` value; the answer is still bound to the call's own values.
    pub authorization_instead: Option<String>,
    /// How far the gateway's clock is ahead of the test's.
    pub ahead_ms: i64,
    /// All headers but `Authorization`, `Host` and `Content-Length`.
    pub headers: Vec<(String, String)>,
}

impl SignedCall {
    /// A call with a fresh timestamp and nonce.
    #[must_use]
    pub fn new(signer: &Signer, base: &str, target: &str, body: impl Into<Vec<u8>>) -> Self {
        let header = |name: &str| (name.to_owned(), "application/json".to_owned());
        Self {
            signer: signer.clone(),
            base: base.to_owned(),
            method: "POST".to_owned(),
            target: target.to_owned(),
            timestamp: now_ms().to_string(),
            nonce: fresh_nonce(),
            body: body.into(),
            sign_instead: None,
            authorization_instead: None,
            ahead_ms: 0,
            headers: vec![header("Content-Type"), header("Accept")],
        }
    }

    /// Replaces a header, or removes it.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: Option<&str>) -> Self {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    /// The same call with a well-formed but wrong signature.
    #[must_use]
    pub fn badly_signed(mut self) -> Self {
        self.sign_instead = Some("0123456789abcdef".repeat(4));
        self
    }

    #[must_use]
    pub fn aged_ms(mut self, age_ms: i64) -> Self {
        self.timestamp = (now_ms() - age_ms).to_string();
        self
    }

    /// With the clock of the caller moved like the gateway's.
    #[must_use]
    pub fn ahead(mut self, ahead: Duration) -> Self {
        let ahead_ms = i64::try_from(ahead.as_millis()).expect("milliseconds fit");
        self.ahead_ms = ahead_ms;
        self.aged_ms(-ahead_ms)
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.base, self.target)
    }

    /// The signature as sent.
    #[must_use]
    pub fn sign(&self) -> String {
        let right = || self.signer.sign(&self.method, &self.url(), &self.timestamp, &self.nonce, &self.body);
        self.sign_instead.clone().unwrap_or_else(right)
    }

    #[must_use]
    pub fn authorization(&self) -> String {
        let plain = || self.signer.header(&self.sign(), &self.timestamp, &self.nonce);
        self.authorization_instead.clone().unwrap_or_else(plain)
    }

    #[must_use]
    pub fn request(&self) -> Request {
        let mut request = Request::new(&self.method, &self.target, self.body.clone());
        request.headers.clone_from(&self.headers);
        request.header("Authorization", self.authorization())
    }

    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.request().bytes()
    }

    /// Sends on a new connection; the response must be signed and bound.
    #[must_use]
    pub fn send(&self, address: SocketAddr) -> Answer {
        self.verified(self.request().send(address).unwrap_or_else(|error| panic!("{error}: {self:?}")))
    }

    /// Sends on a new connection; the response must not be signed.
    #[must_use]
    pub fn send_for_unsigned(&self, address: SocketAddr) -> Answer {
        let response = self.request().send(address).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(response.header("authorization"), None, "signed, though it must not be: {response:?}");
        Answer::checked(response)
    }

    /// Sends on this connection; the answer must be signed and bound.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn send_on(&self, connection: &mut Connection) -> std::io::Result<Answer> {
        Ok(self.verified(connection.exchange(&self.bytes())?))
    }

    /// The answer, if its header has the published form, is signed for this call, and is bound to it.
    #[must_use]
    pub fn verified(&self, response: Response) -> Answer {
        let given =
            response.header("authorization").unwrap_or_else(|| panic!("unsigned: {response:?}")).to_owned();
        let timestamp =
            given.split("timestamp=").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_default();
        let bound = |finality| bound_nonce(finality, &self.nonce, &self.sign());
        let is_settled = given.ends_with(&format!(",nonce={}", bound(Finality::Settled)));
        let finality = if is_settled { Finality::Settled } else { Finality::Notice };
        let nonce = bound(finality);
        let sign = self.signer.sign(&self.method, &self.url(), timestamp, &nonce, &response.body);
        let expected = self.signer.header(&sign, timestamp, &nonce);
        assert_eq!(given, expected, "the answer's header; answer {} {}", response.status, response.text());
        let at: i64 = timestamp.parse().expect("the answer's timestamp is a number");
        assert!(
            timestamp.len() == 13 && (at - now_ms() - self.ahead_ms).abs() < ANSWER_AGE_LIMIT_MS,
            "timestamp {timestamp}"
        );
        let answer = Answer { finality: Some(finality), ..Answer::checked(response) };
        let due = finality_of(&answer.code);
        assert!(due.is_none_or(|due| due == finality), "{finality:?}, not {due:?}: {answer:?}");
        answer
    }
}

/// The finality of an answer with this code (contract §2), if it does not depend on the request.
fn finality_of(code: &str) -> Option<Finality> {
    match code {
        // A path or method is refused before the signature is checked; if the signature is valid, the answer is
        // settled.
        "Common.Request.NotFound" | "Common.Request.MethodNotAllowed" => None,
        // A nonce that a read used in one process, or that a change used permanently.
        "Common.Auth.ReplayedNonce" => None,
        // Before the nonce was used up, or after.
        "Common.System.Error" | "Common.System.Unavailable" => None,
        "Common.Request.Malformed" | "Common.Request.InvalidParameter" => Some(Finality::Settled),
        _ if code.starts_with("Common.") => Some(Finality::Notice),
        _ => Some(Finality::Settled),
    }
}

/// An answer that satisfies the rules of contract §1 and §7.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub code: String,
    pub message: String,
    pub data: Value,
    /// Its finality, if it is signed.
    pub finality: Option<Finality>,
    pub response: Response,
}

impl Answer {
    /// Panics unless envelope, status and the status's headers match the contract.
    #[must_use]
    pub fn checked(response: Response) -> Self {
        assert_eq!(response.header("content-type"), Some("application/json"), "{response:?}");
        assert_eq!(response.header("content-length"), Some(response.body.len().to_string().as_str()));
        let envelope = response.json();
        let members = envelope.as_object().expect("an envelope is an object");
        let mut names: Vec<_> = members.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["code", "data", "errorMessage"], "{}", response.text());
        let code = members["code"].as_str().expect("code is a string").to_owned();
        let known = CODES.iter().find(|(known, _)| *known == code);
        assert_eq!(known.map(|(_, status)| *status), Some(response.status), "{code}: {}", response.text());
        let message = members["errorMessage"].as_str().unwrap_or_default().to_owned();
        if code == "OK" {
            assert!(members["errorMessage"].is_null(), "{}", response.text());
        } else {
            assert!(!message.is_empty() && members["data"].is_null(), "{}", response.text());
        }
        let demands = |name: &str, statuses: &[u16]| {
            assert_eq!(
                response.header(name).is_some(),
                statuses.contains(&response.status),
                "{name}: {response:?}"
            );
        };
        demands("www-authenticate", &[401]);
        demands("allow", &[405]);
        let later = matches!(code.as_str(), "Common.RateLimited" | "Common.System.Unavailable");
        assert!(!later || response.header("retry-after").is_some(), "no Retry-After: {response:?}");
        assert!(
            response.header("x-request-id").is_some_and(|id| !id.is_empty()),
            "no request id: {response:?}"
        );
        let challenge = response.header("www-authenticate").unwrap_or("V2_SHA256, V2_HMAC_SHA256");
        assert_eq!(challenge, "V2_SHA256, V2_HMAC_SHA256");
        let data = members["data"].clone();
        Self { status: response.status, code, message, data, finality: None, response }
    }

    /// The answer, if it has this code.
    #[must_use]
    #[track_caller]
    pub fn expect(self, code: &str) -> Self {
        assert_eq!(self.code, code, "{}", self.message);
        self
    }

    /// The answer, if it has this finality.
    #[must_use]
    #[track_caller]
    pub fn that_is(self, finality: Finality) -> Self {
        assert_eq!(self.finality, Some(finality), "{self:?}");
        self
    }

    /// As [`Self::expect`] for `OK`, returning the data.
    #[track_caller]
    pub fn ok(self) -> Value {
        self.expect("OK").data
    }

    /// Panics unless the code is this one.
    #[track_caller]
    pub fn is(self, code: &str) {
        drop(self.expect(code));
    }
}
