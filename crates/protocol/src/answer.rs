//! The answer's envelope and what binds an answer to its request (contract §1, §2).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::signature::{Feed, Sign};
use crate::{Code, Nonce};

/// The body of every answer: `{"code": "…", "errorMessage": null | "…", "data": null | {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<T> {
    /// What became of the request.
    pub code: Code,
    /// Null on success; otherwise what happened, why, and what to do.
    pub error_message: Option<String>,
    /// What the call returns; null on failure.
    pub data: Option<T>,
}

impl<T> Envelope<T> {
    /// Success.
    pub const fn ok(data: T) -> Self {
        Self { code: Code::Ok, error_message: None, data: Some(data) }
    }

    /// Failure, with a sentence that says what to do.
    pub fn refused(code: Code, message: impl Into<String>) -> Self {
        Self { code, error_message: Some(message.into()), data: None }
    }
}

/// What contest and accept return: `{"result": true}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Always true.
    pub result: bool,
}

impl Done {
    /// The one value.
    pub const TRUE: Self = Self { result: true };
}

/// The nonce that binds an answer to one request (contract §2): the first 32 digits of the upper-case hex of
/// SHA-256 over `answer` LF request nonce LF request sign LF.
pub fn answer_nonce(request_nonce: &Nonce, request_sign: &Sign) -> Nonce {
    let mut hash = Sha256::new();
    Feed(|bytes: &[u8]| hash.update(bytes)).text(format_args!("answer\n{request_nonce}\n{request_sign}\n"));
    let hash: [u8; 32] = hash.finalize().into();
    let (first, _) = hash.split_at(16);
    Nonce::from_bytes(first.try_into().unwrap_or_default())
}
