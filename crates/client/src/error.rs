//! What can go wrong, by what the caller can do about it; nothing here decides what is sent again (`retry`)
//! or what is believed (`verify`).

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rebuttal_protocol::{Code, Finality, Invalid, Scheme, UnixMillis};

use crate::proof::Proof;

/// Why a call did not end in a verified `OK`.
///
/// [`Error::outcome`] sorts the variants into what they mean for the dispute; most programs need no more than that and
/// the sentence that [`Display`](fmt::Display) makes of the error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client cannot work as it is set up: its address, a certificate, the system's random generator.
    #[error("{0}")]
    Configuration(String),
    /// What was to be sent breaks a rule of the contract; nothing was sent.
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
    /// The gateway said no, and its answer is verified (contract §7). Whether an earlier attempt of the call may still
    /// take effect, [`VerifiedRefusal::open_until`] says.
    #[error("{0}")]
    Refused(Box<VerifiedRefusal>),
    /// The file store did not take a file: nothing was submitted (contract §3). Its answers are not signed, so this is
    /// only what it claims; most often another file is the remedy.
    #[error("the file store refused {filename}: {code}: {message}")]
    UploadRefused {
        /// Which file.
        filename: String,
        /// The store's code, such as `EntityTooLarge`.
        code: String,
        /// The store's sentence.
        message: String,
    },
    /// The call was not served within its bounds ([`limits`](crate::limits)), and nothing was changed. Try again later.
    #[error("the gateway did not serve the call ({}), and nothing was changed: {cause}", tries(*attempts, *waited))]
    Unavailable {
        /// How often it was tried.
        attempts: u32,
        /// How long all attempts and pauses took.
        waited: Duration,
        /// What the last attempt met.
        cause: Cause,
        /// What the gateway asked to wait, if it did.
        retry_after: Option<Duration>,
    },
    /// An answer came that proves nothing, to a call that changes nothing: something else answers at this address, or
    /// app id, secret, scheme or address are not those that the gateway knows.
    #[error("{0}")]
    Unverified(Box<Unverified>),
    /// Whether the contest or the acceptance took effect is not known. Both may safely be sent again as they were
    /// (contract §4, §5).
    #[error(
        "whether the call took effect is not known, and it still can until {} ({}): {cause}",
        open_until.to_rfc3339_utc(), tries(*attempts, *waited)
    )]
    Unknown {
        /// How often it was tried.
        attempts: u32,
        /// How long all attempts and pauses took.
        waited: Duration,
        /// What the last attempt met.
        cause: Cause,
        /// The time, by the gateway's clock, up to which an attempt can still take effect: the latest timestamp plus
        /// the [freshness window](crate::ClientBuilder::freshness_window), if that is the gateway's. What a query
        /// returns after that is final.
        open_until: UnixMillis,
    },
}

fn tries(attempts: u32, waited: Duration) -> String {
    let times = if attempts == 1 { "tried once".to_owned() } else { format!("tried {attempts} times") };
    match waited.as_secs() {
        // Too short to be worth a mention.
        0..=1 => times,
        seconds => format!("{times}, for {seconds} seconds"),
    }
}

/// What an error means for the dispute, over all attempts of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// Nothing was changed by this call, and it was not decided: the same call may succeed later, or once the
    /// error on this side is fixed.
    NothingChanged,
    /// The gateway refused, provably, and no earlier attempt of the call can have taken effect. The same call would be
    /// refused again.
    Refused,
    /// The call may have taken effect. Send the same again, or query, until it is done or refused.
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
    /// The same error, after so long.
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

/// A verified "no" (contract §7).
#[derive(Debug)]
pub struct VerifiedRefusal {
    /// The meaning. A code that this version does not know is [`Code::Unknown`].
    pub code: Code,
    /// What happened, why, and what to do, in the gateway's words.
    pub message: String,
    /// What the refusal can be shown with.
    pub proof: Proof,
    /// The time, by the gateway's clock, up to which an earlier attempt of the same contest or acceptance may take
    /// effect unseen, if there is one. It may have already, before the dispute or the app reached the state in which
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

/// What the last attempt of a call met that did not bring a verified final answer. What earlier ones met decides on the
/// [`CallOutcome`] as well, and is reported by [`ClientBuilder::on_retry`](crate::ClientBuilder::on_retry) only.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// No connection was made; the request did not leave.
    NotConnected(String),
    /// The gateway's certificate is not trusted; the request did not leave.
    Untrusted(String),
    /// The address starts with `https://`, but what answers there speaks no TLS; the request did not leave.
    NotTls,
    /// The address starts with `http://`, but what came back is not HTTP: most likely TLS is spoken there.
    NotHttp,
    /// The connection failed after the request may have left.
    Lost(String),
    /// No answer came in time.
    TimedOut,
    /// An answer that is not final: a verified one of the gateway's that asks for patience, says that the outcome is
    /// not known there either, or is a notice; or the file store's, which is never signed.
    Answered {
        /// The meaning.
        code: Code,
        /// The gateway's sentence.
        message: String,
        /// What the answer proves about its request (contract §2); `None` for the file store's.
        finality: Option<Finality>,
    },
    /// An answer that proves nothing, and so leaves open what became of a contest or an acceptance.
    Unverified(Unverified),
    /// A verified `OK` whose data are not what this version of the client understands.
    Unreadable(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(why) => write!(f, "no connection could be made: {why}"),
            Self::Untrusted(why) => write!(f, "the gateway's certificate is not trusted: {why}"),
            Self::NotTls => f.write_str(
                "the address starts with https://, but what answers there speaks no TLS; if it is the gateway, the \
                 address must start with http://",
            ),
            Self::NotHttp => f.write_str(
                "the address starts with http://, but what answers there speaks no plain HTTP; if it is the gateway, \
                 the address must start with https://",
            ),
            Self::Lost(why) => write!(f, "the connection was lost: {why}"),
            Self::TimedOut => f.write_str("no answer came in time"),
            Self::Answered { code, message, finality } => {
                let notice = "the gateway's notice, which does not settle the call, says ";
                let said_by = if *finality == Some(Finality::Notice) { notice } else { "" };
                write!(f, "{said_by}{code}: {message}")
            }
            Self::Unverified(unverified) => unverified.fmt(f),
            Self::Unreadable(why) => write!(f, "the answer is genuine, but its data cannot be read: {why}"),
        }
    }
}

/// An answer that proves nothing, and why (contract §2). Anybody could have written it: all of this is for people who
/// look for what is wrong, never for a program that decides on a dispute.
#[derive(Debug)]
pub struct Unverified {
    /// What is wrong with it.
    pub defect: ResponseDefect,
    /// What it says of itself, if it has the form of a gateway's answer.
    pub claim: Option<Claim>,
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let ResponseDefect::Foreign(_) = self.defect {
            return self.defect.fmt(f);
        }
        write!(f, "the answer proves nothing: {}", self.defect)?;
        match &self.claim {
            Some(Claim { code, message }) if message.is_empty() => write!(f, "; it claims {code}"),
            Some(Claim { code, message }) => write!(f, "; it claims {code}: {message}"),
            None => Ok(()),
        }
    }
}

impl Unverified {
    /// Whether a proxy before the gateway says that it is unavailable.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(&self.defect, ResponseDefect::Foreign(foreign_response) if foreign_response.status >= 500)
    }

    /// Whether the caller is sent elsewhere, as the next attempt most likely would be, too.
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
    /// Where it sends the caller, if it does; bounded, without control characters. It is not followed.
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

/// What an unverified answer says of itself, without control characters, and no more of it than
/// [`CLAIM_MAX_CHARS`](crate::limits::CLAIM_MAX_CHARS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its code.
    pub code: Code,
    /// Its sentence; may be empty.
    pub message: String,
}

/// Why an answer proves nothing: the first of the checks of contract §2 that it fails, in their order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseDefect {
    /// It has the form of a gateway's answer and no `Authorization` header. A gateway answers so who sends an app id
    /// that it does not know.
    #[error("it is not signed")]
    Unsigned,
    /// It is neither signed nor an envelope, while every answer of a gateway is an envelope.
    #[error("{0}: probably a proxy's answer, not the gateway's")]
    Foreign(Box<ForeignResponse>),
    /// Its `Authorization` header is not of the form, or there are several.
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
    /// The signature is not the one that our secret makes for the answer.
    #[error(
        "the signature does not match: the secret, the address or the content is not what the gateway signed"
    )]
    WrongSign,
    /// It is longer than [`ANSWER_MAX_BYTES`](crate::limits::ANSWER_MAX_BYTES).
    #[error("it is too long")]
    TooLong,
    /// It is signed, but its body is not an envelope.
    #[error("its body is no envelope: {0}")]
    Body(String),
}
