//! What the committer is asked to write, and how each request is answered.
//!
//! Requests that share a batch ([`Operation`]) and those that run in a transaction of their own ([`SingleOperation`])
//! are two types of request, so that nothing that decides one can be handed the other.

use rebuttal_disputes::{Actor, Command, DisputeRefusal, FoundFile, Opening};
use rebuttal_protocol::{AppId, Code, DisputeNo, MerchantId, Nonce, StorageUri, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::accounts::{AccountChange, AccountRefusal, ChangedApp, CreatedToken, MerchantRecord, TokenRecord};

/// SHA-256 of an operator's token. The token itself is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenHash(pub [u8; 32]);

/// SHA-256 over path and body of an operator's request: distinguishes a retry from another request under the same
/// key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestHash(pub [u8; 32]);

/// A change, all or nothing.
#[derive(Debug)]
pub struct WriteRequest<O = Operation> {
    /// When the last byte of the request was read, or when the gateway decided to act.
    pub arrived_at: UnixMillis,
    /// What makes the request take effect once.
    pub idempotency: Idempotency,
    /// The operator's token that asks for the change, checked again in the request's own transaction: it may be revoked
    /// while the body is read. `None` for merchants and the gateway itself.
    pub token: Option<TokenHash>,
    /// What is to be done.
    pub operation: O,
}

impl<O> WriteRequest<O> {
    /// A change that the gateway makes by itself and that needs no idempotency.
    pub const fn internal(arrived_at: UnixMillis, operation: O) -> Self {
        Self { arrived_at, idempotency: Idempotency::None, token: None, operation }
    }
}

/// A request of either type, as it waits for the committer.
#[derive(Debug)]
pub enum QueuedRequest {
    /// Shares a batch.
    Batched(WriteRequest),
    /// Runs in a transaction of its own.
    Single(WriteRequest<SingleOperation>),
}

impl From<WriteRequest> for QueuedRequest {
    fn from(request: WriteRequest) -> Self {
        Self::Batched(request)
    }
}

impl From<WriteRequest<SingleOperation>> for QueuedRequest {
    fn from(request: WriteRequest<SingleOperation>) -> Self {
        Self::Single(request)
    }
}

/// What makes a request take effect once, in the transaction of its outcome.
#[derive(Debug)]
pub enum Idempotency {
    /// A merchant's nonce: a second request with it is refused.
    Nonce(NonceUse),
    /// An operator's idempotency key: the same request again gets the first answer.
    Key(IdempotencyKey),
    /// None is needed: a repetition does no harm.
    None,
}

/// The identity of a merchant's request (contract §2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NonceUse {
    /// The header's timestamp.
    pub timestamp: UnixMillis,
    /// Who signed.
    pub app_id: AppId,
    /// The header's nonce.
    pub nonce: Nonce,
}

/// An operator's `Idempotency-Key` (contract §8).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// Identifies the operator's token, also among those that had its name before: each token has its own keys.
    pub token: String,
    /// The key as it was sent.
    pub key: String,
    /// Another request under the same key is refused.
    pub request: RequestHash,
}

/// What requests that share a batch do.
#[derive(Debug)]
pub enum Operation {
    /// Only uses the nonce up.
    UseNonce,
    /// A command on a dispute. A contest has a file check for each item; one that contradicts the file's record fails.
    Command {
        /// Which dispute.
        dispute_no: DisputeNo,
        /// Whose it must be; `None` for operators and the gateway.
        merchant_id: Option<MerchantId>,
        /// Who acts.
        actor: Actor,
        /// The command.
        command: Command,
    },
    /// A new dispute.
    Open {
        /// What it is opened with.
        opening: Opening,
        /// Who opens it.
        actor: Actor,
    },
    /// A file was uploaded.
    RecordUpload(Upload),
}

/// What requests in a transaction of their own do.
#[derive(Debug)]
pub enum SingleOperation {
    /// A merchant, an app, a secret or a token changes.
    Account(AccountChange),
    /// Old rows go.
    Upkeep(Upkeep),
}

/// A file in the evidence store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its url.
    pub url: StorageUri,
    /// What it is.
    pub file: FoundFile,
}

/// One bounded step of upkeep. Each is short, so that none delays a contest; the answer is the number of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upkeep {
    /// Stores the bound at or below which timestamps are stale whatever the clock says, then deletes at most `limit`
    /// nonces at or below it.
    PurgeNonces {
        /// The newest timestamp to forget.
        bound: UnixMillis,
        /// Most rows of one step.
        limit: u32,
    },
    /// Marks uploads that no submission refers to; they cannot be contested with from then on.
    MarkUnreferenced {
        /// The newest upload to mark.
        uploaded_before: UnixMillis,
        /// Most rows of one step.
        limit: u32,
    },
    /// Forgets marked uploads whose file has been deleted, unless a submission refers to them after all.
    ForgetUploads {
        /// Which.
        urls: Vec<StorageUri>,
    },
    /// Deletes idempotency keys.
    PurgeKeys {
        /// The newest key to forget.
        created_before: UnixMillis,
        /// Most rows of one step.
        limit: u32,
    },
    /// Deletes the encrypted secrets and tokens from stored answers. A retry under the same key then fails with the
    /// reason, and changes nothing.
    ForgetShownSecrets {
        /// The newest key whose answer loses its secret.
        created_before: UnixMillis,
        /// Most rows of one step.
        limit: u32,
    },
    /// Deletes secrets whose overlap is over.
    DropExpiredSecrets,
    /// Replaces the fencing token of the bucket; no row if another one than `expected` is stored.
    MoveFence {
        /// The new one.
        fence: String,
        /// The stored one, if any.
        expected: Option<String>,
    },
    /// Stores the request's time as the latest one that a gateway trusted.
    NoteClock,
    /// Writes a value that is not read, to learn whether the database can be written.
    Probe,
}

/// How a request is answered once its transaction is committed.
pub type Answer = Result<Outcome, Rejection>;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The dispute's latest history entry is `sequence`.
    Dispute {
        /// Which dispute.
        dispute_no: DisputeNo,
        /// Its latest history entry as of this request.
        sequence: u64,
        /// Whether this request opened it.
        opened: bool,
    },
    /// A merchant was created or changed: as it stood then.
    Merchant(MerchantRecord),
    /// An app was created or changed, or its secret rotated: as it stood then.
    App(ChangedApp),
    /// A token was created.
    NewToken(CreatedToken),
    /// A token was revoked: as it stood then.
    Token(TokenRecord),
    /// A step of upkeep changed this many rows.
    Rows(u64),
    /// Done, with nothing to show.
    Nothing,
}

impl Outcome {
    /// Whether it holds an encrypted secret or token, which is shown to the caller.
    pub(crate) fn holds_secret(&self) -> bool {
        match self {
            Self::App(changed) => !changed.app.secrets.is_empty(),
            Self::NewToken(_) => true,
            Self::Dispute { .. } | Self::Merchant(_) | Self::Token(_) | Self::Rows(_) | Self::Nothing => {
                false
            }
        }
    }
}

/// Why a request was not carried out. Unless it says otherwise, the nonce or key is used up all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The nonce was used before.
    #[error("this timestamp and nonce were used before")]
    Replayed,
    /// The timestamp is at or below the bound of purged nonces.
    #[error("the timestamp is older than the nonces that the gateway still remembers")]
    Stale,
    /// The operator's token was revoked. Nothing is used up.
    #[error("the token was revoked before the change was made")]
    TokenRevoked,
    /// The idempotency key was used for another request. This key is not used up.
    #[error(
        "the Idempotency-Key was used for another request. That one may have had the same effect: read the current state \
         before you send this request under a new key"
    )]
    KeyReused,
    /// The dispute's rules refuse it.
    #[error(transparent)]
    Dispute(#[from] DisputeRefusal),
    /// An account's rules refuse it.
    #[error(transparent)]
    Account(#[from] AccountRefusal),
    /// A file is stored at the url already; it stays.
    #[error("another file is stored at this url already")]
    UploadExists,
    /// The same request was refused before, under the same idempotency key.
    #[error("{message}")]
    Repeated {
        /// The first answer's code.
        code: Code,
        /// The first answer's sentence.
        message: String,
    },
}

impl Rejection {
    /// The code that answers it.
    pub fn code(&self) -> Code {
        match self {
            Self::Replayed => Code::ReplayedNonce,
            Self::Stale => Code::StaleTimestamp,
            Self::TokenRevoked => Code::OperatorUnauthorized,
            Self::KeyReused | Self::UploadExists => Code::OperatorConflict,
            Self::Dispute(refusal) => refusal.code(),
            Self::Account(refusal) => refusal.code(),
            Self::Repeated { code, .. } => code.clone(),
        }
    }
}
