//! How a message is signed and its answer checked, told once for each scheme, with a signed example of each.

use std::fmt::Write as _;

use rebuttal_protocol::authorization::TIMESTAMP_DIGITS;
use rebuttal_protocol::ids::{NONCE_MAX, NONCE_MIN};
use rebuttal_protocol::{Finality, Scheme};

use super::examples::Signed;

/// The description of a scheme: what is signed, an example, and what must be true of the answer.
pub(super) fn signing(scheme: Scheme, request: &Signed, answer: &Signed) -> String {
    let (lines, hash, secret_line) = match scheme {
        Scheme::V2Sha256 => ("Seven lines", "SHA-256 over them", "    appSecret\n"),
        Scheme::V2HmacSha256 => {
            ("Six lines", "HMAC-SHA256 over them, keyed with the secret's 32 ASCII characters", "")
        }
    };
    let mut text = format!(
        "    Authorization: {scheme} appId=…,sign=…,timestamp=…,nonce=…\n\n\
         {lines}, each ended by one line feed, the last one too:\n\n    \
         appId\n{secret_line}    METHOD\n    absolute URL\n    timestamp\n    nonce\n    body\n\n\
         `sign` is {hash}, in lower-case hex. The URL is a public base URL of the gateway and the request target as it is \
         sent; the body is the bytes that travel. The timestamp is Unix milliseconds in {TIMESTAMP_DIGITS} digits, within \
         five minutes of the gateway's clock unless its operator says otherwise. A nonce has {NONCE_MIN} to {NONCE_MAX} of \
         `0-9 A-Z a-z _ -`; app, timestamp and nonce together can be used once.\n\n"
    );
    // Writing to a String cannot fail.
    let _ = write!(text, "A request that is rightly signed:\n\n{}", shown(request));
    let _ = write!(
        text,
        "\nThe answer is signed over its request's appId, method and URL, and its own timestamp, nonce and body. Its nonce \
         is derived: SHA-256 over a label, LF, the request's nonce, LF, the request's sign in lower case, LF; written in \
         upper-case hex, the first 32 digits. Check both, and no other answer can be passed off as this one's. With the label \
         `{}` the answer is settled: nothing else becomes of the request. With the label `{}` it is a notice, which proves \
         that the gateway said so and nothing about what becomes of the request: send it again with a fresh header, or \
         query. A settled answer:\n\n{}",
        Finality::Settled.label(),
        Finality::Notice.label(),
        shown(answer)
    );
    text
}

/// A message and its header, as a block.
fn shown(signed: &Signed) -> String {
    let Signed { method, url, app_secret, body, authorization } = signed;
    format!(
        "    appSecret      {app_secret}\n    METHOD         {method}\n    URL            {url}\n    body           {body}\n    \
         Authorization  {authorization}\n"
    )
}
