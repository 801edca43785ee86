//! How every merchant command ends: to people what happened, why and what to do; to scripts one JSON object and the
//! exit code. One way for all, so that whoever knows one command knows them all.

use std::fmt;
use std::io;

use anyhow::Result;
use rebuttal_client::protocol::{Authorization, Code, Finality, UnixMillis};
use rebuttal_client::{Answer, Cause, Claim, Error, Flaw, Proof, Unverified};
use serde::Serialize;

use crate::exit::Exit;
use crate::rerun_command::RerunCommand;
use crate::terminal;
use crate::usage;

/// The user did not wait for the outcome of a call that may take effect.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::error::Error for Interrupted {}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted before the gateway's answer came")
    }
}

/// What every command's `--json` begins with. Members that do not apply are left out.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Judged<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    /// What the gateway's notice says, which does not settle the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<Said<'a>>,
    /// What an answer that proves nothing says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    unproven_claim: Option<Said<'a>>,
    /// Until when the call can still take effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_until: Option<String>,
    /// What to do about it, as people are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<&'a Proof>,
}

/// The words of an answer that is not the call's outcome.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    code: &'a Code,
    error_message: &'a str,
}

impl<'a> Judged<'a> {
    /// What became of a call.
    pub(crate) fn of<T>(result: &'a Result<Answer<T>>, failing: &Failing) -> Self {
        match result {
            Ok(answer) => Self::done(Some(&answer.proof)),
            Err(error) => Self::failed(error, failing.hint(error)),
        }
    }

    /// What became of something that no gateway answers.
    pub(crate) fn by<T>(result: &'a Result<T>) -> Self {
        result.as_ref().err().map_or_else(|| Self::done(None), |error| Self::failed(error, None))
    }

    pub(crate) fn done(proof: Option<&'a Proof>) -> Self {
        let code = if proof.is_some() { Some(&Code::Ok) } else { None };
        Self { outcome: Exit::Done.word(), code, proof, ..Self::default() }
    }

    pub(crate) fn failed(error: &'a anyhow::Error, hint: Option<String>) -> Self {
        let open_until = open_until(error).map(UnixMillis::to_rfc3339_utc);
        let judged = Self { outcome: exit(error).word(), hint, open_until, ..Self::default() };
        match error.downcast_ref() {
            Some(Error::Refused(refusal)) => Self {
                code: Some(&refusal.code),
                error_message: Some(refusal.message.clone()),
                proof: Some(&refusal.proof),
                ..judged
            },
            other => Self {
                error_message: Some(terminal::causes(error)),
                notice: other.and_then(notice).map(|(code, error_message)| Said { code, error_message }),
                unproven_claim: other.and_then(unproven),
                ..judged
            },
        }
    }
}

/// What the gateway's notice says that was met last.
fn notice(error: &Error) -> Option<(&Code, &str)> {
    match error {
        Error::Unknown {
            cause: Cause::Answered { code, message, finality: Some(Finality::Notice) }, ..
        } => Some((code, message)),
        _ => None,
    }
}

/// What an answer claims that was met last and proves nothing.
fn unproven(error: &Error) -> Option<Said<'_>> {
    let unverified = match error {
        Error::Unverified(unverified) => unverified,
        Error::Unavailable { cause: Cause::Unverified(unverified), .. }
        | Error::Unknown { cause: Cause::Unverified(unverified), .. } => unverified,
        _ => return None,
    };
    let Claim { code, message } = unverified.claim.as_ref()?;
    Some(Said { code, error_message: message })
}

/// Until when the call can still take effect.
fn open_until(error: &anyhow::Error) -> Option<UnixMillis> {
    match error.downcast_ref()? {
        Error::Unknown { open_until, .. } => Some(*open_until),
        Error::Refused(refusal) => refusal.open_until,
        _ => None,
    }
}

/// How the process ends after this error.
pub(crate) fn exit(error: &anyhow::Error) -> Exit {
    match error.is::<Interrupted>() {
        true => Exit::Unknown,
        false => error.downcast_ref().map_or(Exit::Local, Exit::of),
    }
}

/// What is particular to a command when it fails.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Failing<'a> {
    /// The sentence that nothing happened, such as "Nothing was submitted.".
    pub(crate) nothing: &'a str,
    /// The command that does exactly the same again, once something may have taken effect.
    pub(crate) again: Option<&'a RerunCommand>,
    /// The command that does what is left, where files are uploaded already.
    pub(crate) later: Option<&'a RerunCommand>,
}

/// What to do about an error: a sentence, and the command that it leads to.
type Remedy<'a> = (String, Option<&'a RerunCommand>);

impl<'a> Failing<'a> {
    /// Tells an error, and what to do about it.
    pub(crate) fn print(&self, error: &anyhow::Error) {
        // Line by line: what is told of several files has several.
        let told: Vec<_> = terminal::causes(error).lines().map(terminal::sanitize).collect();
        terminal::eprint_error(&told.join("\n"));
        match self.remedy(error) {
            Some((sentence, Some(again))) => terminal::eprint_hint(&again.after_sentence(&sentence)),
            Some((sentence, None)) => terminal::eprint_hint(&sentence),
            None => {}
        }
    }

    /// The same for who reads one object, which has the command in `again`.
    pub(crate) fn hint(&self, error: &anyhow::Error) -> Option<String> {
        let (sentence, again) = self.remedy(error)?;
        let Some(again) = again else { return Some(sentence) };
        Some(
            format!("{sentence}, by the command in `again`. {}", again.needs.unwrap_or_default())
                .trim_end()
                .to_owned(),
        )
    }

    fn remedy(&self, error: &anyhow::Error) -> Option<Remedy<'a>> {
        if error.is::<Interrupted>() {
            return self.make_sure();
        }
        match (error.downcast_ref()?, self.later) {
            (error @ Error::Unknown { .. }, _) => {
                let (sentence, again) = self.make_sure()?;
                let advice = notice(error).and_then(|(code, _)| advice_on(code));
                Some((advice.map(|advice| format!("{advice}\n{sentence}")).unwrap_or(sentence), again))
            }
            (Error::Refused(refusal), _) if refusal.open_until.is_some() => self.make_sure(),
            (Error::Unavailable { .. }, Some(later)) => {
                Some((format!("{} The files are uploaded; submit them later", self.nothing), Some(later)))
            }
            (error, _) => Some((self.advice(error)?, None)),
        }
    }

    fn advice(&self, error: &Error) -> Option<String> {
        let Self { nothing, .. } = self;
        match error {
            Error::Refused(refusal) => advice_on(&refusal.code).map(str::to_owned),
            Error::Unavailable { cause: Cause::Untrusted(_), .. } => Some(format!(
                "{nothing} Check REBUTTAL_URL; where it is right, the file that --trust or REBUTTAL_TRUST names must \
                 hold the gateway's certificate or its authority's."
            )),
            Error::Unavailable { cause: Cause::NotTls | Cause::NotHttp, .. } => {
                Some(format!("{nothing} Check REBUTTAL_URL."))
            }
            Error::UploadRefused { .. } => Some((*nothing).to_owned()),
            Error::Unavailable { retry_after: Some(pause), .. } => {
                Some(format!("{nothing} Run the same command again in {} seconds.", pause.as_secs()))
            }
            Error::Unavailable { .. } => {
                Some(format!("{nothing} Check REBUTTAL_URL, or run the same command again later."))
            }
            Error::Unverified(unverified) => Some(format!("{nothing} {}", suspect(unverified))),
            _ => None,
        }
    }

    /// How an unknown outcome is learnt.
    fn make_sure(&self) -> Option<Remedy<'a>> {
        let sentence = "It may have taken effect. To make sure, submit exactly the same again; if it has, nothing changes";
        Some((sentence.to_owned(), Some(self.again?)))
    }
}

/// What to do on this side about what the gateway says, beyond what its message says.
const fn advice_on(code: &Code) -> Option<&'static str> {
    match code {
        Code::InvalidSignature => Some(
            "Check REBUTTAL_URL, REBUTTAL_APP_SECRET and REBUTTAL_SCHEME, or the profile; `rebuttal verify` finds what \
             differs.",
        ),
        Code::StaleTimestamp => Some("Set this machine's clock; NTP does it for good."),
        _ => None,
    }
}

/// What to look at first, by what is wrong with an answer.
fn suspect(unverified: &Unverified) -> &'static str {
    match (&unverified.flaw, unverified.claim.as_ref().map(|claim| &claim.code)) {
        (_, Some(Code::UnknownApp)) => "Check REBUTTAL_APP_ID, and that REBUTTAL_URL is the right gateway.",
        (Flaw::WeakerScheme { .. }, _) => "The app signs with the weaker scheme: leave REBUTTAL_SCHEME out.",
        (Flaw::WrongSign, _) => {
            "Check REBUTTAL_APP_SECRET and REBUTTAL_SCHEME, and that REBUTTAL_URL is spelt as the gateway knows it."
        }
        (Flaw::Unsigned | Flaw::NotOurs(_), _) => {
            "Check that REBUTTAL_URL is the gateway, and nothing in between answers for it."
        }
        _ => "Check REBUTTAL_URL: somebody else may be answering there.",
    }
}

/// The signature that the user may keep, in three lines.
pub(crate) fn print_proof(proof: &Proof) {
    let Authorization { scheme, sign, timestamp, nonce, .. } = &proof.answer;
    let at = timestamp.to_rfc3339(&jiff::tz::TimeZone::UTC);
    terminal::println(format!("  The gateway signed this at {at}; its answer is verified:"));
    terminal::println(terminal::dim(format!("  {scheme} nonce {nonce}")));
    terminal::println(terminal::dim(format!("  sign {sign}")));
}

/// Ends a command that only says something: it is not done where standard output did not take it.
pub(crate) fn said(exit: Exit) -> Result<Exit> {
    let Some(why) = terminal::stdout_error_except_broken_pipe() else { return Ok(exit) };
    terminal::eprint_error(&format!("the result could not be written to standard output: {why}"));
    Ok(Exit::Local)
}

/// Ends a command whose outcome counts, and tells how the process ends. To scripts goes one object, whatever the
/// outcome; to people what `say` makes of a success on standard output, or what `fail` makes of an error on standard
/// error. `lost` tells of a success whose answer standard output did not take.
///
/// A descriptor that was closed before the start is `/dev/null` by now: the standard library sees to that, and nothing
/// tells it from a `/dev/null` that was meant.
pub(crate) fn tell<T>(
    result: &Result<T>,
    json: Option<impl Serialize>,
    say: impl FnOnce(&T),
    fail: impl Fn(&anyhow::Error),
    lost: impl FnOnce(&io::Error),
) -> Result<Exit> {
    // Told as clap tells what it finds itself.
    if let Some(wrong) = result.as_ref().err().and_then(|error| error.downcast_ref()) {
        return Ok(usage::tell(wrong));
    }
    match (&json, result) {
        (Some(json), _) => terminal::print_json(json)?,
        (None, Ok(done)) => say(done),
        (None, Err(error)) => fail(error),
    }
    let ended = result.as_ref().err().map_or(Exit::Done, exit);
    let Err(why) = terminal::stdout_result() else { return Ok(ended) };
    match result {
        Ok(_) => {
            lost(why);
            Ok(Exit::Untold)
        }
        Err(error) => {
            terminal::eprint_error(&format!("the outcome could not be written to standard output: {why}"));
            // It was told nowhere yet where it was part of the object.
            if json.is_some() {
                fail(error);
            }
            Ok(ended)
        }
    }
}
