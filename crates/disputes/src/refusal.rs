//! Why a command was refused, in words that say what to do.

use std::fmt;

use rebuttal_protocol::dispute::{Stage, Status};
use rebuttal_protocol::{Code, UnixMillis};

use crate::allowed;

/// Why a command changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DisputeRefusal {
    /// The merchant has no such dispute, whoever else may.
    #[error("there is no such dispute; check its number")]
    NotFound,
    /// The state does not allow it.
    #[error("the dispute is {status} in {stage} and allows {}", allowed::sentence(*status, *stage, *to))]
    InvalidState {
        /// Where the dispute stands.
        status: Status,
        /// In which stage.
        stage: Stage,
        /// Who is told.
        to: Audience,
    },
    /// An advance, which the state allows, to a stage that is not a later one.
    #[error("the dispute is {status} in {stage}; advance leads to a later stage only: {}", allowed::later(*stage))]
    StageNotLater {
        /// Where the dispute stands.
        status: Status,
        /// In which stage.
        stage: Stage,
    },
    /// What was submitted before does not answer a request for more.
    #[error(
        "the dispute is NEEDS_RESPONSE because more evidence was requested; this is what was submitted before. \
         Contest with a list that differs, or accept"
    )]
    NothingNew,
    /// The response came too late.
    #[error(
        "the deadline {} has passed; the response arrived at {}, both in UTC",
        rfc3339(deadline),
        rfc3339(arrival)
    )]
    DeadlinePassed {
        /// When a response had to be there.
        deadline: UnixMillis,
        /// When this one was.
        arrival: UnixMillis,
    },
    /// The response arrived in time, but the gateway acted on the deadline before it could commit it.
    #[error(
        "the response arrived in time, and the gateway could not commit it before it acted on the deadline; nothing \
         was changed. Tell the gateway's operator, who can extend the deadline"
    )]
    Overtaken,
    /// Pieces of evidence are faulty; all are named.
    #[error("{}", Faults(.0))]
    Evidence(Vec<(usize, EvidenceFault)>),
    /// A new deadline lies in the past.
    #[error("deadline must lie in the future; the gateway's time is {}", rfc3339(.0))]
    DeadlineNotFuture(UnixMillis),
    /// A new deadline would take time away.
    #[error("extend only gives more time; the deadline is {} already", rfc3339(.0))]
    DeadlineNotLater(UnixMillis),
    /// The dispute was opened before with other content.
    #[error(
        "the dispute exists with other content, and what it was opened with never changes; look at it first: under \
         another disputeNo, the same case would be disputed twice"
    )]
    OpenedDifferently,
    /// No deadline has passed; nothing expiries.
    #[error("the deadline has not passed, or was answered")]
    NotDue,
}

/// Who is told what a state allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// An operator.
    Operator,
    /// The merchant.
    Merchant {
        /// Whether it submitted something in the present stage, which it may then submit again.
        has_submitted: bool,
    },
}

impl DisputeRefusal {
    /// The code that answers it.
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

/// What is wrong with one piece of evidence. Where items differ, the code is that of the least of their faults in
/// this order, and the message names them all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceFault {
    /// Not a storageUri, or not of this merchant and scene.
    NotFound,
    /// Nothing lies there.
    NotUploaded,
    /// The content is not what its name says; the sentence tells.
    Mismatch(String),
    /// What lies there could not be read just now.
    Unreadable,
}

impl fmt::Display for EvidenceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("is not a storageUri that generateUploadUrl gave to this merchant"),
            Self::NotUploaded => f.write_str("holds no file; upload it again under a new generateUploadUrl"),
            Self::Mismatch(sentence) => write!(f, "holds a file that is not accepted: {sentence}"),
            Self::Unreadable => {
                f.write_str("could not be read just now; nothing was changed, send it again later")
            }
        }
    }
}

struct Faults<'a>(&'a [(usize, EvidenceFault)]);

impl fmt::Display for Faults<'_> {
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
