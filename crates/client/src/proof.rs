//! The proof of an answer: everything that was signed, on both sides. Verified on arrival, and again at any time.

use std::borrow::Cow;

use bytes::Bytes;
use rebuttal_protocol::signature::{self, Message};
use rebuttal_protocol::{AppSecret, Authorization, Finality};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The method of every call.
pub(crate) const METHOD: &str = "POST";

/// A request and its verified answer, as they were sent. Keep it: together with the secret it later proves what the
/// gateway answered, and whether that settled the request.
///
/// It is written as JSON with the members `method`, `url`, `request` and `answer`; the latter two have
/// `authorization`, the header, and `body`. The secret is not part of it. [Verify](Self::verify) a proof that was read
/// from a file:
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use rebuttal_client::Finality;
///
/// let proof: rebuttal_client::Proof = serde_json::from_slice(&std::fs::read("CB-2024-0042.proof.json")?)?;
/// let secret = std::env::var("REBUTTAL_APP_SECRET")?.parse()?;
/// match proof.verify(&secret) {
///     Some(Finality::Settled) => println!("the gateway gave this answer, and the outcome is final"),
///     Some(Finality::Notice) => println!("the gateway gave this answer, but the request may have taken effect"),
///     None => println!("the proof is not valid"),
/// }
/// # Ok(())
/// # }
/// ```
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
    /// What the answer proves about the request; `None` if it belongs to another request, or if either is not signed
    /// with this secret. Compared in constant time.
    ///
    /// The client made the same check before it returned the proof. It needs neither network nor clock.
    #[must_use]
    pub fn verify(&self, secret: &AppSecret) -> Option<Finality> {
        let message = |body| Message { method: METHOD, base_url: &self.url, target: "", body };
        let is_signed = signature::verify(&self.request, secret, &message(&self.request_body))
            && self.answer.app_id == self.request.app_id
            && self.answer.scheme >= self.request.scheme
            && signature::verify(&self.answer, secret, &message(&self.answer_body));
        let Self { request, answer, .. } = self;
        is_signed.then(|| Finality::of_answer(&answer.nonce, &request.nonce, &request.sign)).flatten()
    }
}

/// A proof in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    method: Cow<'a, str>,
    url: Cow<'a, str>,
    request: Side<'a>,
    answer: Side<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Side<'a> {
    authorization: String,
    body: Cow<'a, str>,
}

impl Serialize for Proof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn side<'a>(header: &Authorization, body: &'a [u8]) -> Side<'a> {
            // Both bodies are JSON that was checked to be UTF-8.
            let body = Cow::Borrowed(std::str::from_utf8(body).unwrap_or_default());
            Side { authorization: header.to_string(), body }
        }
        let written = Written {
            method: Cow::Borrowed(METHOD),
            url: Cow::Borrowed(&self.url),
            request: side(&self.request, &self.request_body),
            answer: side(&self.answer, &self.answer_body),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Proof {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { method, url, request, answer } = Written::deserialize(deserializer)?;
        if method != METHOD {
            return Err(D::Error::custom(format!("the method must be {METHOD}, as of every call")));
        }
        let header =
            |side: &Side<'_>| Authorization::parse(side.authorization.as_bytes()).map_err(D::Error::custom);
        Ok(Self {
            url: url.into_owned(),
            request: header(&request)?,
            answer: header(&answer)?,
            request_body: request.body.into_owned().into(),
            answer_body: answer.body.into_owned().into(),
        })
    }
}
