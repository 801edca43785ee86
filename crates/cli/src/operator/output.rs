//! The output of operator commands: the API's JSON for scripts; for people what happened, why and what to do.

use std::io;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure::{OperatorFailure, ResendInfo, token_rejected_text};
use crate::exit::Exit;
use crate::terminal;

/// A failure in `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FailureJson<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    error_message: String,
    /// How to resend the change so that it is applied once.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<&'a ResendInfo>,
}

/// The error for an answer that does not conform to the API.
const UNREADABLE: &str = "the gateway's answer cannot be parsed: the gateway may be of another version than this program, or a \
                          proxy answered";

/// Prints an answer: as JSON, or by a function that prints it for people.
pub(super) fn print_answer<T: DeserializeOwned>(
    answer: &[u8],
    json: bool,
    show: impl FnOnce(T),
) -> Result<()> {
    if json {
        let _: T = parse(answer)?;
        terminal::print_json_text(String::from_utf8_lossy(answer).trim_end());
        return Ok(());
    }
    show(parse_sanitized(answer)?);
    Ok(())
}

/// Parses an answer of the API.
pub(super) fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer).context(UNREADABLE)
}

/// Parses an answer for people, with its texts sanitized.
pub(super) fn parse_sanitized<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    let mut value: Value = parse(answer)?;
    sanitize(&mut value);
    serde_json::from_value(value).context(UNREADABLE)
}

fn sanitize(value: &mut Value) {
    match value {
        Value::String(text) => *text = terminal::sanitize(text),
        Value::Array(values) => values.iter_mut().for_each(sanitize),
        Value::Object(members) => members.values_mut().for_each(sanitize),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Ends a command. `again` says how to resend the last change that was sent.
pub(super) fn finish(result: Result<()>, json: bool, again: Option<ResendInfo>) -> Result<Exit> {
    let result = match (result, &again) {
        // Reported as clap reports its own errors.
        (Err(usage_error), _) if usage_error.is::<clap::Error>() => return Err(usage_error),
        (Err(error), Some(again)) if !error.is::<OperatorFailure>() => {
            Err(OperatorFailure::from_answer_error(error, again.clone()).into())
        }
        (result, _) => result,
    };
    let exit = match &result {
        Ok(()) => Exit::Done,
        Err(error) => {
            let failure: Option<&OperatorFailure> = error.downcast_ref();
            let exit = failure.map_or(Exit::Local, OperatorFailure::exit);
            if json {
                terminal::print_json(&failure_json(error, failure, exit))?;
            } else {
                eprint_failure(error, failure);
            }
            exit
        }
    };
    let Err(write_error) = terminal::stdout_result() else { return Ok(exit) };
    match &result {
        // The reader closed the pipe.
        Ok(()) if again.is_none() && write_error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Ok(()) => {
            terminal::eprint_error(&format!(
                "it is done, but the answer could not be written to standard output: {write_error}"
            ));
            if let Some(again) = again {
                terminal::eprint_hint(&again.repeat_answer_hint());
            }
            Ok(Exit::OutputFailed)
        }
        Err(error) if json => {
            terminal::eprint_error(&format!(
                "the outcome could not be written to standard output: {write_error}"
            ));
            eprint_failure(error, error.downcast_ref());
            Ok(exit)
        }
        // Reported on standard error already.
        Err(_) => Ok(exit),
    }
}

fn failure_json<'a>(
    error: &anyhow::Error,
    failure: Option<&'a OperatorFailure>,
    exit: Exit,
) -> FailureJson<'a> {
    let (code, error_message, again) = match failure {
        Some(OperatorFailure::Refused { code, detail }) => (Some(code.as_str()), detail.clone(), None),
        Some(OperatorFailure::TokenRejected { code, origin, .. }) => {
            (Some(code.as_str()), token_rejected_text(origin), None)
        }
        Some(
            OperatorFailure::Unknown { again, .. }
            | OperatorFailure::UnreadableAnswer { again, .. }
            | OperatorFailure::SecretNotWritten { again, .. }
            | OperatorFailure::Interrupted { again },
        ) => (None, terminal::causes(error), Some(again)),
        _ => (None, terminal::causes(error), None),
    };
    FailureJson { outcome: exit.as_str(), code, error_message, again }
}

fn eprint_failure(error: &anyhow::Error, failure: Option<&OperatorFailure>) {
    terminal::eprint_error(&terminal::sanitize(&terminal::causes(error)));
    if let Some(hint) = failure.and_then(OperatorFailure::hint) {
        terminal::eprint_hint(&hint);
    }
}
