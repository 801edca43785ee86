//! The signed bytes, field by field: `sign` shows them, `verify` applies usual mistakes to them.
//!
//! The expected bytes come from `protocol::signature`, which alone produces signed bytes; nothing that is sent or
//! trusted depends on the altered ones.

pub(crate) mod arguments;
mod redactor;
pub(crate) mod request_checks;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rebuttal_client::Scheme;
use rebuttal_client::protocol::signature::{Message, Signer};
use rebuttal_client::protocol::{Nonce, UnixMillis};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::settings::Secret;
use crate::terminal;
pub(crate) use redactor::SecretRedactor;

/// A field of the signed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignedField {
    AppId,
    AppSecret,
    Method,
    Url,
    Timestamp,
    Nonce,
    Body,
}

impl SignedField {
    /// In the order of the signed bytes.
    const ALL: [Self; 7] =
        [Self::AppId, Self::AppSecret, Self::Method, Self::Url, Self::Timestamp, Self::Nonce, Self::Body];

    const fn name(self) -> &'static str {
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

/// The signed bytes in parts. Wiped from memory when dropped.
#[derive(Clone)]
pub(crate) struct SignedBytes {
    /// Hashed alone, or keyed with `key`.
    pub(crate) scheme: Scheme,
    pub(crate) key: Zeroizing<Vec<u8>>,
    pub(crate) fields: Vec<(SignedField, Zeroizing<Vec<u8>>)>,
    /// Follows each field but the last.
    pub(crate) separator: &'static [u8],
    /// Follows the last one.
    pub(crate) terminator: &'static [u8],
}

impl SignedBytes {
    /// The bytes that should be signed; `secret` is the signer's, as given.
    pub(crate) fn expected(
        signer: &Signer<'_>,
        secret: &Secret,
        timestamp: UnixMillis,
        nonce: &Nonce,
        message: &Message<'_>,
    ) -> Self {
        let bytes = signer.transcript(timestamp, nonce, message);
        let scheme = signer.scheme;
        let named = SignedField::ALL
            .into_iter()
            .filter(|field| *field != SignedField::AppSecret || scheme == Scheme::V2Sha256);
        let mut rest: &[u8] = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let fields = named.map(|field| {
            // Only the body may contain an LF, and it is the last field.
            let end = rest
                .iter()
                .position(|byte| *byte == b'\n' && field != SignedField::Body)
                .unwrap_or(rest.len());
            let (text, tail) = rest.split_at(end);
            rest = tail.strip_prefix(b"\n").unwrap_or(tail);
            (field, Zeroizing::new(text.to_vec()))
        });
        let key = Zeroizing::new(secret.expose().as_bytes().to_vec());
        Self { scheme, key, fields: fields.collect(), separator: b"\n", terminator: b"\n" }
    }

    pub(crate) fn field(&self, wanted: SignedField) -> Option<&[u8]> {
        self.fields.iter().find(|(field, _)| *field == wanted).map(|(_, bytes)| bytes.as_slice())
    }

    /// Replaces the bytes of a field, if it is present; those of the secret as the key, too.
    pub(crate) fn set(&mut self, wanted: SignedField, bytes: &[u8]) {
        if wanted == SignedField::AppSecret {
            self.key = Zeroizing::new(bytes.to_vec());
        }
        if let Some((_, old)) = self.fields.iter_mut().find(|(field, _)| *field == wanted) {
            *old = Zeroizing::new(bytes.to_vec());
        }
    }

    /// The whole bytes.
    pub(crate) fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let len = self.fields.iter().map(|(_, bytes)| bytes.len() + self.separator.len()).sum::<usize>();
        // A reallocation would leave a copy of the secret in memory.
        let mut all = Zeroizing::new(Vec::with_capacity(len + self.terminator.len()));
        for (index, (_, bytes)) in self.fields.iter().enumerate() {
            if index > 0 {
                all.extend_from_slice(self.separator);
            }
            all.extend_from_slice(bytes);
        }
        all.extend_from_slice(self.terminator);
        all
    }

    /// The signature of these bytes, in lower-case hex.
    pub(crate) fn sign(&self) -> String {
        let bytes = self.bytes();
        let digest: [u8; 32] = match self.scheme {
            Scheme::V2Sha256 => Sha256::digest(&*bytes).into(),
            Scheme::V2HmacSha256 => match Hmac::<Sha256>::new_from_slice(&self.key) {
                Ok(mac) => mac.chain_update(&*bytes).finalize().into_bytes().into(),
                // HMAC accepts keys of any length.
                Err(_) => [0; 32],
            },
        };
        hex::encode(digest)
    }

    /// Prints them on standard output, a line for each field.
    pub(crate) fn print(&self, redactor: &SecretRedactor) {
        let method = match self.scheme {
            Scheme::V2Sha256 => "hashed with SHA-256",
            Scheme::V2HmacSha256 => "authenticated with HMAC-SHA256, with the secret's 32 digits as the key",
        };
        let count = self.fields.len();
        redactor.print_wrapped(
            "  ",
            &format!("These {count} fields are {method}. ␊ is LF; there are no other line ends:"),
            2,
        );
        redactor.println("");
        let last = self.fields.len().saturating_sub(1);
        for (index, (field, bytes)) in self.fields.iter().enumerate() {
            let end = if index == last { self.terminator } else { self.separator };
            let (name, text, end) =
                (terminal::dim(field.name()), escape_invisible(bytes), escape_invisible(end));
            redactor.println(format!("  {} {name:<9}  {text}{end}", index + 1));
        }
    }

    /// The whole bytes as text.
    pub(crate) fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

/// Bytes as text with invisible characters escaped.
pub(crate) fn escape_invisible(bytes: &[u8]) -> String {
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
    fn the_expected_bytes_have_the_signature_of_the_protocol() {
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
                let signed = SignedBytes::expected(&signer, &secret, timestamp, &nonce, &message);
                assert_eq!(signed.sign(), right.to_string());
                assert_eq!(signed.field(SignedField::Body), Some(body.as_bytes()));
                assert_eq!(signed.field(SignedField::AppSecret).is_some(), scheme == Scheme::V2Sha256);
            }
        }
    }

    #[test]
    fn invisible_characters_are_escaped() {
        assert_eq!(escape_invisible("a\u{feff}\r\n\t\u{1b}é".as_bytes()), "a<BOM>␍␊␉\\u{1b}é");
        assert_eq!(escape_invisible(b"\xff{"), "\\xff{");
    }
}
