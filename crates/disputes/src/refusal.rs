//! Why a command was refused, and what to do.

use std::fmt;

use rebuttal_protocol::dispute::{Stage, Status};
use rebuttal_protocol::{Code, UnixMillis};

use crate::allowed::{self, Audience};

/// Why a command changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DisputeRefusal {
    /// The merchant has no dispute with this number; another merchant may.
    #[error("dispute not found; check the dispute number")]
    NotFound,
    /// The state does not allow it.
    #[error("the dispute is {status} in {stage} and allows {}", allowed::sentence(*status, *stage, *to))]
    InvalidState {
        /// The dispute's status.
        status: Status,
        /// Its stage.
        stage: Stage,
        /// Who reads the message.
        to: Audience,
    },
    /// An advance to the current stage or an earlier one.
    #[error("the dispute is {status} in {stage}; advance leads to a later stage only: {}", allowed::later(*stage))]
    StageNotLater {
        /// The dispute's status.
        status: Status,
        /// Its stage.
        stage: Stage,
    },
    /// A request for more evidence was answered with the last submission.
    #[error(
        "more evidence was requested, and this contest has the same evidence as the last submission; contest with \
         different evidence, or accept"
    )]
    NothingNew,
    /// The response arrived after the deadline.
    #[error(
        "the deadline {} has passed; the response arrived at {}, both in UTC",
        rfc3339(deadline),
        rfc3339(arrival)
    )]
    DeadlinePassed {
        /// The latest time of arrival.
        deadline: UnixMillis,
        /// When the response arrived.
        arrival: UnixMillis,
    },
    /// The response arrived in time, but the dispute expired before it was committed.
    #[error(
        "the response arrived in time, but the dispute expired before the response could be committed; nothing was \
         changed. Ask the gateway's operator to extend the deadline"
    )]
    Overtaken,
    /// Pieces of evidence are faulty; the message names all of them.
    #[error("{}", EvidenceFaultList(.0))]
    Evidence(Vec<(usize, EvidenceFault)>),
    /// A new deadline is in the past.
    #[error("deadline must be in the future; the gateway's time is {}", rfc3339(.0))]
    DeadlineNotFuture(UnixMillis),
    /// A new deadline is not later than the current one.
    #[error("deadline must be later than the current deadline, {}", rfc3339(.0))]
    DeadlineNotLater(UnixMillis),
    /// The dispute was opened before with other content.
    #[error(
        "a dispute with this number exists with other content, which cannot change; compare it with this one before \
         you open another: under another disputeNo the same case would be disputed twice"
    )]
    OpenedDifferently,
    /// No deadline has passed, so nothing expires.
    #[error("the deadline has not passed, or the merchant has responded")]
    NotDue,
}

impl DisputeRefusal {
    /// The code of the answer.
    pub fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::DisputeNotFound,
            Self::InvalidState { .. } | Self::StageNotLater { .. } | Self::NothingNew | Self::NotDue => {
                Code::InvalidState
            }
            Self::DeadlinePassed { .. } => Code::DeadlinePassed,
            Self::Overtaken => Code::Unavailable,
            Self::Evidence(faults) => match faults.iter().map(|(_, fault)| fault).min() {
                Some(EvidenceFault::NotUploaded) => Code::EvidenceNotUploaded,
                Some(EvidenceFault::Mismatch(_)) => Code::ContentMismatch,
                Some(EvidenceFault::Unreadable) => Code::Unavailable,
                Some(EvidenceFault::NotFound) | None => Code::EvidenceNotFound,
            },
            Self::DeadlineNotFuture(_) => Code::InvalidParameter,
            Self::DeadlineNotLater(_) | Self::OpenedDifferently => Code::OperatorConflict,
        }
    }
}

/// What is wrong with one piece of evidence. Where items have different faults, the first in this order gives the code;
/// the message names all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceFault {
    /// Not a storageUri, or not of this merchant and scene.
    NotFound,
    /// No file is stored there.
    NotUploaded,
    /// The content does not match the file's name; the text says how.
    Mismatch(String),
    /// The file could not be read.
    Unreadable,
}

impl fmt::Display for EvidenceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => {
                f.write_str("is not a storageUri that generateUploadUrl returned to this merchant")
            }
            Self::NotUploaded => f.write_str("has no file; upload it again with a new generateUploadUrl"),
            Self::Mismatch(sentence) => write!(f, "has a file that is not accepted: {sentence}"),
            Self::Unreadable => {
                f.write_str("could not be read; nothing was changed, send the request again later")
            }
        }
    }
}

struct EvidenceFaultList<'a>(&'a [(usize, EvidenceFault)]);

impl fmt::Display for EvidenceFaultList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (index, fault)) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}evidenceList[{index}].url {fault}")?;
        }
        Ok(())
    }
}

fn rfc3339(at: &UnixMillis) -> String {
    at.to_rfc3339_utc()
}
