//! One call, from the request's bytes to a verified answer, with the attempts that its limits allow.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rebuttal_protocol::body::BODY_MAX_BYTES;
use rebuttal_protocol::merchant_call::MerchantRequest;
use rebuttal_protocol::signature::{Message, Signer};
use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use rustls::{CertificateError, InvalidMessage};
use serde::Serialize;
use tokio::time::Instant;

use crate::attempts::Retry;
use crate::client::{Answer, Client};
use crate::error::{Cause, Error, ForeignResponse, ResponseDefect, Unverified};
use crate::limits::ANSWER_MAX_BYTES;
use crate::proof::METHOD;
use crate::random;
use crate::retry::{Attempt, AttemptPlan, Next};
use crate::verify::{self, SentRequest};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Client {
    /// Sends a request until it has a verified answer or its limits are reached.
    pub(crate) async fn exchange<C: MerchantRequest + Serialize>(
        &self,
        request: &C,
    ) -> Result<Answer<C::Data>, Error> {
        let body = serde_json::to_vec(request).map_err(|error| Error::Invalid(error.to_string()))?;
        if body.len() > BODY_MAX_BYTES {
            return Err(Error::Invalid(format!("a request must have at most {BODY_MAX_BYTES} bytes")));
        }
        let body = Bytes::from(body);
        let began = Instant::now();
        let ends_at = began + self.inner.bounds.call;
        let mut plan = AttemptPlan::new(C::CALL, self.inner.bounds.attempts);
        loop {
            let sent = self.authorize(C::CALL.path(), body.clone())?;
            let time_left = self.inner.bounds.attempt.min(ends_at.saturating_duration_since(Instant::now()));
            let (attempt, retry_after) = self.attempt(&sent, time_left).await;
            let remaining = ends_at.saturating_duration_since(Instant::now());
            // Formatted only if there is a callback.
            let heard = self.inner.on_retry.as_ref().map(|on_retry| (on_retry, attempt.to_string()));
            let stale_at = sent.header.timestamp + self.inner.bounds.freshness_window;
            let next = plan.judge(attempt, stale_at, retry_after, remaining);
            if let (Next::Again(_), Some((on_retry, why))) = (&next, heard) {
                on_retry.call(Retry {
                    why: &why,
                    attempts: plan.attempts(),
                    attempts_max: self.inner.bounds.attempts,
                });
            }
            match next {
                Next::Done(verified) => {
                    let data = verified.data.as_deref().unwrap_or("null");
                    return match serde_json::from_str(data) {
                        Ok(data) => Ok(Answer { data, proof: verified.proof }),
                        Err(error) => {
                            Err(plan.unreadable(&error.to_string(), stale_at).after(began.elapsed()))
                        }
                    };
                }
                Next::Fail(error) => return Err(error.after(began.elapsed())),
                Next::CorrectClock(verified) => self.correct_clock(verified.proof.answer.timestamp),
                Next::Again(pause) => tokio::time::sleep(pause.duration()).await,
            }
        }
    }

    /// Signs a request with the current time and a new nonce.
    fn authorize(&self, path: &str, body: Bytes) -> Result<SentRequest, Error> {
        let inner = &self.inner;
        let message = Message { method: METHOD, base_url: &inner.base_url, target: path, body: &body };
        let signer = Signer { scheme: inner.scheme, app_id: inner.app_id, secret: &inner.secret };
        let header = signer.authorize(self.gateway_time(), random::nonce()?, &message);
        Ok(SentRequest { url: format!("{}{path}", inner.base_url), header, body })
    }

    async fn attempt(&self, sent: &SentRequest, time_left: Duration) -> (Attempt, Option<Duration>) {
        let posted = self
            .inner
            .http
            .post(&sent.url)
            .header(CONTENT_TYPE, JSON)
            .header(ACCEPT, JSON)
            .header(AUTHORIZATION, sent.header.to_string())
            .timeout(time_left)
            .body(sent.body.clone())
            .send()
            .await;
        let response = match posted {
            Ok(response) => response,
            Err(error) => return (Attempt::Failed(no_answer_cause(error)), None),
        };
        let retry_after = retry_after(&response);
        let headers: Vec<HeaderValue> = response.headers().get_all(AUTHORIZATION).iter().cloned().collect();
        let foreign_response = foreign_response(&response);
        let unverified = |defect, claim| {
            let defect = match (defect, &claim, headers.as_slice()) {
                (ResponseDefect::Unsigned | ResponseDefect::TooLong, None, []) => {
                    ResponseDefect::Foreign(Box::new(foreign_response))
                }
                (defect, ..) => defect,
            };
            Attempt::Failed(Cause::Unverified(Unverified { defect, claim }))
        };
        let attempt = match read_bounded(response, ANSWER_MAX_BYTES).await {
            Err(error) => Attempt::Failed(no_answer_cause(error)),
            Ok(None) => unverified(ResponseDefect::TooLong, None),
            Ok(Some(body)) => {
                let signed: Vec<&[u8]> = headers.iter().map(HeaderValue::as_bytes).collect();
                match verify::verify(sent, &self.inner.secret, &signed, body.clone()) {
                    Ok(verified) => Attempt::Verified(Box::new(verified)),
                    Err(defect) => unverified(defect, verify::claim(&body)),
                }
            }
        };
        (attempt, retry_after)
    }
}

/// Reads a body of at most `max` bytes; `None` if it is longer.
pub(crate) async fn read_bounded(
    mut response: Response,
    max: usize,
) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

/// `Retry-After` in seconds. The form with a date is ignored, because it needs synchronized clocks.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Describes a response that does not have the form of a gateway's.
pub(crate) fn foreign_response(response: &Response) -> ForeignResponse {
    let header = |name: HeaderName| Some(verify::plain(response.headers().get(name)?.to_str().ok()?));
    let media_type = |text: String| text.split(';').next().unwrap_or_default().trim().to_owned();
    ForeignResponse {
        status: response.status().as_u16(),
        content_type: header(CONTENT_TYPE).map(media_type),
        location: header(LOCATION),
    }
}

/// Why there is no answer, and whether the request may have been sent.
pub(crate) fn no_answer_cause(error: reqwest::Error) -> Cause {
    let error = error.without_url();
    let (why, hint) = sources(&error);
    match (error.is_connect(), hint) {
        (true, Some(Hint::Untrusted)) => Cause::Untrusted(why),
        (true, Some(Hint::NotTls)) => Cause::NotTls,
        (true, _) => Cause::NotConnected(why),
        (false, Some(Hint::NotHttp)) => Cause::NotHttp,
        (false, _) if error.is_timeout() => Cause::TimedOut,
        (false, _) => Cause::Lost(why),
    }
}

/// What an error source shows about the peer.
#[derive(Debug, Clone, Copy)]
enum Hint {
    Untrusted,
    NotTls,
    NotHttp,
}

/// The whole chain of sources in one line, because the outermost is only "error sending request"; and what a source
/// shows about the peer.
fn sources(error: &reqwest::Error) -> (String, Option<Hint>) {
    let (mut line, mut peer) = (String::new(), None);
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        // The HTTP library's prefix of every cause has no information.
        let text = of_certificate(error).unwrap_or(text);
        if !text.starts_with("client error (") || error.source().is_none() {
            let separator = if line.is_empty() { "" } else { ": " };
            line.push_str(separator);
            line.push_str(&text);
        }
        peer = peer.or_else(|| hint(error));
        source = error.source();
    }
    (if line.is_empty() { error.to_string() } else { line }, peer)
}

/// An `io::Error` does not return the error it wraps as its source, so it is unwrapped here.
fn unwrapped<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => unwrapped(wrapped),
        None => error,
    }
}

/// A description of a certificate error for which the TLS library has only a name.
fn of_certificate(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let Some(rustls::Error::InvalidCertificate(why)) = unwrapped(error).downcast_ref() else { return None };
    let text = match why {
        CertificateError::UnknownIssuer => "it was issued by an authority that is not trusted",
        CertificateError::Other(cause) => match cause.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => {
                "it is self-signed and not among the trusted certificates"
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(text.to_owned())
}

fn hint(error: &(dyn std::error::Error + 'static)) -> Option<Hint> {
    let error = unwrapped(error);
    match error.downcast_ref() {
        Some(rustls::Error::InvalidCertificate(_)) => return Some(Hint::Untrusted),
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => return Some(Hint::NotTls),
        _ => {}
    }
    error.downcast_ref().filter(|error: &&hyper::Error| error.is_parse()).map(|_| Hint::NotHttp)
}
