//! Decides after every attempt what comes next: an end, or another attempt after a pause. Pure; time is an argument.
//!
//! Every attempt carries a new timestamp and nonce, so none can be taken for a replay. Sending again is safe for every
//! call: a query changes nothing, an unused upload address is forgotten, and a repeated contest or acceptance is
//! answered `OK` and changes nothing (contract §4, §5). A notice (contract §2) may answer an altered copy of the
//! request, so it ends no call that can change a dispute before its bounds do.

use std::fmt;
use std::time::Duration;

use rebuttal_protocol::code::Resend;
use rebuttal_protocol::{Code, Finality, UnixMillis};

use crate::error::{Cause, Error, Refusal, Unverified};
use crate::limits::{PAUSE, PAUSE_MAX, RETRY_AFTER_MAX};
use crate::verify::Verified;

/// Whether a call can change a dispute, which decides what an attempt without a verified answer leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Query and generateUploadUrl.
    None,
    /// Contest and accept.
    Dispute,
}

/// What one attempt brought.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// No verified answer.
    Failed(Cause),
    /// A verified answer.
    Verified(Box<Verified>),
}

impl Attempt {
    /// Whether the request may take effect, or may have, whatever the attempt brought.
    fn leaves_open(&self) -> bool {
        match self {
            Self::Failed(cause) => {
                !matches!(cause, Cause::NotConnected(_) | Cause::Untrusted(_) | Cause::NotTls)
            }
            // Nonces are random, so a nonce that was used before means that somebody on the way sent the request twice,
            // and the first copy's outcome stands. After an internal error the gateway promises nothing.
            Self::Verified(verified) => {
                verified.finality == Finality::Notice
                    || matches!(verified.code, Code::ReplayedNonce | Code::SystemError | Code::OutcomeUnknown)
            }
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(cause) => cause.fmt(f),
            Self::Verified(verified) => write!(f, "{}: {}", verified.code, verified.message),
        }
    }
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    /// A verified `OK`.
    Done(Box<Verified>),
    /// An end without one.
    Fail(Error),
    /// Another attempt, after a pause that is still to be jittered.
    Again(Pause),
    /// Another attempt at once, with the clock set by the verified answer's timestamp.
    CorrectClock(Box<Verified>),
}

/// How long to wait, and who said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// At once.
    None,
    /// Our own choice, to be jittered.
    Own(Duration),
    /// At least this long.
    Asked(Duration),
}

/// The plan of one call.
#[derive(Debug)]
pub(crate) struct AttemptPlan {
    effect: Effect,
    attempts_max: u32,
    attempts: u32,
    clock_corrected: bool,
    /// Until when some attempt so far may take effect unseen, or may have.
    open_until: Option<UnixMillis>,
}

impl AttemptPlan {
    /// How many there were.
    pub(crate) const fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) const fn new(effect: Effect, attempts_max: u32) -> Self {
        Self { effect, attempts_max, attempts: 0, clock_corrected: false, open_until: None }
    }

    /// Judges an attempt. `stale_at` is when its timestamp leaves the gateway's freshness window, `retry_after` the
    /// answer's header, `remaining` what is left of the call's time.
    pub(crate) fn judge(
        &mut self,
        attempt: Attempt,
        stale_at: UnixMillis,
        retry_after: Option<Duration>,
        remaining: Duration,
    ) -> Next {
        self.attempts = self.attempts.saturating_add(1);
        let was_in_doubt = self.in_doubt_until().is_some();
        if attempt.leaves_open() {
            self.open_until = self.open_until.max(Some(stale_at));
        }
        let (pause, cause) = match attempt {
            Attempt::Verified(verified) if verified.is_done() => return Next::Done(verified),
            Attempt::Verified(verified) => match self.answered(verified, retry_after) {
                Ok(again) => again,
                Err(next) => return next,
            },
            Attempt::Failed(cause) => (self.failed(&cause, was_in_doubt, retry_after), cause),
        };
        match pause {
            Some(pause) if self.attempts < self.attempts_max && pause.at_most() < remaining => {
                Next::Again(pause)
            }
            _ => Next::Fail(self.give_up(cause, retry_after)),
        }
    }

    /// A verified answer other than a settled `OK`: its code says whether and when to send again.
    fn answered(
        &mut self,
        verified: Box<Verified>,
        retry_after: Option<Duration>,
    ) -> Result<(Option<Pause>, Cause), Next> {
        if verified.code == Code::StaleTimestamp && !self.clock_corrected && self.attempts < self.attempts_max
        {
            self.clock_corrected = true;
            return Err(Next::CorrectClock(verified));
        }
        let is_open_notice = verified.finality == Finality::Notice && self.effect == Effect::Dispute;
        let pause = match verified.code.resend() {
            _ if verified.code == Code::StaleTimestamp => None,
            Resend::FreshHeader => Some(Pause::None),
            Resend::Later => Some(self.pause(retry_after)),
            // For every call of ours, sending it again is the query: a repetition is answered OK (contract §4).
            Resend::QueryFirst => Some(self.pause(retry_after)),
            Resend::No | Resend::AfterUploading | Resend::AnotherFile => {
                is_open_notice.then(|| self.pause(retry_after))
            }
        };
        let Verified { finality, code, message, proof, .. } = *verified;
        if pause.is_some() || is_open_notice {
            return Ok((pause, Cause::Answered { code, message, finality: Some(finality) }));
        }
        let open_until = self.in_doubt_until();
        Err(Next::Fail(Error::Refused(Box::new(Refusal { code, message, proof, open_until }))))
    }

    /// No verified answer. What would most likely meet the next attempt too ends the call: a certificate, a redirect,
    /// an answer that claims a final code; one that is no envelope comes from something in between that is waiting for
    /// the gateway itself. But while an earlier attempt may have taken effect, only a verified answer ends the call
    /// before its bounds do: where the gateway is being replaced, all of these stand in its place for a moment.
    fn failed(&self, cause: &Cause, was_in_doubt: bool, retry_after: Option<Duration>) -> Option<Pause> {
        let lasts = match cause {
            Cause::Untrusted(_) | Cause::NotTls | Cause::NotHttp => true,
            Cause::Unverified(unverified) if unverified.is_redirect() => true,
            Cause::Unverified(Unverified { claim: Some(claim), .. }) => {
                !matches!(claim.code.resend(), Resend::Later)
            }
            _ => false,
        };
        (was_in_doubt || !lasts).then(|| self.pause(retry_after))
    }

    /// Until when some attempt so far may change the dispute unseen; `None` if none can, and none may have.
    fn in_doubt_until(&self) -> Option<UnixMillis> {
        self.open_until.filter(|_| self.effect == Effect::Dispute)
    }

    fn pause(&self, retry_after: Option<Duration>) -> Pause {
        let doublings = self.attempts.saturating_sub(1).min(10);
        let own = PAUSE.saturating_mul(1 << doublings).min(PAUSE_MAX);
        match retry_after {
            // Beyond the limit it is not shortened but too long: sent earlier, the request would only be in the way.
            Some(asked) if asked > RETRY_AFTER_MAX => Pause::Asked(Duration::MAX),
            Some(asked) if asked > own => Pause::Asked(asked),
            _ => Pause::Own(own),
        }
    }

    /// How a call ends whose verified `OK` has data that cannot be read.
    pub(crate) fn unreadable(&mut self, why: &str, stale_at: UnixMillis) -> Error {
        self.open_until = self.open_until.max(Some(stale_at));
        self.give_up(Cause::Unreadable(why.to_owned()), None)
    }

    /// How a call ends that got no final answer in its bounds. How long it took, whoever holds the clock fills in.
    fn give_up(&self, cause: Cause, retry_after: Option<Duration>) -> Error {
        let (attempts, waited) = (self.attempts, Duration::ZERO);
        if let Some(open_until) = self.in_doubt_until() {
            return Error::Unknown { attempts, waited, cause, open_until };
        }
        match cause {
            // Wherever it comes from, it says no more than that nobody serves: no secret or address is at fault.
            Cause::Unverified(unverified) if !unverified.is_outage() => {
                Error::Unverified(Box::new(unverified))
            }
            cause => Error::Unavailable { attempts, waited, cause, retry_after },
        }
    }
}

impl Pause {
    const fn at_most(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Own(pause) | Self::Asked(pause) => pause,
        }
    }
}

#[cfg(test)]
mod tests;
