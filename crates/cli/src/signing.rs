//! The bytes that are signed, value by value, for people to look at, and for `verify` to alter as others do by mistake.
//!
//! What is right comes from `protocol::signature`, which alone makes signed bytes; nothing that is sent or believed
//! depends on what is altered here.

pub(crate) mod arguments;
pub(crate) mod beside;
mod voice;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rebuttal_client::Scheme;
use rebuttal_client::protocol::signature::{Message, Signer};
use rebuttal_client::protocol::{Nonce, UnixMillis};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::settings::Secret;
use crate::terminal;
pub(crate) use voice::{Voice, dashed};

/// Which of the signed values one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Value {
    AppId,
    AppSecret,
    Method,
    Url,
    Timestamp,
    Nonce,
    Body,
}

impl Value {
    /// In the order in which they are signed.
    const ALL: [Self; 7] =
        [Self::AppId, Self::AppSecret, Self::Method, Self::Url, Self::Timestamp, Self::Nonce, Self::Body];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AppId => "appId",
            Self::AppSecret => "appSecret",
            Self::Method => "method",
            Self::Url => "URL",
            Self::Timestamp => "timestamp",
            Self::Nonce => "nonce",
            Self::Body => "body",
        }
    }
}

/// Signed bytes in parts. Wiped from memory when dropped.
#[derive(Clone)]
pub(crate) struct Draft {
    /// Hashed alone, or keyed with `key`.
    pub(crate) scheme: Scheme,
    pub(crate) key: Zeroizing<Vec<u8>>,
    pub(crate) values: Vec<(Value, Zeroizing<Vec<u8>>)>,
    /// What follows each value, but the last.
    pub(crate) between: &'static [u8],
    /// What follows the last one.
    pub(crate) last: &'static [u8],
}

impl Draft {
    /// As it is right; `secret` is the signer's, as it was given.
    pub(crate) fn right(
        signer: &Signer<'_>,
        secret: &Secret,
        timestamp: UnixMillis,
        nonce: &Nonce,
        message: &Message<'_>,
    ) -> Self {
        let bytes = signer.transcript(timestamp, nonce, message);
        let scheme = signer.scheme;
        let named =
            Value::ALL.into_iter().filter(|value| *value != Value::AppSecret || scheme == Scheme::V2Sha256);
        let mut rest: &[u8] = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let values = named.map(|value| {
            // Only the body may hold an LF of its own, and it is the last.
            let end =
                rest.iter().position(|byte| *byte == b'\n' && value != Value::Body).unwrap_or(rest.len());
            let (text, tail) = rest.split_at(end);
            rest = tail.strip_prefix(b"\n").unwrap_or(tail);
            (value, Zeroizing::new(text.to_vec()))
        });
        let key = Zeroizing::new(secret.expose().as_bytes().to_vec());
        Self { scheme, key, values: values.collect(), between: b"\n", last: b"\n" }
    }

    pub(crate) fn value(&self, wanted: Value) -> Option<&[u8]> {
        self.values.iter().find(|(value, _)| *value == wanted).map(|(_, bytes)| bytes.as_slice())
    }

    /// Puts other bytes in the place of a value that is there.
    pub(crate) fn set(&mut self, wanted: Value, bytes: &[u8]) {
        if let Some((_, old)) = self.values.iter_mut().find(|(value, _)| *value == wanted) {
            *old = Zeroizing::new(bytes.to_vec());
        }
    }

    /// All in one.
    pub(crate) fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut all = Zeroizing::new(Vec::with_capacity(self.len()));
        for (index, (_, bytes)) in self.values.iter().enumerate() {
            if index > 0 {
                all.extend_from_slice(self.between);
            }
            all.extend_from_slice(bytes);
        }
        all.extend_from_slice(self.last);
        all
    }

    /// At least as many bytes as there are.
    pub(crate) fn len(&self) -> usize {
        self.values.iter().map(|(_, bytes)| bytes.len() + self.between.len()).sum::<usize>() + self.last.len()
    }

    /// The sign of these bytes, in lower-case hex.
    pub(crate) fn sign(&self) -> String {
        let bytes = self.bytes();
        let digest: [u8; 32] = match self.scheme {
            Scheme::V2Sha256 => Sha256::digest(&*bytes).into(),
            Scheme::V2HmacSha256 => match Hmac::<Sha256>::new_from_slice(&self.key) {
                Ok(mac) => mac.chain_update(&*bytes).finalize().into_bytes().into(),
                // A key of any length is taken.
                Err(_) => [0; 32],
            },
        };
        hex::encode(digest)
    }

    /// Shows them on standard output, a line for each value.
    pub(crate) fn say(&self, voice: &Voice) {
        let way = match self.scheme {
            Scheme::V2Sha256 => "hashed with SHA-256",
            Scheme::V2HmacSha256 => "authenticated with HMAC-SHA256, the secret's 32 digits being the key",
        };
        let count = self.values.len();
        voice.say_after(
            "  ",
            &format!("These {count} values are {way}. ␊ is LF; there are no other line ends:"),
            2,
        );
        voice.say("");
        let last = self.values.len().saturating_sub(1);
        for (index, (value, bytes)) in self.values.iter().enumerate() {
            let end = if index == last { self.last } else { self.between };
            let (name, text, end) = (terminal::dim(value.name()), visible(bytes), visible(end));
            voice.say(format!("  {} {name:<9}  {text}{end}", index + 1));
        }
    }

    /// All in one text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

/// Bytes as text in which nothing is invisible.
pub(crate) fn visible(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => shown.push('␊'),
                '\r' => shown.push('␍'),
                '\t' => shown.push('␉'),
                '\u{feff}' => shown.push_str("<BOM>"),
                character if character.is_control() => shown.extend(character.escape_unicode()),
                character => shown.push(character),
            }
        }
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
    }
    shown
}

#[cfg(test)]
mod tests {
    use rebuttal_client::AppId;

    use super::*;

    #[test]
    fn a_draft_that_nobody_altered_has_the_sign_of_the_protocol() {
        let secret: Secret = "00112233445566778899aabbccddeeff".parse().unwrap();
        let parsed = secret.expose().parse().unwrap();
        let nonce = Nonce::from_bytes([3; 16]);
        for scheme in Scheme::ALL {
            for body in ["{}", "", "{\n}\n", "\n\n"] {
                let message = Message {
                    method: "POST",
                    base_url: "https://a.example",
                    target: "/x?y",
                    body: body.as_bytes(),
                };
                let (app_id, timestamp) = (AppId::from_bytes([1; 16]), UnixMillis(1_714_128_828_114));
                let signer = Signer { scheme, app_id, secret: &parsed };
                let right = signer.sign(timestamp, &nonce, &message);
                let draft = Draft::right(&signer, &secret, timestamp, &nonce, &message);
                assert_eq!(draft.sign(), right.to_string());
                assert_eq!(draft.value(Value::Body), Some(body.as_bytes()));
                assert_eq!(draft.value(Value::AppSecret).is_some(), scheme == Scheme::V2Sha256);
            }
        }
    }

    #[test]
    fn nothing_stays_invisible() {
        assert_eq!(visible("a\u{feff}\r\n\t\u{1b}é".as_bytes()), "a<BOM>␍␊␉\\u{1b}é");
        assert_eq!(visible(b"\xff{"), "\\xff{");
    }
}
