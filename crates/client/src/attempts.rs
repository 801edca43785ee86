//! Decides whether another attempt follows one that failed, and after which pause: the same for a merchant's calls and
//! an operator's. Pure; time is an argument.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Cause;
use crate::limits::{PAUSE, PAUSE_MAX, RETRY_AFTER_MAX};
use crate::random;

/// A failed attempt that is followed by another one.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Retry<'a> {
    /// Why it failed; it may contain unverified text.
    pub why: &'a str,
    /// How many attempts were made.
    pub attempts: u32,
    /// How many may be made.
    pub attempts_max: u32,
}

/// The callback for retries. It must not block.
#[derive(Clone)]
pub(crate) struct OnRetry(Arc<dyn Fn(Retry<'_>) + Send + Sync>);

impl OnRetry {
    pub(crate) fn new(callback: impl Fn(Retry<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }

    pub(crate) fn call(&self, retry: Retry<'_>) {
        (self.0)(retry);
    }
}

impl fmt::Debug for OnRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRetry")
    }
}

/// What an attempt shows about the effect of the change that it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEffect {
    /// This attempt changed nothing. It shows nothing about earlier ones.
    NotByThisAttempt,
    /// It may have taken effect.
    Possible,
    /// No attempt took effect.
    ByNoAttempt,
}

/// The pause before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// No pause.
    None,
    /// Chosen by this side, to be jittered.
    Own(Duration),
    /// Asked for by the answer.
    Asked(Duration),
}

impl Pause {
    /// How long to sleep.
    #[must_use]
    pub fn duration(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Own(pause) => random::jittered(pause),
            Self::Asked(pause) => pause,
        }
    }

    const fn at_most(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Own(pause) | Self::Asked(pause) => pause,
        }
    }
}

/// The attempts of one call.
#[derive(Debug)]
pub struct Attempts {
    max: u32,
    made: u32,
    in_doubt: bool,
}

impl Attempts {
    /// None made yet, at most `max`.
    #[must_use]
    pub const fn new(max: u32) -> Self {
        Self { max, made: 0, in_doubt: false }
    }

    /// How many were made.
    #[must_use]
    pub const fn made(&self) -> u32 {
        self.made
    }

    /// Whether another one may follow.
    pub(crate) const fn remain(&self) -> bool {
        self.made < self.max
    }

    /// Whether one of them may have taken effect.
    #[must_use]
    pub const fn in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Records a failed attempt, and returns the pause before the next one, if one follows.
    ///
    /// A `lasting` error, such as an untrusted certificate, would most likely recur and ends the call, but not while
    /// the outcome of an earlier attempt is uncertain: during a rollout such errors pass. `remaining` is the time left
    /// for the call.
    pub fn record(
        &mut self,
        effect: AttemptEffect,
        lasting: bool,
        retry_after: Option<Duration>,
        remaining: Duration,
    ) -> Option<Pause> {
        self.made = self.made.saturating_add(1);
        let was_in_doubt = self.in_doubt;
        self.in_doubt = match effect {
            AttemptEffect::NotByThisAttempt => self.in_doubt,
            AttemptEffect::Possible => true,
            AttemptEffect::ByNoAttempt => false,
        };
        let pause = self.pause(retry_after);
        ((was_in_doubt || !lasting) && self.remain() && pause.at_most() < remaining).then_some(pause)
    }

    fn pause(&self, retry_after: Option<Duration>) -> Pause {
        let doublings = self.made.saturating_sub(1).min(10);
        let own = PAUSE.saturating_mul(1 << doublings).min(PAUSE_MAX);
        match retry_after {
            // Not shortened to the limit: an attempt before that time would be refused again.
            Some(asked) if asked > RETRY_AFTER_MAX => Pause::Asked(Duration::MAX),
            // Jitter could halve a pause of this side to less than that.
            Some(asked) if asked > own / 2 => Pause::Asked(asked),
            _ => Pause::Own(own),
        }
    }
}

impl Cause {
    /// Whether an attempt that got no answer for this reason may have taken effect.
    #[must_use]
    #[doc(hidden)]
    pub const fn effect(&self) -> AttemptEffect {
        match self {
            Self::NotConnected(_) | Self::Untrusted(_) | Self::NotTls => AttemptEffect::NotByThisAttempt,
            // An answer that is not HTTP is most likely TLS, but may come from anything.
            _ => AttemptEffect::Possible,
        }
    }

    /// Whether the next attempt would most likely fail in the same way.
    #[must_use]
    #[doc(hidden)]
    pub const fn is_lasting(&self) -> bool {
        matches!(self, Self::Untrusted(_) | Self::NotTls | Self::NotHttp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_in_doubt_until_no_attempt_took_effect() {
        use AttemptEffect::{ByNoAttempt, NotByThisAttempt, Possible};
        let mut attempts = Attempts::new(9);
        let effects = [NotByThisAttempt, Possible, NotByThisAttempt, ByNoAttempt, NotByThisAttempt];
        let in_doubt = effects.map(|effect| {
            attempts.record(effect, false, None, Duration::from_secs(60));
            attempts.in_doubt()
        });
        assert_eq!(in_doubt, [false, true, true, false, false]);
    }

    #[test]
    fn no_pause_is_shorter_than_retry_after() {
        for (asked_ms, expected) in [
            (0, Pause::Own(Duration::from_millis(1_600))),
            (800, Pause::Own(Duration::from_millis(1_600))),
            (801, Pause::Asked(Duration::from_millis(801))),
            (7_000, Pause::Asked(Duration::from_secs(7))),
        ] {
            let attempts = Attempts { made: 4, ..Attempts::new(9) };
            assert_eq!(attempts.pause(Some(Duration::from_millis(asked_ms))), expected, "{asked_ms} ms");
        }
    }

    #[test]
    fn a_pause_is_jittered_unless_the_answer_asks_for_it() {
        let pause = Duration::from_secs(4);
        assert_eq!([Pause::None, Pause::Asked(pause)].map(Pause::duration), [Duration::ZERO, pause]);
        let jittered = [(); 20].map(|()| Pause::Own(pause).duration());
        assert!(jittered.iter().all(|jittered| (pause / 2..=pause).contains(jittered)), "{jittered:?}");
        assert_ne!(jittered.iter().min(), jittered.iter().max());
    }
}
