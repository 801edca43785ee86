//! The signature of contract §2, implemented a second time, independently of `rebuttal-protocol`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Sha256,
    HmacSha256,
}

impl Scheme {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "V2_SHA256",
            Self::HmacSha256 => "V2_HMAC_SHA256",
        }
    }
}

/// Who signs: an app, its secret, and the scheme it uses.
#[derive(Clone, Debug)]
pub struct Signer {
    pub app_id: String,
    pub app_secret: String,
    pub scheme: Scheme,
}

impl Signer {
    #[must_use]
    pub fn sign(&self, method: &str, url: &str, timestamp: &str, nonce: &str, body: &[u8]) -> String {
        let mut bytes = Vec::new();
        let mut line = |value: &[u8]| {
            bytes.extend_from_slice(value);
            bytes.push(b'\n');
        };
        line(self.app_id.as_bytes());
        if self.scheme == Scheme::Sha256 {
            line(self.app_secret.as_bytes());
        }
        for value in [method, url, timestamp, nonce] {
            line(value.as_bytes());
        }
        line(body);
        match self.scheme {
            Scheme::Sha256 => hex::encode(Sha256::digest(&bytes)),
            Scheme::HmacSha256 => {
                let mut mac =
                    Hmac::<Sha256>::new_from_slice(self.app_secret.as_bytes()).expect("any key length");
                mac.update(&bytes);
                hex::encode(mac.finalize().into_bytes())
            }
        }
    }

    /// The header exactly as contract §1 prints it.
    #[must_use]
    pub fn header(&self, sign: &str, timestamp: &str, nonce: &str) -> String {
        format!(
            "{} appId={},sign={sign},timestamp={timestamp},nonce={nonce}",
            self.scheme.name(),
            self.app_id
        )
    }
}

/// The finality of a signed answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finality {
    Settled,
    Notice,
}

/// The nonce that an answer to this request must have.
#[must_use]
pub fn bound_nonce(finality: Finality, request_nonce: &str, request_sign: &str) -> String {
    let label = match finality {
        Finality::Settled => "answer",
        Finality::Notice => "notice",
    };
    let input = format!("{label}\n{request_nonce}\n{}\n", request_sign.to_lowercase());
    hex::encode_upper(Sha256::digest(input))[..32].to_owned()
}

/// 32 random hex digits in upper case, as in the public examples.
#[must_use]
pub fn fresh_nonce() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    hex::encode_upper(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors are from a third implementation, which this one must agree with.
    #[test]
    fn signs_as_the_vectors_do() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../../testdata/signing.json"))
            .expect("the vectors are JSON");
        for good in vectors["good"].as_array().expect("good vectors") {
            let text = |name: &str| good[name].as_str().expect("a string").to_owned();
            let scheme = if text("scheme") == "V2_SHA256" { Scheme::Sha256 } else { Scheme::HmacSha256 };
            let signer = Signer { app_id: text("appId"), app_secret: text("appSecret"), scheme };
            let (timestamp, nonce) = (text("timestamp"), text("nonce"));
            let sign =
                signer.sign(&text("method"), &text("url"), &timestamp, &nonce, text("body").as_bytes());
            assert_eq!(sign, text("sign"), "{}", good["name"]);
            assert_eq!(signer.header(&sign, &timestamp, &nonce), text("authorization"));
        }
        let bound = &vectors["answerNonce"];
        let text = |name: &str| bound[name].as_str().expect("a string");
        for (finality, nonce) in [(Finality::Settled, "answerNonce"), (Finality::Notice, "noticeNonce")] {
            assert_eq!(bound_nonce(finality, text("requestNonce"), text("requestSign")), text(nonce));
        }
    }
}
