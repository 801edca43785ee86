//! Errors of operator calls, distinguished by what the user can do about them.

use std::time::Duration;

use rebuttal_client::{Code, ForeignResponse};
use serde::Serialize;

use super::access::TokenOrigin;
use crate::exit::Exit;
use crate::rerun_command;
use crate::terminal;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum OperatorFailure {
    /// The gateway refused, in a problem document.
    #[error("the gateway refused: {code}: {detail}")]
    Refused { code: Code, detail: String },
    /// The gateway does not know the token. It has the same code for a missing token, but one was sent.
    #[error("the gateway refused: {code}: {}", token_rejected_text(origin))]
    TokenRejected { code: Code, origin: TokenOrigin, url: String },
    /// Something that is not the operator API answers.
    #[error("the server at {url} is not a gateway's operator API ({foreign})")]
    NotAGateway { url: String, url_source: String, foreign: ForeignResponse },
    /// Nothing was changed.
    #[error("the gateway at {url} did not serve the call ({attempts}), and nothing was changed: {why}")]
    Unavailable {
        url: String,
        url_source: String,
        attempts: String,
        why: String,
        retry_after: Option<Duration>,
    },
    /// A change may have taken effect. The last answer may have rejected the token.
    #[error("it is unknown whether the change took effect ({attempts}): {why}")]
    Unknown { attempts: String, why: String, again: ResendInfo, token_rejected: bool },
    /// A change was answered as done, but the answer is unreadable.
    #[error("it is unknown whether the change took effect: {why}")]
    UnreadableAnswer { why: String, again: ResendInfo },
    /// A change was made, but its secret could not be written.
    #[error("the change was made, but {why}")]
    SecretNotWritten { why: String, again: ResendInfo },
    /// The user interrupted; a change may have taken effect.
    #[error("interrupted before the gateway answered")]
    Interrupted { again: ResendInfo },
}

/// What a rejected token means.
pub(super) fn token_rejected_text(origin: &TokenOrigin) -> String {
    format!("the token {origin} is unknown to this gateway, or revoked")
}

/// How to resend a change so that it is applied once.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResendInfo {
    /// None where the change is idempotent.
    idempotency_key: Option<String>,
    /// The deadline that was sent: a duration would give another time, and so another change.
    deadline: Option<String>,
    /// The command line with both.
    command: String,
}

impl ResendInfo {
    pub(super) fn of(key: Option<&str>, deadline: Option<&str>) -> Self {
        let options = [("--idempotency-key", key), ("--deadline", deadline)];
        let options: Vec<_> = options.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let command = rerun_command::with_options(&options);
        Self { idempotency_key: owned(key), deadline: owned(deadline), command }
    }

    /// A sentence, and the command.
    fn after_sentence(&self, sentence: &str) -> String {
        rerun_command::after_sentence(sentence, &self.command)
    }

    /// What to do if the change was made, but its answer could not be written.
    pub(super) fn repeat_answer_hint(&self) -> String {
        self.after_sentence(
            "To get the same answer again, fix the cause; the change is applied only once. A --secret-file is not \
             overwritten, so choose another name",
        )
    }
}

/// Why a secret could not be written, after the change that made it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct SecretWriteError(pub(super) String);

impl OperatorFailure {
    /// The failure for an error after the gateway's answer to a change.
    pub(super) fn from_answer_error(error: anyhow::Error, again: ResendInfo) -> Self {
        match error.downcast() {
            Ok(SecretWriteError(why)) => Self::SecretNotWritten { why, again },
            Err(error) => Self::UnreadableAnswer { why: terminal::causes(&error), again },
        }
    }

    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Refused { .. } | Self::TokenRejected { .. } => Exit::Refused,
            Self::NotAGateway { .. } => Exit::Local,
            Self::Unavailable { .. } => Exit::Unavailable,
            Self::Unknown { .. } | Self::UnreadableAnswer { .. } | Self::Interrupted { .. } => Exit::Unknown,
            Self::SecretNotWritten { .. } => Exit::OutputFailed,
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::TokenRejected { origin, url, .. } => Some(origin.hint(url)),
            Self::Refused { .. } => None,
            Self::NotAGateway { url_source, .. } => {
                Some(format!("Check {url_source}: the operator API may have a separate address."))
            }
            Self::Unavailable { retry_after: Some(pause), .. } => {
                Some(format!("Run the same command again in {} seconds.", pause.as_secs()))
            }
            Self::Unavailable { url_source, .. } => {
                Some(format!("Check {url_source}, or run the same command again later."))
            }
            Self::SecretNotWritten { again, .. } => {
                Some(again.after_sentence("To get the same secret again, fix the cause; the change is applied only once"))
            }
            // Invariant: the gateway stores keys by token (`Operator::of`, server/src/auth/operator.rs).
            Self::Unknown { again, token_rejected: true, .. } => Some(again.after_sentence(
                "The change may have taken effect. An idempotency key is valid for one token: with another token the \
                 change would be applied twice, so check first whether it was applied. With the same token, once it is \
                 accepted again, the repetition is applied once",
            )),
            Self::Unknown { again, .. } | Self::UnreadableAnswer { again, .. } | Self::Interrupted { again } => {
                Some(again.after_sentence(
                    "The change may have taken effect. To find out, repeat it with its idempotency key; it is applied once",
                ))
            }
        }
    }
}
