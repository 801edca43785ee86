//! What the command line says of a request that is signed or verified, checked where it is read: what no request can
//! carry is wrong usage.

use rebuttal_client::protocol::UnixMillis;

/// A request target under the base URL: path and query.
pub(crate) fn target(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        let address = if text.contains("://") { "; what stands before it is given with --url" } else { "" };
        return Err(format!("it must begin with /, such as /pg/v2/dispute/query{address}"));
    }
    if text.contains('#') {
        return Err("a fragment, # and what follows, is never sent: leave it out".to_owned());
    }
    in_a_request_line(text)
}

/// An absolute URL with a path.
pub(crate) fn url(text: &str) -> Result<String, String> {
    const SUCH_AS: &str = "such as https://pay.example.com/pg/v2/dispute/query";
    let is_http =
        |(scheme, _): &(&str, &str)| matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https");
    let rest = text.split_once("://").filter(is_http).map(|(_, rest)| rest);
    let rest =
        rest.ok_or_else(|| format!("it must be absolute and begin with https:// or http://, {SUCH_AS}"))?;
    match rest.find(['/', '?', '#']) {
        Some(at) if !rest.get(at..).is_some_and(|target| target.starts_with('#')) => in_a_request_line(text),
        _ => Err(format!("it must have the path that the request was sent to, {SUCH_AS}")),
    }
}

/// A method, in either case: who verifies gives it as it was sent.
pub(crate) fn method(text: &str) -> Result<String, String> {
    // RFC 9110 §5.6.2 allows these signs in a method.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match !text.is_empty() && text.bytes().all(fits) {
        true => Ok(text.to_owned()),
        false => Err("it must be one word, such as POST".to_owned()),
    }
}

/// A moment that a header can tell. Fewer digits are filled up with zeros, which vectors need.
pub(crate) fn timestamp(text: &str) -> Result<UnixMillis, String> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let millis = digits.and_then(|digits| digits.parse().ok()).map(UnixMillis);
    millis
        .filter(|millis| *millis <= UnixMillis::MAX)
        .ok_or_else(|| "it must be Unix milliseconds, at most 13 digits, such as 1700000000000".to_owned())
}

fn in_a_request_line(text: &str) -> Result<String, String> {
    match text.contains(|character: char| character.is_whitespace() || character.is_control()) {
        true => Err("it must hold no white space and no line end: write a space as %20".to_owned()),
        false => Ok(text.to_owned()),
    }
}
