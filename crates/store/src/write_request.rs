//! Requests to the committer, and their answers.
//!
//! Requests that share a batch ([`Operation`]) and those that run in a separate transaction ([`SingleOperation`]) are
//! two types, so that code for one cannot get the other.

use rebuttal_disputes::{Actor, Command, DisputeRefusal, FoundFile, Opening};
use rebuttal_protocol::{AppId, Code, DisputeNo, FileInspection, MerchantId, Nonce, StorageUri, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::accounts::{
    AccountChange, AccountRefusal, AppRecord, ChangedApp, CreatedToken, MerchantRecord, SecretId, TokenHash,
    TokenRecord,
};
use crate::views::DisputeDetail;

/// SHA-256 over path and body of an operator's request: distinguishes a retry from another request under the same
/// key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestHash(pub [u8; 32]);

/// A change, all or nothing.
#[derive(Debug)]
pub struct WriteRequest<O = Operation> {
    /// When the last byte of the request was read, or when a background job created it.
    pub arrived_at: UnixMillis,
    /// The request's idempotency.
    pub idempotency: Idempotency,
    /// The operator's token, checked again in the request's transaction: it may be revoked while the body is read.
    /// `None` for merchants and background jobs.
    pub token: Option<TokenHash>,
    /// The operation.
    pub operation: O,
}

impl<O> WriteRequest<O> {
    /// A change by the gateway itself, which needs no idempotency.
    pub const fn internal(arrived_at: UnixMillis, operation: O) -> Self {
        Self { arrived_at, idempotency: Idempotency::None, token: None, operation }
    }
}

/// A request of either type, as it waits for the committer.
#[derive(Debug)]
pub enum QueuedRequest {
    /// Shares a batch.
    Batched(WriteRequest),
    /// Runs in a separate transaction.
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

/// How a request takes effect at most once. It is recorded in the transaction of the outcome.
#[derive(Debug)]
pub enum Idempotency {
    /// A merchant's nonce: a second request with it is refused.
    Nonce(NonceUse),
    /// An operator's idempotency key: the same request again gets the first answer.
    Key(IdempotencyKey),
    /// Not needed: a repetition does no harm.
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
    /// Identifies the operator's token; an earlier token of the same name had other keys.
    pub token: String,
    /// The key as it was sent.
    pub key: String,
    /// Another request under the same key is refused.
    pub request: RequestHash,
}

/// An operation that shares a batch.
#[derive(Debug)]
pub enum Operation {
    /// Only uses up the nonce.
    UseNonce,
    /// A command on a dispute. A contest has a file check for each item; one that contradicts the file's record fails.
    Command {
        /// Which dispute.
        dispute_no: DisputeNo,
        /// The merchant that it must belong to; `None` for operators and background jobs.
        merchant_id: Option<MerchantId>,
        /// Who acts.
        actor: Actor,
        /// The command.
        command: Command,
    },
    /// A new dispute.
    Open {
        /// The dispute's facts.
        opening: Opening,
        /// Who opens it.
        actor: Actor,
    },
    /// A file was uploaded.
    RecordUpload {
        /// The file.
        upload: Upload,
        /// What its inspection found; `None` for a file that an earlier process inspected.
        inspection: Option<FileInspection>,
    },
}

/// An operation in a separate transaction.
#[derive(Debug)]
pub enum SingleOperation {
    /// A merchant, an app, a secret or a token changes.
    Account(AccountChange),
    /// Deletes or marks old rows.
    Maintenance(Maintenance),
}

/// A file in the evidence store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its url.
    pub url: StorageUri,
    /// What it is.
    pub file: FoundFile,
}

/// One bounded step of maintenance, short enough not to delay contests. The answer is the number of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Maintenance {
    /// Stores the nonce bound, at or below which timestamps are stale, then deletes at most `limit` nonces at or below
    /// it.
    PurgeNonces {
        /// The newest timestamp whose nonces are deleted.
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
    /// Deletes the rows of marked uploads whose file has been deleted, unless a submission refers to them.
    ForgetUploads {
        /// Which.
        urls: Vec<StorageUri>,
    },
    /// Deletes rows of the queue whose dispute has left it, where a batch did not. A step that searches for such rows
    /// returns `limit`.
    DeleteStaleQueueRows {
        /// Most rows of one step.
        limit: u32,
    },
    /// Deletes rows of the outbox, the oldest first.
    PurgeOutbox {
        /// The newest row that is deleted.
        created_before: UnixMillis,
        /// Most rows of one step.
        limit: u32,
    },
    /// Deletes idempotency keys.
    PurgeKeys {
        /// The newest key that is deleted.
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
    /// Deletes secrets whose overlap has ended.
    DropExpiredSecrets,
    /// Replaces the fencing token of the bucket; changes no row if another one than `expected` is stored.
    AdvanceFence {
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
pub type WriteResult = Result<Outcome, Rejection>;

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
    /// The dispute that this request opened. The stored answer is the one above.
    #[serde(skip)]
    Opened(Box<DisputeDetail>),
    /// A merchant was created or changed: its state after that.
    Merchant(MerchantRecord),
    /// An app was created or changed, or its secret rotated: its state after that.
    App(ChangedApp),
    /// A token was created.
    NewToken(CreatedToken),
    /// A token was revoked: its state after that.
    Token(TokenRecord),
    /// A step of maintenance changed this many rows.
    Rows(u64),
    /// Done, without a result.
    Nothing,
}

impl Outcome {
    /// Whether it holds an encrypted secret or token, which is shown to the caller.
    pub(crate) fn holds_secret(&self) -> bool {
        match self {
            Self::App(changed) => !changed.app.secrets.is_empty(),
            Self::NewToken(_) => true,
            Self::Dispute { .. }
            | Self::Opened(_)
            | Self::Merchant(_)
            | Self::Token(_)
            | Self::Rows(_)
            | Self::Nothing => false,
        }
    }
}

/// Why a request was rejected. Unless a variant says otherwise, the nonce or key is used up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The nonce was used before.
    #[error("this timestamp and nonce were used before")]
    Replayed,
    /// The timestamp is at or below the bound of purged nonces.
    #[error("the timestamp is older than the nonces that the gateway keeps")]
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
    /// A file is already stored at the url; it is kept.
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
    /// The code of the answer.
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

/// The merchant after a change. Stored as it is, as the answer to retries.
pub(crate) fn merchant_answer(merchant: Option<MerchantRecord>) -> WriteResult {
    merchant.map_or_else(no_merchant, |merchant| Ok(Outcome::Merchant(merchant)))
}

/// The app after a change, with the secret that the change created.
pub(crate) fn app_answer(app: Option<AppRecord>, made: Option<SecretId>, now: UnixMillis) -> WriteResult {
    let Some(mut app) = app else { return no_app() };
    let overlap_until = app.overlap_until(now);
    app.secrets.retain(|secret| Some(secret.secret_id) == made);
    Ok(Outcome::App(ChangedApp { app, overlap_until }))
}

pub(crate) fn no_merchant() -> WriteResult {
    Err(AccountRefusal::NoMerchant.into())
}

pub(crate) fn no_app() -> WriteResult {
    Err(AccountRefusal::NoApp.into())
}
