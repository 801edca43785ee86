//! The signature: the one place that makes the signed bytes, for requests and answers, for both sides (contract §2).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::authorization::{Authorization, Scheme, Signature};
use crate::{AppId, AppSecret, Nonce, UnixMillis};

/// The message that is signed: method, URL and body. The signed bytes also contain app, secret, time and nonce.
///
/// For an answer, method and URL are those of its request.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The request's method, in upper case.
    pub method: &'a str,
    /// The public base URL, without a trailing slash.
    pub base_url: &'a str,
    /// The raw request target: path and query as in the request line.
    pub target: &'a str,
    /// The body's bytes as sent, never re-encoded.
    pub body: &'a [u8],
}

/// The signer's credentials. See the example in the crate's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// How the signature is computed.
    pub scheme: Scheme,
    /// The app that signs, or whose request is answered.
    pub app_id: AppId,
    /// The secret that the app and the gateway share.
    pub secret: &'a AppSecret,
}

impl Signer<'_> {
    /// Feeds the signed bytes, piece by piece: seven values (six under HMAC, where the secret is the key), each
    /// followed by one LF, also the last one (contract §2).
    ///
    /// Invariant: nothing else in the project makes signed bytes; `cargo xtask tidy` checks it.
    fn signed_bytes(
        &self,
        timestamp: UnixMillis,
        nonce: &Nonce,
        message: &Message<'_>,
        mut feed: impl FnMut(&[u8]),
    ) {
        let mut line = |parts: &[&[u8]]| {
            parts.iter().for_each(|part| feed(part));
            feed(b"\n");
        };
        line(&[self.app_id.to_string().as_bytes()]);
        if self.scheme == Scheme::V2Sha256 {
            line(&[self.secret.expose_ascii()]);
        }
        let Message { method, base_url, target, body } = message;
        line(&[method.as_bytes()]);
        line(&[base_url.as_bytes(), target.as_bytes()]);
        line(&[format!("{timestamp:013}").as_bytes()]);
        line(&[nonce.as_str().as_bytes()]);
        line(&[body]);
    }

    /// All signed bytes, for people who compare them with those that they signed.
    ///
    /// Under `V2_SHA256` they contain the secret: mask it before you show them.
    #[must_use]
    pub fn transcript(
        &self,
        timestamp: UnixMillis,
        nonce: &Nonce,
        message: &Message<'_>,
    ) -> Zeroizing<Vec<u8>> {
        // Enough capacity for all, so that no reallocation leaves a copy of the secret in memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(
            message.body.len() + message.base_url.len() + message.target.len() + 512,
        ));
        self.signed_bytes(timestamp, nonce, message, |part| bytes.extend_from_slice(part));
        bytes
    }

    /// Computes the signature of a message.
    #[must_use]
    pub fn sign(&self, timestamp: UnixMillis, nonce: &Nonce, message: &Message<'_>) -> Signature {
        match self.scheme {
            Scheme::V2Sha256 => {
                let mut hash = Sha256::new();
                self.signed_bytes(timestamp, nonce, message, |bytes| hash.update(bytes));
                Signature(hash.finalize().into())
            }
            Scheme::V2HmacSha256 => {
                // A key shorter than SHA-256's block is padded with zeros (RFC 2104 §2).
                let mut key = Zeroizing::new([0; 64]);
                key.iter_mut().zip(self.secret.expose_ascii()).for_each(|(to, from)| *to = *from);
                let mut mac = Hmac::<Sha256>::new((&*key).into());
                self.signed_bytes(timestamp, nonce, message, |bytes| mac.update(bytes));
                Signature(mac.finalize().into_bytes().into())
            }
        }
    }

    /// Signs a message and returns its header.
    #[must_use]
    pub fn authorize(&self, timestamp: UnixMillis, nonce: Nonce, message: &Message<'_>) -> Authorization {
        let sign = self.sign(timestamp, &nonce, message);
        Authorization { scheme: self.scheme, app_id: self.app_id, sign, timestamp, nonce }
    }
}

/// Whether the header's signature is valid for this message and secret. Compared in constant time.
///
/// Freshness, the nonce's first use and the body rules are other checks, and all are needed: under `V2_SHA256` a
/// signature can be extended by anyone who saw one, and only the body rules of [`crate::body`] refuse such a body.
#[must_use]
pub fn verify(header: &Authorization, secret: &AppSecret, message: &Message<'_>) -> bool {
    let signer = Signer { scheme: header.scheme, app_id: header.app_id, secret };
    let expected = signer.sign(header.timestamp, &header.nonce, message);
    expected.0.ct_eq(&header.sign.0).into()
}
