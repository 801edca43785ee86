//! Errors, by what the caller can do about them. Retries are decided in `retry`, verification in `verify`.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rebuttal_protocol::{Code, Finality, Invalid, Scheme, UnixMillis};

use crate::proof::Proof;

/// Why a call did not end in a verified `OK`.
///
/// [`Error::outcome`] says what a variant means for the dispute; most programs need only that and the message from
/// [`Display`](fmt::Display).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client's configuration is invalid: its address or a certificate; or the system's random generator failed.
    #[error("{0}")]
    Configuration(String),
    /// The request violates a rule of the contract; nothing was sent.
    #[error("{0}")]
    Invalid(String),
    /// An evidence file cannot be read; nothing was submitted.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A verified refusal of the gateway (contract §7). [`VerifiedRefusal::open_until`] says whether an earlier attempt
    /// of the call may still take effect.
    #[error("{0}")]
    Refused(Box<VerifiedRefusal>),
    /// The file store refused a file: nothing was submitted (contract §3). Its answers are not signed, so this is an
    /// unverified claim; usually the file must be replaced.
    #[error("the file store refused {filename}: {code}: {message}")]
    UploadRefused {
        /// Which file.
        filename: String,
        /// The store's code, such as `EntityTooLarge`.
        code: String,
        /// The store's message.
        message: String,
    },
    /// The call was not served within its limits ([`limits`](crate::limits)), and nothing was changed. Try again later.
    #[error("the gateway did not serve the call ({}), and nothing was changed: {cause}", tries(*attempts, *waited))]
    Unavailable {
        /// The number of attempts.
        attempts: u32,
        /// How long all attempts and pauses took.
        waited: Duration,
        /// Why the last attempt failed.
        cause: Cause,
        /// The gateway's `Retry-After`, if it sent one.
        retry_after: Option<Duration>,
    },
    /// The answer to a call that changes nothing cannot be verified: another server answers at this address, or app id,
    /// secret, scheme or address are not those of the gateway.
    #[error("{0}")]
    Unverified(Box<Unverified>),
    /// It is unknown whether the contest or the acceptance took effect. Both may safely be sent again unchanged
    /// (contract §4, §5).
    #[error(
        "it is unknown whether the call took effect, and it still can until {} ({}): {cause}",
        open_until.to_rfc3339_utc(), tries(*attempts, *waited)
    )]
    Unknown {
        /// The number of attempts.
        attempts: u32,
        /// How long all attempts and pauses took.
        waited: Duration,
        /// Why the last attempt failed.
        cause: Cause,
        /// The time, by the gateway's clock, up to which an attempt can still take effect: the latest timestamp plus
        /// the [freshness window](crate::ClientBuilder::freshness_window), which must be the gateway's. What a query
        /// returns after that is final.
        open_until: UnixMillis,
    },
}

fn tries(attempts: u32, waited: Duration) -> String {
    let times = if attempts == 1 { "tried once".to_owned() } else { format!("tried {attempts} times") };
    match waited.as_secs() {
        // Too short to mention.
        0..=1 => times,
        seconds => format!("{times}, for {seconds} seconds"),
    }
}

/// What an error means for the dispute, over all attempts of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// Nothing was changed by this call, and it was not decided: the same call may succeed later, or after the error on
    /// this side is fixed.
    NothingChanged,
    /// The gateway refused in a verified answer, and no earlier attempt of the call can have taken effect. The same
    /// call would be refused again.
    Refused,
    /// The call may have taken effect. Send the same call again, or query, until it is done or refused.
    Unknown,
}

impl Error {
    /// What the error means for the dispute.
    #[must_use]
    pub const fn outcome(&self) -> CallOutcome {
        match self {
            Self::Refused(refusal) if refusal.open_until.is_some() => CallOutcome::Unknown,
            Self::Refused(_) => CallOutcome::Refused,
            Self::Unknown { .. } => CallOutcome::Unknown,
            Self::Configuration(_)
            | Self::Invalid(_)
            | Self::File { .. }
            | Self::UploadRefused { .. }
            | Self::Unavailable { .. }
            | Self::Unverified(_) => CallOutcome::NothingChanged,
        }
    }
}

impl Error {
    /// The same error, with the elapsed time.
    pub(crate) fn after(mut self, elapsed: Duration) -> Self {
        if let Self::Unavailable { waited, .. } | Self::Unknown { waited, .. } = &mut self {
            *waited = elapsed;
        }
        self
    }
}

impl From<Invalid> for Error {
    fn from(error: Invalid) -> Self {
        Self::Invalid(error.0)
    }
}

/// A verified refusal (contract §7).
#[derive(Debug)]
pub struct VerifiedRefusal {
    /// The meaning. A code that this version does not know is [`Code::Unknown`].
    pub code: Code,
    /// The gateway's message: what happened, why, and what to do.
    pub message: String,
    /// The proof of the refusal.
    pub proof: Proof,
    /// The time, by the gateway's clock, up to which an earlier attempt of the same contest or acceptance may take
    /// effect, if there is one. It may also have taken effect before the dispute or the app reached the state in which
    /// this attempt was refused. Then the [`CallOutcome`] is unknown; query the dispute.
    pub open_until: Option<UnixMillis>,
}

impl fmt::Display for VerifiedRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, message, .. } = self;
        write!(f, "the gateway refused: {code}: {message}")?;
        match self.open_until {
            Some(until) => write!(
                f,
                " (an earlier attempt got no final answer and can take effect until {}: query the dispute)",
                until.to_rfc3339_utc()
            ),
            None => Ok(()),
        }
    }
}

/// Why the last attempt of a call did not get a verified final answer. Earlier attempts affect the [`CallOutcome`],
/// too, and are reported only to [`ClientBuilder::on_retry`](crate::ClientBuilder::on_retry).
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// No connection was made; the request was not sent.
    NotConnected(String),
    /// The gateway's certificate is not trusted; the request was not sent.
    Untrusted(String),
    /// The address starts with `https://`, but the server does not speak TLS; the request was not sent.
    NotTls,
    /// The address starts with `http://`, but the answer is not HTTP: the server most likely expects TLS.
    NotHttp,
    /// The connection failed after the request may have been sent.
    Lost(String),
    /// No answer arrived in time.
    TimedOut,
    /// An answer that is not final: a verified `RateLimited`, `Unavailable` or `OutcomeUnknown` of the gateway or a
    /// notice; or an error of the file store, which is never signed.
    Answered {
        /// The meaning.
        code: Code,
        /// The message.
        message: String,
        /// What the answer proves about its request (contract §2); `None` for the file store's.
        finality: Option<Finality>,
    },
    /// An answer that cannot be verified, so the outcome of a contest or an acceptance is unknown.
    Unverified(Unverified),
    /// A verified `OK` with data that this version of the client cannot parse.
    Unreadable(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(why) => write!(f, "the connection failed: {why}"),
            Self::Untrusted(why) => write!(f, "the gateway's certificate is not trusted: {why}"),
            Self::NotTls => f.write_str(
                "the address starts with https://, but the server does not speak TLS; if it is the gateway, the address \
                 must start with http://",
            ),
            Self::NotHttp => f.write_str(
                "the address starts with http://, but the server does not speak plain HTTP; if it is the gateway, the \
                 address must start with https://",
            ),
            Self::Lost(why) => write!(f, "the connection was lost: {why}"),
            Self::TimedOut => f.write_str("no answer arrived in time"),
            Self::Answered { code, message, finality } => {
                let notice = "the gateway sent a notice, which does not settle the call: ";
                let said_by = if *finality == Some(Finality::Notice) { notice } else { "" };
                write!(f, "{said_by}{code}: {message}")
            }
            Self::Unverified(unverified) => unverified.fmt(f),
            Self::Unreadable(why) => write!(f, "the answer is verified, but its data cannot be parsed: {why}"),
        }
    }
}

/// An answer that cannot be verified, and why (contract §2). Anyone could have written it: all of this is for people
/// who debug, not for a program that decides on a dispute.
#[derive(Debug)]
pub struct Unverified {
    /// What is wrong with it.
    pub defect: ResponseDefect,
    /// Its code and message, if it has the form of a gateway's answer.
    pub claim: Option<Claim>,
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let ResponseDefect::Foreign(_) = self.defect {
            return self.defect.fmt(f);
        }
        write!(f, "the answer cannot be verified: {}", self.defect)?;
        match &self.claim {
            Some(Claim { code, message }) if message.is_empty() => write!(f, "; it claims {code}"),
            Some(Claim { code, message }) => write!(f, "; it claims {code}: {message}"),
            None => Ok(()),
        }
    }
}

impl Unverified {
    /// Whether it is a proxy's report that the gateway is unavailable.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(&self.defect, ResponseDefect::Foreign(foreign_response) if foreign_response.status >= 500)
    }

    /// Whether it is a redirect; the next attempt would most likely get it, too.
    pub(crate) fn is_redirect(&self) -> bool {
        matches!(&self.defect, ResponseDefect::Foreign(foreign_response) if (300..400).contains(&foreign_response.status))
    }
}

/// A response that does not have the form of a gateway's, most likely a proxy's or an ingress's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignResponse {
    /// Its HTTP status.
    pub status: u16,
    /// Its media type without parameters, if it names one; bounded, without control characters.
    pub content_type: Option<String>,
    /// The target of a redirect, which is not followed; bounded, without control characters.
    pub location: Option<String>,
}

impl fmt::Display for ForeignResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        match (&self.location, &self.content_type) {
            (Some(location), _) => write!(f, " to {location}"),
            (None, Some(content_type)) => write!(f, ", {content_type}"),
            (None, None) => Ok(()),
        }
    }
}

/// Code and message of an unverified answer, without control characters, each at most
/// [`CLAIM_MAX_CHARS`](crate::limits::CLAIM_MAX_CHARS) long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its code.
    pub code: Code,
    /// Its message; may be empty.
    pub message: String,
}

/// Why an answer cannot be verified: the first check of contract §2 that fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseDefect {
    /// It has the form of a gateway's answer and no `Authorization` header. A gateway answers this way if it does not
    /// know the app id.
    #[error("it is not signed")]
    Unsigned,
    /// It is neither signed nor an envelope, which every answer of a gateway is.
    #[error("{0}: probably a proxy's answer, not the gateway's")]
    Foreign(Box<ForeignResponse>),
    /// Its `Authorization` header is malformed, or there are several.
    #[error("its Authorization header {0}")]
    Header(Invalid),
    /// It is signed for another app.
    #[error("it is for another app")]
    OtherApp,
    /// It is signed with a weaker scheme than the request was.
    #[error("it is signed with {answered}, which is weaker than {sent}")]
    WeakerScheme {
        /// The request's scheme.
        sent: Scheme,
        /// The answer's scheme.
        answered: Scheme,
    },
    /// Its nonce does not bind it to the request.
    #[error("it belongs to another request")]
    OtherRequest,
    /// The signature is not valid for the answer and this secret.
    #[error(
        "the signature does not match: the secret, the address or the content is not what the gateway signed"
    )]
    WrongSign,
    /// It is longer than [`ANSWER_MAX_BYTES`](crate::limits::ANSWER_MAX_BYTES).
    #[error("it is too long")]
    TooLong,
    /// It is signed, but its body is not an envelope.
    #[error("its body is not an envelope: {0}")]
    Body(String),
}
