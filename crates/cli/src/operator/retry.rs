//! The attempts of one call, and what they show about the effect of the change that they sent. All answers pass through
//! here: once an attempt may have taken effect, only an answer that accounts for it can prove that nothing was changed,
//! and only the gateway's answer ends the attempts before their limit.

use std::time::{Duration, Instant};

use rebuttal_client::internal::{AttemptEffect, Attempts};
use rebuttal_client::{Cause, ForeignResponse, ResponseDefect};

use super::failure::{OperatorFailure, ResendInfo};

/// Most attempts of a call.
pub(super) const ATTEMPTS_MAX: u32 = 5;
/// A wait that is mentioned in the error. Without a terminal, nothing was printed meanwhile.
const LONG_WAIT: Duration = Duration::from_secs(10);

/// An attempt without success.
pub(super) struct FailedAttempt {
    pub(super) effect: AttemptEffect,
    pub(super) next: NextStep,
    /// The pause that the answer asks for.
    pub(super) retry_after: Option<Duration>,
}

/// What to do after an attempt.
pub(super) enum NextStep {
    /// Another attempt may succeed.
    Retry(String),
    /// There is no answer, and another attempt would most likely fail in the same way.
    GiveUp(String),
    /// Something other than the gateway answered, and would most likely do so again.
    Foreign(ForeignResponse),
    /// The gateway refused.
    Refused(OperatorFailure),
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
        let next = if cause.is_lasting() { NextStep::GiveUp(why) } else { NextStep::Retry(why) };
        Self { effect: cause.effect(), next, retry_after: None }
    }
}

/// The attempts so far.
pub(super) struct RetryState<'u> {
    url: &'u str,
    url_source: &'u str,
    /// How to resend the change; none for a read.
    again: Option<ResendInfo>,
    attempts: Attempts,
    started: Instant,
}

impl<'u> RetryState<'u> {
    pub(super) fn new(again: Option<ResendInfo>, url: &'u str, url_source: &'u str) -> Self {
        Self { url, url_source, again, attempts: Attempts::new(ATTEMPTS_MAX), started: Instant::now() }
    }

    pub(super) const fn attempts(&self) -> u32 {
        self.attempts.made()
    }

    /// Records an attempt: why and after which pause to retry, or the failure of the call.
    pub(super) fn record(
        &mut self,
        FailedAttempt { effect, next, retry_after }: FailedAttempt,
    ) -> Result<(String, Duration), OperatorFailure> {
        // After a read nothing is uncertain.
        let effect = if self.again.is_some() { effect } else { AttemptEffect::NotByThisAttempt };
        let lasting = matches!(next, NextStep::GiveUp(_) | NextStep::Foreign(_));
        let pause = self.attempts.record(effect, lasting, retry_after, Duration::MAX);
        let why = next.why();
        let failure = match (next, pause) {
            (NextStep::Refused(failure), _) => failure,
            (_, Some(pause)) => return Ok((why, pause.duration())),
            (NextStep::Foreign(foreign), None) => {
                let (url, url_source) = (self.url.to_owned(), self.url_source.to_owned());
                OperatorFailure::NotAGateway { url, url_source, foreign }
            }
            (NextStep::Retry(_) | NextStep::GiveUp(_), None) => OperatorFailure::Unavailable {
                url: self.url.to_owned(),
                url_source: self.url_source.to_owned(),
                attempts: self.describe(),
                why: why.clone(),
                retry_after,
            },
        };
        Err(self.final_failure(why, failure))
    }

    /// The failure of the call, where the last attempt ended in this one.
    fn final_failure(&self, why: String, failure: OperatorFailure) -> OperatorFailure {
        match self.again.clone().filter(|_| self.attempts.in_doubt()) {
            Some(again) => {
                let token_rejected = matches!(failure, OperatorFailure::TokenRejected { .. });
                OperatorFailure::Unknown { attempts: self.describe(), why, again, token_rejected }
            }
            None => failure,
        }
    }

    fn describe(&self) -> String {
        let made = self.attempts.made();
        let attempts = if made == 1 { "tried once".to_owned() } else { format!("tried {made} times") };
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
        let mut retry_state =
            RetryState::new(Some(ResendInfo::of(Some("k"), None)), "http://h", "--operator-url");
        let (last, before) = failed.split_last().expect("one attempt at least");
        for effect in before {
            let next = NextStep::Retry(String::new());
            assert!(retry_state.record(FailedAttempt { effect: *effect, next, retry_after: None }).is_ok());
        }
        let no = OperatorFailure::Refused { code: Code::OperatorConflict, detail: String::new() };
        match retry_state.record(FailedAttempt {
            effect: *last,
            next: NextStep::Refused(no),
            retry_after: None,
        }) {
            Err(OperatorFailure::Unknown { .. }) => "unknown",
            Err(OperatorFailure::Refused { .. }) => "refused",
            _ => "something else",
        }
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
