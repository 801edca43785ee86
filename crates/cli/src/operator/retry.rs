//! The attempts of one call, and what they tell about the effect of the change that they sent. All answers pass through
//! here: once an attempt may have taken effect, only an answer that knows of it can say that nothing was changed, and
//! only the gateway's answer ends the attempts before their limit.

use std::time::{Duration, Instant};

use rebuttal_client::{Cause, ForeignResponse, ResponseDefect, internal};

use super::failure::{Failure, ResendInfo};

/// Most attempts of a call.
pub(super) const ATTEMPTS_MAX: u32 = 5;
/// The pause before the second attempt; it doubles from attempt to attempt.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest `Retry-After` that is obeyed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// A wait that is mentioned in the error. Where standard error is no terminal, nothing was printed meanwhile.
const LONG_WAIT: Duration = Duration::from_secs(10);

/// An attempt without success.
pub(super) struct FailedAttempt {
    pub(super) effect: AttemptEffect,
    pub(super) next: NextStep,
    /// The pause that the answer asks for.
    pub(super) retry_after: Option<Duration>,
}

/// What an attempt tells about the effect of the change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptEffect {
    /// This attempt changed nothing. It knows nothing of earlier ones.
    NotByThisAttempt,
    /// It may have taken effect.
    Possible,
    /// The gateway has looked the key up: no attempt took effect.
    ByNoAttempt,
}

/// What to do after an attempt.
pub(super) enum NextStep {
    /// Another attempt may succeed.
    Retry(String),
    /// There is no answer, and another attempt would most likely fail alike.
    GiveUp(String),
    /// Something other than the gateway answered, and would most likely do so again.
    Foreign(ForeignResponse),
    /// The gateway refused.
    Refused(Failure),
}

impl NextStep {
    fn why(&self) -> String {
        match self {
            Self::Retry(why) | Self::GiveUp(why) => why.clone(),
            Self::Foreign(foreign) => describe_foreign(foreign),
            Self::Refused(failure) => failure.to_string(),
        }
    }
}

/// Describes an answer that is not the gateway's.
pub(super) fn describe_foreign(foreign: &ForeignResponse) -> String {
    ResponseDefect::Foreign(Box::new(foreign.clone())).to_string()
}

impl FailedAttempt {
    /// An attempt without an answer.
    pub(super) fn unanswered(cause: &Cause) -> Self {
        let why = cause.to_string();
        let (effect, next) = match cause {
            Cause::Untrusted(_) | Cause::NotTls => (AttemptEffect::NotByThisAttempt, NextStep::GiveUp(why)),
            // Most likely TLS, which ignores plain text; but an unreadable answer may come from anything.
            Cause::NotHttp => (AttemptEffect::Possible, NextStep::GiveUp(why)),
            Cause::NotConnected(_) => (AttemptEffect::NotByThisAttempt, NextStep::Retry(why)),
            _ => (AttemptEffect::Possible, NextStep::Retry(why)),
        };
        Self { effect, next, retry_after: None }
    }
}

/// The attempts so far.
pub(super) struct RetryState<'u> {
    url: &'u str,
    /// How to resend the change; none for a read.
    again: Option<ResendInfo>,
    attempts: u32,
    /// Whether one of them may have taken effect.
    in_doubt: bool,
    started: Instant,
    pause: Duration,
}

impl<'u> RetryState<'u> {
    pub(super) fn new(again: Option<ResendInfo>, url: &'u str) -> Self {
        Self { url, again, attempts: 0, in_doubt: false, started: Instant::now(), pause: PAUSE }
    }

    pub(super) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Records an attempt: why and after which pause to retry, or the failure of the call.
    pub(super) fn record(
        &mut self,
        FailedAttempt { effect, next, retry_after }: FailedAttempt,
    ) -> Result<(String, Duration), Failure> {
        self.attempts += 1;
        let was_in_doubt = self.in_doubt && self.again.is_some();
        self.in_doubt = match effect {
            AttemptEffect::NotByThisAttempt => self.in_doubt,
            AttemptEffect::Possible => true,
            AttemptEffect::ByNoAttempt => false,
        };
        let why = next.why();
        let failure = match next {
            NextStep::Refused(failure) => return Err(self.final_failure(why, failure)),
            NextStep::Foreign(foreign) if !was_in_doubt => {
                Failure::NotAGateway { url: self.url.to_owned(), foreign }
            }
            NextStep::GiveUp(_) if !was_in_doubt => self.unavailable(&why, retry_after),
            // An error that usually lasts, such as an ingress's page or certificate, passes where the gateway is being
            // replaced. With a change in doubt, the remaining attempts are made; the key makes them safe.
            NextStep::Retry(_) | NextStep::GiveUp(_) | NextStep::Foreign(_) => {
                let wait = retry_after.map_or_else(
                    || internal::jittered(self.pause),
                    |retry_after| retry_after.max(self.pause),
                );
                if self.attempts < ATTEMPTS_MAX && wait <= RETRY_AFTER_MAX {
                    self.pause = self.pause.saturating_mul(2);
                    return Ok((why, wait));
                }
                self.unavailable(&why, retry_after)
            }
        };
        Err(self.final_failure(why, failure))
    }

    fn unavailable(&self, why: &str, retry_after: Option<Duration>) -> Failure {
        Failure::Unavailable {
            url: self.url.to_owned(),
            attempts: self.describe(),
            why: why.to_owned(),
            retry_after,
        }
    }

    /// The failure of the call, where the last attempt ended in this one.
    fn final_failure(&self, why: String, failure: Failure) -> Failure {
        match self.again.clone().filter(|_| self.in_doubt) {
            Some(again) => {
                let token_rejected = matches!(failure, Failure::TokenRejected { .. });
                Failure::Unknown { attempts: self.describe(), why, again, token_rejected }
            }
            None => failure,
        }
    }

    fn describe(&self) -> String {
        let attempts = if self.attempts == 1 {
            "tried once".to_owned()
        } else {
            format!("tried {} times", self.attempts)
        };
        match self.started.elapsed() {
            waited if waited >= LONG_WAIT => format!("{attempts} in {} seconds", waited.as_secs()),
            _ => attempts,
        }
    }
}

#[cfg(test)]
mod tests {
    use rebuttal_client::Code;

    use super::*;

    fn ends(failed: &[AttemptEffect]) -> &'static str {
        let mut retry_state = RetryState::new(Some(ResendInfo::of(Some("k"), None)), "http://h");
        let (last, before) = failed.split_last().expect("one attempt at least");
        for effect in before {
            let next = NextStep::Retry(String::new());
            assert!(retry_state.record(FailedAttempt { effect: *effect, next, retry_after: None }).is_ok());
        }
        let no = Failure::Refused { code: Code::OperatorConflict, detail: String::new() };
        match retry_state.record(FailedAttempt {
            effect: *last,
            next: NextStep::Refused(no),
            retry_after: None,
        }) {
            Err(Failure::Unknown { .. }) => "unknown",
            Err(Failure::Refused { .. }) => "refused",
            _ => "something else",
        }
    }

    #[test]
    fn lasting_errors_end_the_attempts_unless_a_change_is_in_doubt() {
        let goes_on = |again: Option<ResendInfo>, failed: &[(AttemptEffect, bool)]| {
            let mut retry_state = RetryState::new(again, "http://h");
            let next =
                |lasts| if lasts { NextStep::GiveUp(String::new()) } else { NextStep::Retry(String::new()) };
            let failed = failed.iter().map(|(effect, lasts)| FailedAttempt {
                effect: *effect,
                next: next(*lasts),
                retry_after: None,
            });
            failed.map(|failed| retry_state.record(failed).is_ok()).last()
        };
        let change = || Some(ResendInfo::of(Some("k"), None));
        let (in_doubt, lasting) = ((AttemptEffect::Possible, false), (AttemptEffect::NotByThisAttempt, true));
        assert_eq!(goes_on(change(), &[lasting]), Some(false));
        assert_eq!(goes_on(change(), &[(AttemptEffect::Possible, true)]), Some(false), "the first attempt");
        assert_eq!(goes_on(change(), &[in_doubt, lasting, lasting, lasting]), Some(true));
        assert_eq!(
            goes_on(change(), &[in_doubt, lasting, lasting, lasting, lasting]),
            Some(false),
            "bounded"
        );
        assert_eq!(goes_on(None, &[in_doubt, lasting]), Some(false), "a read leaves nothing in doubt");
    }

    #[test]
    fn only_an_answer_that_knows_of_all_attempts_ends_a_doubt() {
        use AttemptEffect::{ByNoAttempt, NotByThisAttempt, Possible};
        for (failed, end) in [
            (&[NotByThisAttempt][..], "refused"),
            (&[NotByThisAttempt, NotByThisAttempt], "refused"),
            (&[Possible, NotByThisAttempt], "unknown"),
            (&[Possible, NotByThisAttempt, NotByThisAttempt], "unknown"),
            (&[NotByThisAttempt, Possible, NotByThisAttempt], "unknown"),
            (&[Possible, ByNoAttempt], "refused"),
        ] {
            assert_eq!(ends(failed), end);
        }
    }
}
