//! How an operator's command ends: the API's own JSON for scripts, and for people what happened, why and what to do.

use std::io;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure::{Again, Failure, no_entry};
use crate::exit::Exit;
use crate::terminal;

/// What `--json` prints of a failure.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    error_message: String,
    /// How the change is sent again so that it counts once.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<&'a Again>,
}

/// What is told of an answer that is not what the API says.
const UNREADABLE: &str = "the gateway's answer cannot be read; is it of another version than this program, or something else \
                          before it?";

/// Tells an answer: as it came, or through a function that shows it to people.
pub(super) fn answer<T: DeserializeOwned>(answer: &[u8], json: bool, show: impl FnOnce(T)) -> Result<()> {
    if json {
        let _: T = read(answer)?;
        terminal::print_json_text(String::from_utf8_lossy(answer).trim_end());
        return Ok(());
    }
    show(shown(answer)?);
    Ok(())
}

/// Reads an answer of the API.
pub(super) fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer).context(UNREADABLE)
}

/// Reads an answer for people: no text in it does more on a terminal than to stand there.
pub(super) fn shown<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    let mut value: Value = read(answer)?;
    clean(&mut value);
    serde_json::from_value(value).context(UNREADABLE)
}

fn clean(value: &mut Value) {
    match value {
        Value::String(text) => *text = terminal::sanitize(text),
        Value::Array(values) => values.iter_mut().for_each(clean),
        Value::Object(members) => members.values_mut().for_each(clean),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Ends a command. `again` is how the last change that was sent is sent again.
pub(super) fn end(result: Result<()>, json: bool, again: Option<Again>) -> Result<Exit> {
    let result = match (result, &again) {
        // Told as clap tells what it finds itself.
        (Err(wrong), _) if wrong.is::<clap::Error>() => return Err(wrong),
        (Err(error), Some(again)) if !error.is::<Failure>() => {
            Err(Failure::from_answer_error(error, again.clone()).into())
        }
        (result, _) => result,
    };
    let exit = match &result {
        Ok(()) => Exit::Done,
        Err(error) => {
            let failure: Option<&Failure> = error.downcast_ref();
            let exit = failure.map_or(Exit::Local, Failure::exit);
            if json {
                terminal::print_json(&failed(error, failure, exit))?;
            } else {
                print(error, failure);
            }
            exit
        }
    };
    let Err(lost) = terminal::stdout_result() else { return Ok(exit) };
    match &result {
        // Whoever closed the pipe has read what they wanted.
        Ok(()) if again.is_none() && lost.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Ok(()) => {
            terminal::eprint_error(&format!(
                "it is done, but the answer could not be written to standard output: {lost}"
            ));
            if let Some(again) = again {
                terminal::eprint_hint(&again.to_have_the_answer());
            }
            Ok(Exit::OutputFailed)
        }
        Err(error) if json => {
            terminal::eprint_error(&format!("the outcome could not be written to standard output: {lost}"));
            print(error, error.downcast_ref());
            Ok(exit)
        }
        // Told on standard error already.
        Err(_) => Ok(exit),
    }
}

fn failed<'a>(error: &anyhow::Error, failure: Option<&'a Failure>, exit: Exit) -> Failed<'a> {
    let (code, error_message, again) = match failure {
        Some(Failure::Refused { code, detail }) => (Some(code.as_str()), detail.clone(), None),
        Some(Failure::LetNobodyIn { code, origin }) => (Some(code.as_str()), no_entry(origin), None),
        Some(
            Failure::Unknown { again, .. }
            | Failure::Unread { again, .. }
            | Failure::Unkept { again, .. }
            | Failure::Interrupted { again },
        ) => (None, terminal::causes(error), Some(again)),
        _ => (None, terminal::causes(error), None),
    };
    Failed { outcome: exit.as_str(), code, error_message, again }
}

fn print(error: &anyhow::Error, failure: Option<&Failure>) {
    terminal::eprint_error(&terminal::sanitize(&terminal::causes(error)));
    if let Some(remedy) = failure.and_then(Failure::remedy) {
        terminal::eprint_hint(&remedy);
    }
}
