//! The answer's envelope and what binds an answer to its request (contract §1, §2).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::authorization::Signature;
use crate::{Code, Nonce};

/// The body of every answer: `{"code": "…", "errorMessage": null | "…", "data": null | {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<T> {
    /// The outcome of the request.
    pub code: Code,
    /// Null on success; otherwise what happened, why, and what to do.
    pub error_message: Option<String>,
    /// The result of the call; null on failure.
    pub data: Option<T>,
}

impl<T> Envelope<T> {
    /// Success.
    pub const fn ok(data: T) -> Self {
        Self { code: Code::Ok, error_message: None, data: Some(data) }
    }

    /// Failure, with a message that says what to do.
    pub fn refused(code: Code, message: impl Into<String>) -> Self {
        Self { code, error_message: Some(message.into()), data: None }
    }
}

/// The result of contest and accept: `{"result": true}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Done {
    /// Always true.
    #[schema(value_type = True)]
    pub result: bool,
}

enum True {}

crate::schema::schema!(
    True,
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::Boolean)
        .enum_values(Some([true])),
    "Always true."
);

impl Done {
    /// The one value.
    pub const TRUE: Self = Self { result: true };
}

/// What a signed answer proves about its request (contract §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finality {
    /// The request was verified, and no copy of it can get another outcome: its nonce is used up, or what refuses it
    /// follows from its signed bytes alone.
    Settled,
    /// The gateway returned this answer to a caller that sent the request's nonce and `sign`. It proves nothing about
    /// the outcome of the request, which may still take effect until its timestamp is stale.
    Notice,
}

impl Finality {
    /// Every kind of signed answer.
    pub const ALL: [Self; 2] = [Self::Settled, Self::Notice];

    /// The label that an answer's nonce is derived with.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Settled => "answer",
            Self::Notice => "notice",
        }
    }

    /// What an answer with this nonce proves about the request; `None` if it does not belong to the request.
    #[must_use]
    pub fn of_answer(
        answer_nonce: &Nonce,
        request_nonce: &Nonce,
        request_signature: &Signature,
    ) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|finality| *answer_nonce == self::answer_nonce(*finality, request_nonce, request_signature))
    }
}

/// The nonce that binds an answer to one request and says what it proves (contract §2): the first 32 digits of the
/// upper-case hex of SHA-256 over the [label](Finality::label) LF request nonce LF request `sign` LF.
#[must_use]
pub fn answer_nonce(finality: Finality, request_nonce: &Nonce, request_signature: &Signature) -> Nonce {
    let label = finality.label();
    let hash: [u8; 32] = Sha256::digest(format!("{label}\n{request_nonce}\n{request_signature}\n")).into();
    let (first, _) = hash.split_at(16);
    Nonce::from_bytes(first.try_into().unwrap_or_default())
}
