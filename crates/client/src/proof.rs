//! What proves an answer: everything that was signed, on both sides. Verified once on arrival, and again at any time.

use bytes::Bytes;
use rebuttal_protocol::signature::{self, Message};
use rebuttal_protocol::{AppSecret, Authorization, answer_nonce};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// The method of every call.
pub(crate) const METHOD: &str = "POST";

/// A request and its verified answer, as they travelled. Keep it: together with the secret it shows, long after, what
/// the gateway said.
///
/// It serialises to JSON with the members `method`, `url`, `request` and `answer`; the latter two hold
/// `authorization`, the header, and `body`. The secret is not part of it.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The absolute URL that was signed.
    pub url: String,
    /// The header of the request.
    pub request: Authorization,
    /// The body of the request, as sent.
    pub request_body: Bytes,
    /// The header of the answer; its timestamp is the gateway's time.
    pub answer: Authorization,
    /// The body of the answer, as received.
    pub answer_body: Bytes,
}

impl Proof {
    /// Whether the answer belongs to the request and both are signed with this secret. Compared in constant time.
    ///
    /// This is what the client did before it handed the proof out; it needs neither network nor clock.
    #[must_use]
    pub fn verifies(&self, secret: &AppSecret) -> bool {
        let message = |body| Message { method: METHOD, base_url: &self.url, target: "", body };
        signature::verify(&self.request, secret, &message(&self.request_body))
            && self.answer.app_id == self.request.app_id
            && self.answer.scheme >= self.request.scheme
            && self.answer.nonce == answer_nonce(&self.request.nonce, &self.request.sign)
            && signature::verify(&self.answer, secret, &message(&self.answer_body))
    }
}

impl Serialize for Proof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Side<'a> {
            authorization: String,
            body: &'a str,
        }
        let side = |header: &Authorization, body| Side {
            authorization: header.to_string(),
            // Both bodies are JSON that was checked to be UTF-8.
            body: std::str::from_utf8(body).unwrap_or_default(),
        };
        let mut proof = serializer.serialize_struct("Proof", 4)?;
        proof.serialize_field("method", METHOD)?;
        proof.serialize_field("url", &self.url)?;
        proof.serialize_field("request", &side(&self.request, &self.request_body))?;
        proof.serialize_field("answer", &side(&self.answer, &self.answer_body))?;
        proof.end()
    }
}
