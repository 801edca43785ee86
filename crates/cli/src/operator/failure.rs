//! Why an operator's call did not succeed, told apart by what the caller can do about it.

use std::time::Duration;

use rebuttal_client::{Code, Stranger};
use serde::Serialize;

use super::access::Origin;
use crate::exit::Exit;
use crate::rerun_command::{self, RerunCommand, RerunDefaults};
use crate::terminal;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The gateway said no, in a problem document.
    #[error("the gateway refused: {code}: {detail}")]
    Refused { code: Code, detail: String },
    /// The gateway knows no such token. On purpose it says the same where none was sent; one was.
    #[error("the gateway refused: {code}: {}", no_entry(origin))]
    LetNobodyIn { code: Code, origin: Origin },
    /// Something that is not the operator API answers.
    #[error("what answers at {url} is not a gateway's operator API ({stranger})")]
    NotOurs { url: String, stranger: Stranger },
    /// Nothing was changed.
    #[error("the gateway at {url} did not serve the call ({tries}), and nothing was changed: {why}")]
    Unavailable { url: String, tries: String, why: String, asked: Option<Duration> },
    /// A change may have taken effect. The last answer may have been that the token lets nobody in.
    #[error("whether the change took effect is not known ({tries}): {why}")]
    Unknown { tries: String, why: String, again: Again, shut_out: bool },
    /// A change was answered as done, and the answer tells nothing.
    #[error("whether the change took effect is not known: {why}")]
    Unread { why: String, again: Again },
    /// A change was made, and its secret could not be kept.
    #[error("it is done, but {why}")]
    Unkept { why: String, again: Again },
    /// The user did not wait; a change may have taken effect.
    #[error("interrupted before the gateway's answer came")]
    Interrupted { again: Again },
}

/// What it means that a token is refused.
pub(super) fn no_entry(origin: &Origin) -> String {
    format!("the token {origin} is unknown to this gateway, or revoked")
}

/// How a change is sent again so that it counts once.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Again {
    /// None where the change sets what may be set twice.
    idempotency_key: Option<String>,
    /// The deadline as it was sent: a span from now would be another one later, and the change another change.
    deadline: Option<String>,
    /// Both in the command that was typed, which reaches the same gateway from any shell.
    #[serde(flatten)]
    told: Box<RerunCommand>,
}

impl Again {
    pub(super) fn of(defaults: &RerunDefaults, key: Option<&str>, deadline: Option<&str>) -> Self {
        let options = [("--idempotency-key", key), ("--deadline", deadline)];
        let options: Vec<_> = options.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let told = Box::new(rerun_command::build(defaults, &options));
        Self { idempotency_key: owned(key), deadline: owned(deadline), told }
    }

    /// The command behind what it is for.
    fn after_sentence(&self, sentence: &str) -> String {
        self.told.after_sentence(sentence)
    }

    /// What to do where the change is made, and its answer was lost on this side.
    pub(super) fn to_have_the_answer(&self) -> String {
        // The file is filled by now, and is never overwritten.
        let file =
            if rerun_command::has_option("--secret-file") { ", with another name for the file" } else { "" };
        self.after_sentence(&format!(
            "To have the same answer once more, mend that and run this{file}; it counts once"
        ))
    }
}

/// Why a secret that came could not be kept; the change that made it is made.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unkept(pub(super) String);

impl Failure {
    /// What an error means that came after the gateway answered a change.
    pub(super) fn from_answer_error(error: anyhow::Error, again: Again) -> Self {
        match error.downcast() {
            Ok(Unkept(why)) => Self::Unkept { why, again },
            Err(error) => Self::Unread { why: terminal::causes(&error), again },
        }
    }

    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Refused { .. } | Self::LetNobodyIn { .. } => Exit::Refused,
            Self::NotOurs { .. } => Exit::Local,
            Self::Unavailable { .. } => Exit::Unavailable,
            Self::Unknown { .. } | Self::Unread { .. } | Self::Interrupted { .. } => Exit::Unknown,
            Self::Unkept { .. } => Exit::OutputFailed,
        }
    }

    /// What to do about it.
    pub(super) fn remedy(&self) -> Option<String> {
        match self {
            Self::LetNobodyIn { origin, .. } => Some(origin.remedy().to_owned()),
            Self::Refused { .. } => None,
            Self::NotOurs { .. } => Some(
                "Check REBUTTAL_OPERATOR_URL: operators may be served on an address of their own.".to_owned(),
            ),
            Self::Unavailable { asked: Some(pause), .. } => Some(format!(
                "It asks to be left alone for {} seconds; run the same command again then.",
                pause.as_secs()
            )),
            Self::Unavailable { .. } => {
                Some("Check REBUTTAL_OPERATOR_URL, or run the same command again later.".to_owned())
            }
            Self::Unkept { again, .. } => {
                Some(again.after_sentence(
                    "To have the same secret written once more, mend that and run this; it counts once",
                ))
            }
            // Invariant: the gateway keeps keys by token (`Operator::of`, server/src/auth/operator.rs).
            Self::Unknown { again, shut_out: true, .. } => Some(again.after_sentence(
                "It may have taken effect. A key counts for the token that sent it: with another token, the same would be \
                 done once more. So look first whether it is done; only if it is not, run it with another token. With \
                 the same one, if that is let in again, this makes sure, and counts once",
            )),
            Self::Unknown { again, .. } | Self::Unread { again, .. } | Self::Interrupted { again } => {
                Some(again.after_sentence("It may have taken effect. To make sure, run it again like this; it counts once"))
            }
        }
    }
}
