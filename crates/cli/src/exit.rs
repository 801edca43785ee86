//! The exit codes, for scripts. Invariant: [`HELP`] is printed by `--help` and lists them all.

use std::process::ExitCode;

use rebuttal_client::Error;

/// The outcome of a command, as its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command succeeded.
    Done = 0,
    /// A local error: a file, a setting, a "no" or Ctrl-C at the confirmation.
    Local = 1,
    /// An invalid command line.
    Usage = 2,
    /// The gateway refused, in a verified answer, and no earlier attempt can have taken effect.
    Refused = 3,
    /// It is unknown whether the command took effect.
    Unknown = 4,
    /// The gateway did not serve the call; nothing was changed.
    Unavailable = 5,
    /// The answer could not be verified; nothing was changed.
    Unverified = 6,
    /// The command succeeded, but the answer could not be written to standard output.
    OutputFailed = 7,
}

/// The exit codes, for `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done: the gateway's signed answer says OK
  1  a local file or setting is invalid, or the confirmation was declined; nothing was changed
  2  usage error; nothing was changed
  3  refused by the gateway, in a verified answer
  4  unknown: it may or may not have taken effect; the output says how to find out
  5  the gateway or its file store cannot be reached or is busy, or a proxy reports it; nothing was changed
  6  the answer could not be verified: wrong app, secret or address, or not the gateway; nothing was changed
  7  success, but the answer could not be written to standard output; standard error says how to get it again";

/// The exit codes of a command that only prints or writes something.
pub(crate) const HELP_OUTPUT_ONLY: &str = "\
Exit codes:
  0  done
  1  failed; standard error has the reason
  2  usage error";

impl Exit {
    /// The exit code for a client's error.
    pub(crate) const fn of(error: &Error) -> Self {
        match error {
            // It settles only its own attempt.
            Error::Refused(refusal) if refusal.open_until.is_some() => Self::Unknown,
            Error::Refused(_) => Self::Refused,
            Error::Unknown { .. } => Self::Unknown,
            Error::Unavailable { .. } => Self::Unavailable,
            Error::Unverified(_) => Self::Unverified,
            _ => Self::Local,
        }
    }

    /// The word in `--json`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Local => "local",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Unavailable => "unavailable",
            Self::Unverified => "unverified",
            Self::OutputFailed => "output_failed",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
