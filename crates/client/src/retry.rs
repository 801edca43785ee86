//! Decides after every attempt whether to stop, or to try again after a pause. Pure; time is an argument.
//!
//! Every attempt has a new timestamp and nonce, so it is not a replay. Sending again is safe for every call: a query
//! changes nothing, an unused upload address is discarded, and a repeated contest or acceptance is answered `OK` and
//! changes nothing (contract §4, §5). A notice (contract §2) may answer an altered copy of the request, so it does not
//! end a call that can change a dispute.

use std::fmt;
use std::time::Duration;

use rebuttal_protocol::code::Resend;
use rebuttal_protocol::{Code, Finality, MerchantCall, UnixMillis};

use crate::attempts::{AttemptEffect, Attempts, Pause};
use crate::error::{Cause, Error, VerifiedRefusal};
use crate::verify::VerifiedAnswer;

/// The result of one attempt.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// No verified answer.
    Failed(Cause),
    /// A verified answer.
    Verified(Box<VerifiedAnswer>),
}

impl Attempt {
    /// Whether the request may have taken effect, or may still take effect.
    fn effect(&self) -> AttemptEffect {
        match self {
            Self::Failed(cause) => cause.effect(),
            // Nonces are random, so a used nonce means that the request was duplicated in transit, and the first
            // copy's outcome is valid. After an internal error the outcome is unknown.
            Self::Verified(verified)
                if verified.finality == Finality::Notice
                    || matches!(
                        verified.code,
                        Code::ReplayedNonce | Code::SystemError | Code::OutcomeUnknown
                    ) =>
            {
                AttemptEffect::Possible
            }
            Self::Verified(_) => AttemptEffect::NotByThisAttempt,
        }
    }

    /// Whether the next attempt would most likely fail in the same way: also a redirect, and an unverified answer that
    /// claims a final code. One that is no envelope comes from a proxy that waits for the gateway.
    fn is_lasting(&self) -> bool {
        match self {
            Self::Failed(Cause::Unverified(unverified)) => {
                let claim = unverified.claim.as_ref();
                unverified.is_redirect() || claim.is_some_and(|claim| claim.code.resend() != Resend::Later)
            }
            Self::Failed(cause) => cause.is_lasting(),
            Self::Verified(_) => false,
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

/// What to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// A verified `OK`.
    Done(Box<VerifiedAnswer>),
    /// An end without one.
    Fail(Error),
    /// Another attempt, after a pause without jitter yet.
    Again(Pause),
    /// Another attempt without a pause, with the clock set by the verified answer's timestamp.
    CorrectClock(Box<VerifiedAnswer>),
}

/// The attempts of one call, and the time until which one may take effect.
#[derive(Debug)]
pub(crate) struct AttemptPlan {
    /// Whether the call can change a dispute, and so may have taken effect without a verified answer.
    changes_dispute: bool,
    attempts: Attempts,
    clock_corrected: bool,
    /// The time until which an attempt so far may take effect, or may have.
    open_until: Option<UnixMillis>,
}

impl AttemptPlan {
    pub(crate) const fn new(call: MerchantCall, attempts_max: u32) -> Self {
        Self {
            changes_dispute: call.changes_dispute(),
            attempts: Attempts::new(attempts_max),
            clock_corrected: false,
            open_until: None,
        }
    }

    /// How many attempts were made.
    pub(crate) const fn attempts(&self) -> u32 {
        self.attempts.made()
    }

    /// Records an attempt and decides what to do next. `stale_at` is when its timestamp leaves the gateway's freshness
    /// window, `retry_after` the answer's header, `remaining` the time left for the call.
    pub(crate) fn judge(
        &mut self,
        attempt: Attempt,
        stale_at: UnixMillis,
        retry_after: Option<Duration>,
        remaining: Duration,
    ) -> Next {
        let effect = if self.changes_dispute { attempt.effect() } else { AttemptEffect::NotByThisAttempt };
        if effect == AttemptEffect::Possible {
            self.open_until = self.open_until.max(Some(stale_at));
        }
        let pause = self.attempts.record(effect, attempt.is_lasting(), retry_after, remaining);
        match (attempt, pause) {
            (Attempt::Verified(verified), _) if verified.is_done() => Next::Done(verified),
            (Attempt::Verified(verified), _) => self.answered(verified, pause, retry_after),
            (Attempt::Failed(_), Some(pause)) => Next::Again(pause),
            (Attempt::Failed(cause), None) => Next::Fail(self.give_up(cause, retry_after)),
        }
    }

    /// A verified answer other than a settled `OK`: its code determines whether and when to send again.
    fn answered(
        &mut self,
        verified: Box<VerifiedAnswer>,
        pause: Option<Pause>,
        retry_after: Option<Duration>,
    ) -> Next {
        let is_stale = verified.code == Code::StaleTimestamp;
        if is_stale && !self.clock_corrected && self.attempts.remain() {
            self.clock_corrected = true;
            return Next::CorrectClock(verified);
        }
        let is_open_notice = verified.finality == Finality::Notice && self.changes_dispute;
        let next = match verified.code.resend() {
            _ if is_stale => None,
            Resend::FreshHeader => Some(pause.map(|_| Pause::None)),
            // Sending the call again shows the outcome: a repetition is answered OK (contract §4).
            Resend::Later | Resend::QueryFirst => Some(pause),
            Resend::No | Resend::AfterUploading | Resend::AnotherFile => is_open_notice.then_some(pause),
        };
        let VerifiedAnswer { finality, code, message, proof, .. } = *verified;
        match next {
            Some(Some(pause)) => Next::Again(pause),
            None if !is_open_notice => {
                let open_until = self.open_until;
                Next::Fail(Error::Refused(Box::new(VerifiedRefusal { code, message, proof, open_until })))
            }
            Some(None) | None => {
                let cause = Cause::Answered { code, message, finality: Some(finality) };
                Next::Fail(self.give_up(cause, retry_after))
            }
        }
    }

    /// The end of a call with a verified `OK` whose data cannot be parsed.
    pub(crate) fn unreadable(&mut self, why: &str, stale_at: UnixMillis) -> Error {
        if self.changes_dispute {
            self.open_until = self.open_until.max(Some(stale_at));
        }
        self.give_up(Cause::Unreadable(why.to_owned()), None)
    }

    /// The end of a call without a final answer in its limits. The caller, which has the clock, adds the elapsed time.
    fn give_up(&self, cause: Cause, retry_after: Option<Duration>) -> Error {
        let (attempts, waited) = (self.attempts(), Duration::ZERO);
        if let Some(open_until) = self.open_until {
            return Error::Unknown { attempts, waited, cause, open_until };
        }
        match cause {
            // The service is down, so it does not indicate a wrong secret or address.
            Cause::Unverified(unverified) if !unverified.is_outage() => {
                Error::Unverified(Box::new(unverified))
            }
            cause => Error::Unavailable { attempts, waited, cause, retry_after },
        }
    }
}

#[cfg(test)]
mod tests;
