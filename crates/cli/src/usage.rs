//! Wrong usage: told as clap tells it, and as an object where `--json` asked for one.

use clap::error::{ContextKind, ContextValue};
use serde::Serialize;

use crate::address;
use crate::exit::Exit;
use crate::look;
use crate::typed;

/// Most characters of what was typed that an error repeats: enough to know it again.
const REPEATED_MAX: usize = 200;

/// Digits of a secret.
const SECRET_DIGITS: usize = 32;

/// The object for wrong usage, in the words of every other outcome.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    outcome: &'static str,
    error_message: String,
}

/// Whether the command line asks for an object. Looked for in the words themselves, because a command line that is not
/// understood has nothing else.
pub(crate) fn wants_json() -> bool {
    std::env::args_os().any(|word| word == "--json")
}

/// Wrong usage that only the command itself sees, as its error; told as clap tells its own.
pub(crate) fn wrong(sentence: impl std::fmt::Display) -> anyhow::Error {
    typed::command().error(clap::error::ErrorKind::ValueValidation, sentence).into()
}

/// What was typed, as an error repeats it: fit for a terminal, and not longer than is needed to know it again.
pub(crate) fn fit(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        let Some(ContextValue::String(typed)) = error.get(kind) else { continue };
        let mut short = look::clean(&without_secrets(&address::without_user(typed)));
        if let Some((end, _)) = short.char_indices().nth(REPEATED_MAX) {
            short.truncate(end);
            short.push('…');
        }
        error.insert(kind, ContextValue::String(short));
    }
    error
}

/// A text without what has the form of an app's secret: that may have been given in a place where it does not belong.
fn without_secrets(text: &str) -> String {
    let runs = text.split(|sign: char| !sign.is_ascii_hexdigit()).filter(|run| run.len() == SECRET_DIGITS);
    runs.fold(text.to_owned(), |told, secret| told.replace(secret, "…"))
}

/// Tells why a command line is not understood, or the help or version that it asked for.
pub(crate) fn tell(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        error.exit();
    }
    if wants_json() {
        let json = Json { outcome: Exit::Usage.word(), error_message: sentence(&error.render().to_string()) };
        // Cannot fail: two texts.
        look::say(serde_json::to_string_pretty(&json).unwrap_or_default());
    }
    // People read it beside the object; printing it is all that could fail, and nobody is left to tell.
    let _ = error.print();
    Exit::Usage
}

/// What is wrong, without how it could be right: that is for people.
fn sentence(rendered: &str) -> String {
    let lines =
        rendered.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let text = lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}
