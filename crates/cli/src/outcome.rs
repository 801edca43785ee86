//! The result of every merchant command: for people what happened, why and what to do; for scripts one JSON object and
//! the exit code. The same for all commands.

use std::fmt;
use std::io;

use anyhow::Result;
use rebuttal_client::protocol::{Authorization, Code, Finality, UnixMillis};
use rebuttal_client::{Answer, Cause, Claim, Error, Proof, ResponseDefect, Unverified};
use serde::Serialize;

use crate::access::ConnectionNames;
use crate::exit::Exit;
use crate::rerun_command;
use crate::terminal;
use crate::usage;

/// The user interrupted a call that may take effect.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::error::Error for Interrupted {}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted before the gateway answered")
    }
}

/// What every command's `--json` begins with. Members that do not apply are left out.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutcomeJson<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    /// The gateway's notice, which does not settle the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<CodeAndMessage<'a>>,
    /// The claim of an answer that could not be verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    unproven_claim: Option<CodeAndMessage<'a>>,
    /// The time until which the call can still take effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_until: Option<String>,
    /// What to do about it, the same text as for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<&'a Proof>,
}

/// The code and the message of an answer that is not the call's outcome.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CodeAndMessage<'a> {
    code: &'a Code,
    error_message: &'a str,
}

impl<'a> OutcomeJson<'a> {
    /// The outcome of a call.
    pub(crate) fn from_answer<T>(result: &'a Result<Answer<T>>, failing: &FailureHints) -> Self {
        match result {
            Ok(answer) => Self::done(Some(&answer.proof)),
            Err(error) => Self::failed(error, failing.hint(error)),
        }
    }

    /// The outcome of a command that needs no gateway.
    pub(crate) fn from_result<T>(result: &'a Result<T>) -> Self {
        result.as_ref().err().map_or_else(|| Self::done(None), |error| Self::failed(error, None))
    }

    pub(crate) fn done(proof: Option<&'a Proof>) -> Self {
        let code = if proof.is_some() { Some(&Code::Ok) } else { None };
        Self { outcome: Exit::Done.as_str(), code, proof, ..Self::default() }
    }

    pub(crate) fn failed(error: &'a anyhow::Error, hint: Option<String>) -> Self {
        let open_until = open_until(error).map(UnixMillis::to_rfc3339_utc);
        let outcome = Self { outcome: exit(error).as_str(), hint, open_until, ..Self::default() };
        match error.downcast_ref() {
            Some(Error::Refused(refusal)) => Self {
                code: Some(&refusal.code),
                error_message: Some(refusal.message.clone()),
                proof: Some(&refusal.proof),
                ..outcome
            },
            other => Self {
                error_message: Some(terminal::causes(error)),
                notice: other
                    .and_then(notice)
                    .map(|(code, error_message)| CodeAndMessage { code, error_message }),
                unproven_claim: other.and_then(unproven),
                ..outcome
            },
        }
    }
}

/// The gateway's last notice.
fn notice(error: &Error) -> Option<(&Code, &str)> {
    match error {
        Error::Unknown {
            cause: Cause::Answered { code, message, finality: Some(Finality::Notice) }, ..
        } => Some((code, message)),
        _ => None,
    }
}

/// The claim of the last answer, if it could not be verified.
fn unproven(error: &Error) -> Option<CodeAndMessage<'_>> {
    let unverified = match error {
        Error::Unverified(unverified) => unverified,
        Error::Unavailable { cause: Cause::Unverified(unverified), .. }
        | Error::Unknown { cause: Cause::Unverified(unverified), .. } => unverified,
        _ => return None,
    };
    let Claim { code, message } = unverified.claim.as_ref()?;
    Some(CodeAndMessage { code, error_message: message })
}

/// The time until which the call can still take effect.
fn open_until(error: &anyhow::Error) -> Option<UnixMillis> {
    match error.downcast_ref()? {
        Error::Unknown { open_until, .. } => Some(*open_until),
        Error::Refused(refusal) => refusal.open_until,
        _ => None,
    }
}

/// The exit code for this error.
pub(crate) fn exit(error: &anyhow::Error) -> Exit {
    match error.is::<Interrupted>() {
        true => Exit::Unknown,
        false => error.downcast_ref().map_or(Exit::Local, Exit::of),
    }
}

/// A command's hints for its errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailureHints<'a> {
    /// Where the gateway and the app come from.
    pub(crate) names: &'a ConnectionNames,
    /// The sentence that nothing happened, such as "Nothing was submitted.".
    pub(crate) no_effect: &'a str,
    /// The command that repeats the call, once it may have taken effect.
    pub(crate) again: Option<&'a str>,
}

/// What to do about an error: a sentence, and a command.
type ErrorHint<'a> = (String, Option<&'a str>);

impl<'a> FailureHints<'a> {
    /// Prints an error, and what to do about it.
    pub(crate) fn print(&self, error: &anyhow::Error) {
        // Line by line: errors of several files have several lines.
        let lines: Vec<_> = terminal::causes(error).lines().map(terminal::sanitize).collect();
        terminal::eprint_error(&lines.join("\n"));
        match self.find_hint(error) {
            Some((sentence, Some(again))) => {
                terminal::eprint_hint(&rerun_command::after_sentence(&sentence, again))
            }
            Some((sentence, None)) => terminal::eprint_hint(&sentence),
            None => {}
        }
    }

    /// The hint for a JSON object, which has the command in `again`.
    pub(crate) fn hint(&self, error: &anyhow::Error) -> Option<String> {
        let (sentence, again) = self.find_hint(error)?;
        Some(if again.is_some() { format!("{sentence}; run the command in `again`") } else { sentence })
    }

    fn find_hint(&self, error: &anyhow::Error) -> Option<ErrorHint<'a>> {
        if error.is::<Interrupted>() {
            return self.rerun_hint();
        }
        match error.downcast_ref()? {
            error @ Error::Unknown { .. } => {
                let (sentence, again) = self.rerun_hint()?;
                let advice = notice(error).and_then(|(code, _)| hint_for_code(code, self.names));
                Some((advice.map(|advice| format!("{advice}\n{sentence}")).unwrap_or(sentence), again))
            }
            Error::Refused(refusal) if refusal.open_until.is_some() => self.rerun_hint(),
            error => Some((self.hint_for_error(error)?, None)),
        }
    }

    fn hint_for_error(&self, error: &Error) -> Option<String> {
        let Self { no_effect, names, .. } = self;
        let ConnectionNames { url, trust, .. } = names;
        match error {
            Error::Refused(refusal) => hint_for_code(&refusal.code, names),
            Error::Unavailable { cause: Cause::Untrusted(_), .. } => Some(format!(
                "{no_effect} Check {url}; if it is right, the file of {trust} must contain the gateway's certificate or its \
                 authority's."
            )),
            Error::Unavailable { cause: Cause::NotTls | Cause::NotHttp, .. } => {
                Some(format!("{no_effect} Check {url}."))
            }
            Error::UploadRefused { .. } => Some((*no_effect).to_owned()),
            Error::Unavailable { retry_after: Some(pause), .. } => {
                Some(format!("{no_effect} Run the same command again in {} seconds.", pause.as_secs()))
            }
            Error::Unavailable { .. } => {
                Some(format!("{no_effect} Check {url}, or run the same command again later."))
            }
            Error::Unverified(unverified) => {
                Some(format!("{no_effect} {}", hint_for_unverified(unverified, names)))
            }
            _ => None,
        }
    }

    /// How to find out an unknown outcome.
    fn rerun_hint(&self) -> Option<ErrorHint<'a>> {
        let sentence = "It may have taken effect. To find out, submit exactly the same again: if it has taken effect, nothing \
                        changes; if that is refused, query the dispute";
        Some((sentence.to_owned(), Some(self.again?)))
    }
}

/// What to do about a code, beyond the gateway's message.
fn hint_for_code(code: &Code, names: &ConnectionNames) -> Option<String> {
    let ConnectionNames { url, app_secret, scheme, .. } = names;
    match code {
        Code::InvalidSignature => {
            Some(format!("Check {url}, {app_secret}, and {scheme}; `rebuttal verify` finds what differs."))
        }
        Code::StaleTimestamp => Some("Correct this machine's clock, permanently by NTP.".to_owned()),
        _ => None,
    }
}

/// What to check first, by the defect of an answer.
fn hint_for_unverified(unverified: &Unverified, names: &ConnectionNames) -> String {
    let ConnectionNames { url, app_id, app_secret, scheme, .. } = names;
    match (&unverified.defect, unverified.claim.as_ref().map(|claim| &claim.code)) {
        (_, Some(Code::UnknownApp)) => format!("Check {app_id}, and that {url} is the right gateway."),
        (ResponseDefect::WeakerScheme { .. }, _) => {
            format!("The app signs with the weaker scheme: remove {scheme}.")
        }
        (ResponseDefect::WrongSign, _) => format!(
            "Check {app_secret}, and {scheme}, and that {url} is exactly a public URL of the gateway."
        ),
        (ResponseDefect::Unsigned | ResponseDefect::Foreign(_), _) => {
            format!("Check that {url} leads to the gateway, and that no proxy answers in its place.")
        }
        _ => format!("Check {url}: something other than the gateway may be answering there."),
    }
}

/// Prints the gateway's signature, as a proof for the user, in three lines.
pub(crate) fn print_proof(proof: &Proof) {
    let Authorization { scheme, sign, timestamp, nonce, .. } = &proof.answer;
    let at = timestamp.to_rfc3339_utc();
    terminal::println(format!("  The gateway signed this at {at}; its answer is verified:"));
    terminal::println(terminal::dim(format!("  {scheme} nonce {nonce}")));
    terminal::println(terminal::dim(format!("  sign {sign}")));
}

/// Ends a command that only prints something: it failed where standard output could not be written.
pub(crate) fn finish_output(exit: Exit) -> Result<Exit> {
    let Some(why) = terminal::stdout_error_except_broken_pipe() else { return Ok(exit) };
    terminal::eprint_error(&format!("the result could not be written to standard output: {why}"));
    Ok(Exit::Local)
}

/// Ends a command that has an outcome: prints it and returns the exit code. Scripts get one object, whatever the
/// outcome; people get what `print` makes of a success on standard output, or what `print_error` makes of an error on
/// standard error. `on_write_error` reports a success whose answer could not be written to standard output.
///
/// The standard library opens `/dev/null` for a descriptor that was closed before the start, so that such a write
/// succeeds.
pub(crate) fn finish<T>(
    result: &Result<T>,
    json: Option<impl Serialize>,
    print: impl FnOnce(&T),
    print_error: impl Fn(&anyhow::Error),
    on_write_error: impl FnOnce(&io::Error),
) -> Result<Exit> {
    // Reported as clap reports its own errors.
    if let Some(usage_error) = result.as_ref().err().and_then(|error| error.downcast_ref()) {
        return Ok(usage::report(usage_error));
    }
    match (&json, result) {
        (Some(json), _) => terminal::print_json(json)?,
        (None, Ok(done)) => print(done),
        (None, Err(error)) => print_error(error),
    }
    let exit_code = result.as_ref().err().map_or(Exit::Done, exit);
    let Err(why) = terminal::stdout_result() else { return Ok(exit_code) };
    match result {
        Ok(_) => {
            on_write_error(why);
            Ok(Exit::OutputFailed)
        }
        Err(error) => {
            terminal::eprint_error(&format!("the outcome could not be written to standard output: {why}"));
            // With `--json` it was not printed yet.
            if json.is_some() {
                print_error(error);
            }
            Ok(exit_code)
        }
    }
}
