//! How the process ends, for scripts. Invariant: [`HELP`] is printed by `--help` and lists them all.

use std::process::ExitCode;

use rebuttal_client::Error;

/// The outcome of a command, as its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// Something on this side: a file, a setting, a "no" or Ctrl-C at the question.
    Local = 1,
    /// A command line that is not understood.
    Usage = 2,
    /// The gateway refused, in a verified answer, and no earlier try can have taken effect.
    Refused = 3,
    /// Whether it took effect is not known.
    Unknown = 4,
    /// The gateway did not serve the call; nothing was changed.
    Unavailable = 5,
    /// An answer that proves nothing; nothing was changed.
    Unverified = 6,
    /// What was asked for is done, but standard output did not take the answer.
    Untold = 7,
}

/// The codes, as `--help` tells them.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done: the gateway's signed answer says OK
  1  a file or a setting on this side, or a no or Ctrl-C at the question; nothing was changed
  2  wrong usage; nothing was changed
  3  refused by the gateway, in a verified answer
  4  unknown: it may or may not have taken effect; how to learn it is told
  5  the gateway or its file store cannot be reached or is busy, or a proxy says so; nothing was changed
  6  the answers prove nothing: wrong app, secret or address, or somebody else answers; nothing was changed
  7  done as with 0, but the answer could not be written to standard output; how to have it again is told";

/// The codes of a command that only says or writes something.
pub(crate) const SAYING: &str = "\
Exit codes:
  0  done
  1  not done; why is told on standard error
  2  wrong usage";

impl Exit {
    /// The code for what a client's call ended with.
    pub(crate) const fn of(error: &Error) -> Self {
        match error {
            // It settles its own try alone.
            Error::Refused(refusal) if refusal.open_until.is_some() => Self::Unknown,
            Error::Refused(_) => Self::Refused,
            Error::Unknown { .. } => Self::Unknown,
            Error::Unavailable { .. } => Self::Unavailable,
            Error::Unverified(_) => Self::Unverified,
            _ => Self::Local,
        }
    }

    /// The word that `--json` tells it with.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Local => "local",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Unavailable => "unavailable",
            Self::Unverified => "unverified",
            Self::Untold => "untold",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
