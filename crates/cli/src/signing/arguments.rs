//! Arguments of `sign` and `verify` that describe a request, checked as they are parsed: a value that no request can
//! contain is a usage error.

use std::str::FromStr;

use rebuttal_client::protocol::UnixMillis;

use crate::gateway_url::{self, GatewayUrl};

/// A request target under the base URL: path and query.
pub(crate) fn target(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        let address = if text.contains("://") { "; give the base URL with --url" } else { "" };
        return Err(format!("it must begin with /, such as /pg/v2/dispute/query{address}"));
    }
    if text.contains('#') {
        return Err("a fragment, # and what follows, is never sent: leave it out".to_owned());
    }
    check_request_line(text)
}

/// The absolute URL that a request was sent to.
#[derive(Debug, Clone)]
pub(crate) struct SentUrl {
    /// As it was written, without the fragment.
    pub(crate) written: String,
    /// The origin, without a path.
    pub(crate) origin: GatewayUrl,
    /// The path and the query, as written.
    pub(crate) target: String,
}

impl SentUrl {
    /// The URL with its origin in the form that is signed.
    pub(crate) fn normalized(&self) -> String {
        format!("{}{}", self.origin, self.target)
    }
}

impl FromStr for SentUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const SUCH_AS: &str = "such as https://pay.example.com/pg/v2/dispute/query";
        let written = text.split('#').next().unwrap_or_default();
        let after_scheme = written.split_once("://").filter(|(scheme, _)| gateway_url::is_http(scheme));
        let (_, rest) = after_scheme
            .ok_or_else(|| format!("it must be absolute and begin with https:// or http://, {SUCH_AS}"))?;
        let at = rest.find(['/', '?']);
        let at =
            at.ok_or_else(|| format!("it must have the path that the request was sent to, {SUCH_AS}"))?;
        check_request_line(text)?;
        let (origin, target) = written.split_at(written.len() - rest.len() + at);
        Ok(Self { origin: origin.parse()?, written: written.to_owned(), target: target.to_owned() })
    }
}

/// A method, in either case, as it was sent.
pub(crate) fn method(text: &str) -> Result<String, String> {
    // RFC 9110 §5.6.2 allows these characters in a method.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match !text.is_empty() && text.bytes().all(fits) {
        true => Ok(text.to_owned()),
        false => Err("it must be one word, such as POST".to_owned()),
    }
}

/// A timestamp of a header. Fewer digits are padded with zeros, which test vectors need.
pub(crate) fn timestamp(text: &str) -> Result<UnixMillis, String> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let millis = digits.and_then(|digits| digits.parse().ok()).map(UnixMillis);
    millis
        .filter(|millis| *millis <= UnixMillis::MAX)
        .ok_or_else(|| "it must be Unix milliseconds, at most 13 digits, such as 1700000000000".to_owned())
}

fn check_request_line(text: &str) -> Result<String, String> {
    match text.contains(|character: char| character.is_whitespace() || character.is_control()) {
        true => Err("it must contain no white space or line end: write a space as %20".to_owned()),
        false => Ok(text.to_owned()),
    }
}
