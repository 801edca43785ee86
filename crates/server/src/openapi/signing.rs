//! How to sign a request and to verify its response, for each scheme, with signed examples.

use std::fmt::Write as _;

use rebuttal_protocol::authorization::TIMESTAMP_DIGITS;
use rebuttal_protocol::ids::{NONCE_MAX, NONCE_MIN};
use rebuttal_protocol::{Finality, Scheme};

use super::examples::Signed;

/// The description of a scheme: the signed bytes, an example, and how to verify the response.
pub(super) fn signing(scheme: Scheme, request: &Signed, answer: &Signed) -> String {
    let (lines, hash, secret_line) = match scheme {
        Scheme::V2Sha256 => ("Seven lines", "SHA-256 over them", "    appSecret\n"),
        Scheme::V2HmacSha256 => {
            ("Six lines", "HMAC-SHA256 over them, keyed with the secret's 32 ASCII characters", "")
        }
    };
    let mut text = format!(
        "    Authorization: {scheme} appId=…,sign=…,timestamp=…,nonce=…\n\n\
         {lines}, each followed by one line feed, the last one too:\n\n    \
         appId\n{secret_line}    METHOD\n    absolute URL\n    timestamp\n    nonce\n    body\n\n\
         `sign` is {hash}, in lower-case hex. The URL is a public base URL of the gateway followed by the request target as \
         sent; the body is the bytes as sent. The timestamp is Unix milliseconds in {TIMESTAMP_DIGITS} digits, within five \
         minutes of the gateway's clock unless its operator sets another window. A nonce has {NONCE_MIN} to {NONCE_MAX} \
         characters of `0-9 A-Z a-z _ -`; the same app, timestamp and nonce can be used once.\n\n"
    );
    // Writing to a String cannot fail.
    let _ = write!(text, "A signed request:\n\n{}", block(request));
    let _ = write!(
        text,
        "\nThe response is signed over the appId, method and URL of its request, and its own timestamp, nonce and body. Its \
         nonce is derived: SHA-256 over a label, LF, the request's nonce, LF, the request's `sign` in lower case, LF; written \
         in upper-case hex, the first 32 digits. Verify both, so that no other response can take the place of this one. With \
         the label `{}` the response is settled: the request has no other outcome. With the label `{}` it is a notice, which \
         proves that the gateway said so and nothing about the outcome of the request: send it again with a fresh header, or \
         query. A settled response:\n\n{}",
        Finality::Settled.label(),
        Finality::Notice.label(),
        block(answer)
    );
    text
}

/// A message and its header, as a code block.
fn block(signed: &Signed) -> String {
    let Signed { method, url, app_secret, body, authorization } = signed;
    format!(
        "    appSecret      {app_secret}\n    METHOD         {method}\n    URL            {url}\n    body           {body}\n    \
         Authorization  {authorization}\n"
    )
}
