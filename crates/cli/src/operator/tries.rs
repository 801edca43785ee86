//! The tries of one call, and what is known after them of the change that they sent. No answer ends a call but through
//! here: once a try may have taken effect, only an answer that knows what became of it can say that nothing was
//! changed, and only the gateway's ends the tries before their bounds do.

use std::time::{Duration, Instant};

use rebuttal_client::{Cause, Flaw, Stranger, plumbing};

use super::failure::{Again, Failure};

/// How often a call is made at most.
pub(super) const TRIES_MAX: u32 = 5;
/// The pause before the second try; it doubles from try to try.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest `Retry-After` that is obeyed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// A wait that is worth a word at the end. Where standard error is no terminal, nothing was said while it lasted.
const LONG: Duration = Duration::from_secs(10);

/// What one try met.
pub(super) struct Met {
    pub(super) says: Says,
    pub(super) then: Then,
    /// The pause that was asked for.
    pub(super) asked: Option<Duration>,
}

/// What a try says of the change that it sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// This try changed nothing. An earlier one may have come further, of which this one knows nothing.
    NotByThis,
    /// It may have taken effect.
    Perhaps,
    /// The gateway has looked its key up: none of the tries took effect.
    Never,
}

/// What to do after a try.
pub(super) enum Then {
    /// Another try may do better.
    Again(String),
    /// There is no answer, and the next one would most likely meet the same.
    Stop(String),
    /// Something else answered in the gateway's place, and would most likely do so again.
    NotOurs(Stranger),
    /// The gateway answered, with no.
    Refused(Failure),
}

impl Then {
    fn why(&self) -> String {
        match self {
            Self::Again(why) | Self::Stop(why) => why.clone(),
            Self::NotOurs(stranger) => not_ours(stranger),
            Self::Refused(failure) => failure.to_string(),
        }
    }
}

/// What is said of an answer that is not the gateway's.
pub(super) fn not_ours(stranger: &Stranger) -> String {
    Flaw::NotOurs(Box::new(stranger.clone())).to_string()
}

impl Met {
    /// A try without an answer.
    pub(super) fn unanswered(cause: &Cause) -> Self {
        let why = cause.to_string();
        let (says, then) = match cause {
            Cause::Untrusted(_) | Cause::NotTls => (Says::NotByThis, Then::Stop(why)),
            // Most likely TLS, to which plain text means nothing; but anything can be behind what cannot be read.
            Cause::NotHttp => (Says::Perhaps, Then::Stop(why)),
            Cause::NotConnected(_) => (Says::NotByThis, Then::Again(why)),
            _ => (Says::Perhaps, Then::Again(why)),
        };
        Self { says, then, asked: None }
    }
}

/// The tries so far.
pub(super) struct Tries<'u> {
    url: &'u str,
    /// How the change is sent again; none where nothing but a read is sent.
    again: Option<Again>,
    made: u32,
    /// Whether one of them may have taken effect.
    in_doubt: bool,
    began: Instant,
    pause: Duration,
}

impl<'u> Tries<'u> {
    pub(super) fn of(again: Option<Again>, url: &'u str) -> Self {
        Self { url, again, made: 0, in_doubt: false, began: Instant::now(), pause: PAUSE }
    }

    pub(super) const fn made(&self) -> u32 {
        self.made
    }

    /// Takes in what a try met: why and after which pause there is another one, or how the call ends.
    pub(super) fn take(&mut self, Met { says, then, asked }: Met) -> Result<(String, Duration), Failure> {
        self.made += 1;
        let was_in_doubt = self.in_doubt && self.again.is_some();
        self.in_doubt = match says {
            Says::NotByThis => self.in_doubt,
            Says::Perhaps => true,
            Says::Never => false,
        };
        let why = then.why();
        let failure = match then {
            Then::Refused(failure) => return Err(self.end(why, failure)),
            Then::NotOurs(stranger) if !was_in_doubt => {
                Failure::NotOurs { url: self.url.to_owned(), stranger }
            }
            Then::Stop(_) if !was_in_doubt => self.unavailable(&why, asked),
            // What lasts as a rule, a page of an ingress or its certificate, passes where the gateway is being
            // replaced. With a change in doubt that is worth the tries that are left; each counts once with those
            // before it.
            Then::Again(_) | Then::Stop(_) | Then::NotOurs(_) => {
                let wait =
                    asked.map_or_else(|| plumbing::jittered(self.pause), |asked| asked.max(self.pause));
                if self.made < TRIES_MAX && wait <= RETRY_AFTER_MAX {
                    self.pause = self.pause.saturating_mul(2);
                    return Ok((why, wait));
                }
                self.unavailable(&why, asked)
            }
        };
        Err(self.end(why, failure))
    }

    fn unavailable(&self, why: &str, asked: Option<Duration>) -> Failure {
        Failure::Unavailable { url: self.url.to_owned(), tries: self.told(), why: why.to_owned(), asked }
    }

    /// How the call ends where this failure is what the last try met.
    fn end(&self, why: String, failure: Failure) -> Failure {
        match self.again.clone().filter(|_| self.in_doubt) {
            Some(again) => {
                let shut_out = matches!(failure, Failure::LetNobodyIn { .. });
                Failure::Unknown { tries: self.told(), why, again, shut_out }
            }
            None => failure,
        }
    }

    fn told(&self) -> String {
        let tries =
            if self.made == 1 { "tried once".to_owned() } else { format!("tried {} times", self.made) };
        match self.began.elapsed() {
            waited if waited >= LONG => format!("{tries} in {} seconds", waited.as_secs()),
            _ => tries,
        }
    }
}

#[cfg(test)]
mod tests {
    use rebuttal_client::Code;

    use super::*;
    use crate::rerun_command::RerunDefaults;

    fn ends(met: &[Says]) -> &'static str {
        let mut tries = Tries::of(Some(Again::of(&RerunDefaults::default(), Some("k"), None)), "http://h");
        let (last, before) = met.split_last().expect("one try at least");
        for says in before {
            let then = Then::Again(String::new());
            assert!(tries.take(Met { says: *says, then, asked: None }).is_ok());
        }
        let no = Failure::Refused { code: Code::OperatorConflict, detail: String::new() };
        match tries.take(Met { says: *last, then: Then::Refused(no), asked: None }) {
            Err(Failure::Unknown { .. }) => "unknown",
            Err(Failure::Refused { .. }) => "refused",
            _ => "something else",
        }
    }

    #[test]
    fn what_lasts_as_a_rule_ends_the_tries_where_nothing_is_in_doubt_and_else_takes_its_share_of_them() {
        let goes_on = |again: Option<Again>, met: &[(Says, bool)]| {
            let mut tries = Tries::of(again, "http://h");
            let then = |lasts| if lasts { Then::Stop(String::new()) } else { Then::Again(String::new()) };
            let met = met.iter().map(|(says, lasts)| Met { says: *says, then: then(*lasts), asked: None });
            met.map(|met| tries.take(met).is_ok()).last()
        };
        let change = || Some(Again::of(&RerunDefaults::default(), Some("k"), None));
        let (lost, lasting) = ((Says::Perhaps, false), (Says::NotByThis, true));
        assert_eq!(goes_on(change(), &[lasting]), Some(false));
        assert_eq!(goes_on(change(), &[(Says::Perhaps, true)]), Some(false), "the first try");
        assert_eq!(goes_on(change(), &[lost, lasting, lasting, lasting]), Some(true));
        assert_eq!(goes_on(change(), &[lost, lasting, lasting, lasting, lasting]), Some(false), "bounded");
        assert_eq!(goes_on(None, &[lost, lasting]), Some(false), "a read leaves nothing in doubt");
    }

    #[test]
    fn only_an_answer_that_knows_of_every_try_ends_a_doubt() {
        use Says::{Never, NotByThis, Perhaps};
        for (met, end) in [
            (&[NotByThis][..], "refused"),
            (&[NotByThis, NotByThis], "refused"),
            (&[Perhaps, NotByThis], "unknown"),
            (&[Perhaps, NotByThis, NotByThis], "unknown"),
            (&[NotByThis, Perhaps, NotByThis], "unknown"),
            (&[Perhaps, Never], "refused"),
        ] {
            assert_eq!(ends(met), end);
        }
    }
}
