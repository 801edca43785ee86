//! Wrong usage: told as clap tells it, and as an object where `--json` asked for one.

mod fit;

use std::io::{self, Write as _};

use serde::Serialize;

use crate::exit::Exit;
use crate::rerun_command;
use crate::terminal;
pub(crate) use fit::{SECRET_DIGITS, fit};

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
    rerun_command::current_command().error(clap::error::ErrorKind::ValueValidation, sentence).into()
}

/// Tells why a command line is not understood, or the help or version that it asked for.
pub(crate) fn tell(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        return help(error);
    }
    if wants_json() {
        let json = Json { outcome: Exit::Usage.word(), error_message: sentence(&error.render().to_string()) };
        // Cannot fail: two texts.
        let _ = terminal::print_json(&json);
    }
    // People read it beside the object; printing it is all that could fail, and nobody is left to tell.
    let _ = error.print();
    Exit::Usage
}

/// Prints the help or the version that was asked for; not done where standard output did not take it.
fn help(error: &clap::Error) -> Exit {
    match error.print().and_then(|()| io::stdout().flush()) {
        Ok(()) => Exit::Done,
        // Whoever closed the pipe has read what they wanted.
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(why) => {
            terminal::eprint_error(&format!("the help could not be written to standard output: {why}"));
            Exit::Local
        }
    }
}

/// What is wrong, without how it could be right: that is for people.
fn sentence(rendered: &str) -> String {
    let lines =
        rendered.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let text = lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}
