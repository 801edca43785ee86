//! One signed request to S3 by an independent implementation of AWS Signature Version 4, and its reply. HTTP/1.0, so
//! that a reply ends with its connection and never has chunks.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::{REGION, Store};
use crate::clock::{LIMIT, now_ms};
use crate::http::find;

/// A store's reply.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Reply {
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn parse(bytes: &[u8]) -> io::Result<Self> {
        let end = find(bytes, b"\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status: {head}")))?;
        let body = bytes[end + 4..].to_vec();
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        match length {
            Some(length) if body.len() < length => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(Self { status, body }),
        }
    }
}

/// Sends a request that is signed with the store's keys.
pub(super) fn exchange(
    store: &Store,
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Reply> {
    let path = escaped(path, true);
    let query: Vec<_> = query
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name, false), escaped(value, false)))
        .collect();
    let query = query.join("&");
    let (host, date, hash) = (store.address.to_string(), basic_date(), hex::encode(Sha256::digest(body)));
    let signed = "host;x-amz-content-sha256;x-amz-date";
    let canonical = format!(
        "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{hash}\nx-amz-date:{date}\n\n{signed}\n{hash}"
    );
    let scope = format!("{}/{REGION}/s3/aws4_request", &date[..8]);
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex::encode(Sha256::digest(canonical.as_bytes())));
    let secret = format!("AWS4{}", store.secret_key).into_bytes();
    let key = scope.split('/').fold(secret, |key, part| hmac(&key, part));
    let signature = hex::encode(hmac(&key, &to_sign));
    let head = format!(
        "{method} {path}?{query} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {}\r\nx-amz-date: {date}\r\n\
         x-amz-content-sha256: {hash}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={}/{scope}, \
         SignedHeaders={signed}, Signature={signature}\r\n\r\n",
        body.len(),
        store.access_key
    );
    let mut stream = TcpStream::connect_timeout(&store.address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Reply::parse(&reply)
}

/// `20260424T101500Z`.
fn basic_date() -> String {
    let now = jiff::Timestamp::from_millisecond(now_ms()).expect("the present has a date");
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Percent-encoded as AWS requires: all but letters, digits, `-._~` and the slashes of a path.
fn escaped(text: &str, is_path: bool) -> String {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (is_path && byte == b'/');
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
