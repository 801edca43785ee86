//! Verifies an answer: signed, bound to its request, and well-formed (contract §2).
//!
//! The HTTP status is not signed, so it does not affect whether an answer is valid. For an invalid answer it is
//! reported, and distinguishes an outage from a wrong address.

use bytes::Bytes;
use rebuttal_protocol::body::{JsonValue, Object};
use rebuttal_protocol::signature::{self, Message};
use rebuttal_protocol::{AppSecret, Authorization, Code, Finality, Invalid};
use serde_json::value::RawValue;

use crate::error::{Claim, ResponseDefect};
use crate::limits::CLAIM_MAX_CHARS;
use crate::proof::{METHOD, Proof};

/// A request that has been sent, with what its answer must match.
#[derive(Debug, Clone)]
pub(crate) struct SentRequest {
    pub(crate) url: String,
    pub(crate) header: Authorization,
    pub(crate) body: Bytes,
}

/// An answer with a verified signature, binding and form.
#[derive(Debug)]
pub(crate) struct VerifiedAnswer {
    /// What it proves about the request.
    pub(crate) finality: Finality,
    pub(crate) code: Code,
    pub(crate) message: String,
    /// The JSON of `data`, unless it is missing or null.
    pub(crate) data: Option<String>,
    pub(crate) proof: Proof,
}

impl VerifiedAnswer {
    /// Whether the call is done: a settled `OK`.
    pub(crate) fn is_done(&self) -> bool {
        self.code == Code::Ok && self.finality == Finality::Settled
    }
}

/// Checks an answer against the request that it claims to answer.
///
/// In this order: exactly one header, its form, the app, a scheme that is not weaker, the nonce that binds it to this
/// request, the signature over the request's method and URL and the answer's body. Only then is the body parsed.
pub(crate) fn verify(
    sent: &SentRequest,
    secret: &AppSecret,
    headers: &[&[u8]],
    body: Bytes,
) -> Result<VerifiedAnswer, ResponseDefect> {
    let header = match headers {
        [] => return Err(ResponseDefect::Unsigned),
        [header] => Authorization::parse(header).map_err(ResponseDefect::Header)?,
        _ => return Err(ResponseDefect::Header(Invalid("must be given once".to_owned()))),
    };
    if header.app_id != sent.header.app_id {
        return Err(ResponseDefect::OtherApp);
    }
    if header.scheme < sent.header.scheme {
        return Err(ResponseDefect::WeakerScheme { sent: sent.header.scheme, answered: header.scheme });
    }
    let finality = Finality::of_answer(&header.nonce, &sent.header.nonce, &sent.header.sign);
    let finality = finality.ok_or(ResponseDefect::OtherRequest)?;
    let message = Message { method: METHOD, base_url: &sent.url, target: "", body: &body };
    if !signature::verify(&header, secret, &message) {
        return Err(ResponseDefect::WrongSign);
    }
    let (code, message, data) = envelope(&body).map_err(ResponseDefect::Body)?;
    let proof = Proof {
        url: sent.url.clone(),
        request: sent.header.clone(),
        request_body: sent.body.clone(),
        answer: header,
        answer_body: body,
    };
    Ok(VerifiedAnswer { finality, code, message, data, proof })
}

/// Parses code, message and data under the same strict rules as requests.
fn envelope(body: &[u8]) -> Result<(Code, String, Option<String>), String> {
    let object = Object::parse(body).map_err(|error| error.to_string())?;
    let text = |name: &str| match object.member(name) {
        None => Ok(None),
        Some(JsonValue::Text(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} must be a string")),
    };
    let code = text("code")?.ok_or("code is missing")?;
    let message = text("errorMessage")?.map(ToString::to_string).unwrap_or_default();
    let Data { data } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok((Code::from(&**code), message, data.map(|data| data.get().to_owned())))
}

/// The envelope's data as it was sent, null as missing.
#[derive(serde::Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Code and message of an unverified answer, for people.
pub(crate) fn claim(body: &[u8]) -> Option<Claim> {
    let (code, message, _) = envelope(body).ok()?;
    Some(Claim { code: Code::from(plain(code.as_str()).as_str()), message: plain(&message) })
}

/// Untrusted text, safe for a terminal: bounded, without control characters.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(CLAIM_MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_read_as_strictly_as_a_request() {
        let read = |body: &str| envelope(body.as_bytes());
        assert_eq!(
            read(r#"{"code":"OK","errorMessage":null,"data":{"result":true},"later":1}"#).unwrap(),
            (Code::Ok, String::new(), Some(r#"{"result":true}"#.to_owned()))
        );
        assert_eq!(read(r#"{"code":"New.Code"}"#).unwrap().0, Code::Unknown("New.Code".to_owned()));
        for wrong in [
            "",
            "[]",
            "OK",
            "{}",
            r#"{"code":null}"#,
            r#"{"code":1}"#,
            r#"{"code":"OK","code":"OK"}"#,
            r#"{"code":"OK","errorMessage":1}"#,
            r#"{"code":"OK"} {"code":"OK"}"#,
            "{\"code\":\"OK\"}\u{0}",
            r#"{"code":"\ud800"}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn a_claim_is_fit_for_a_terminal() {
        let body = format!(r#"{{"code":"A\u001b[2J","errorMessage":"{}\n"}}"#, "x".repeat(1000));
        let claim = claim(body.as_bytes()).unwrap();
        assert_eq!(claim.code.as_str(), "A[2J");
        assert_eq!(claim.message, "x".repeat(CLAIM_MAX_CHARS));
    }
}
