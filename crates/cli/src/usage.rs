//! Usage errors: reported as clap reports them, and as an object with `--json`.

mod sanitize_error;

use std::io::{self, Write as _};

use clap::Command;
use serde::Serialize;

use crate::exit::Exit;
use crate::{command_tree, terminal};
pub(crate) use sanitize_error::sanitize_error;

/// The object for a usage error, with the members of every other outcome.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageErrorJson {
    outcome: &'static str,
    error_message: String,
}

/// Whether `--json` is given. Searched in the raw arguments, because an invalid command line is not parsed.
pub(crate) fn wants_json() -> bool {
    std::env::args_os().any(|word| word == "--json")
}

/// The subcommand that was called.
fn current_command() -> Command {
    let mut command = command_tree::all();
    command.build();
    for word in std::env::args_os().skip(1) {
        if let Some(below) = command.find_subcommand(&word) {
            command = below.clone();
        }
    }
    command
}

/// A usage error that a command finds itself; reported as clap reports its own.
pub(crate) fn error(sentence: impl std::fmt::Display) -> anyhow::Error {
    current_command().error(clap::error::ErrorKind::ValueValidation, sentence).into()
}

/// Reports a usage error, or prints the requested help or version.
pub(crate) fn report(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        return help(error);
    }
    if wants_json() {
        let json = UsageErrorJson {
            outcome: Exit::Usage.as_str(),
            error_message: sentence(&error.render().to_string()),
        };
        // Cannot fail: two strings.
        let _ = terminal::print_json(&json);
    }
    // For people, besides the object; an error of standard error cannot be reported.
    let _ = error.print();
    Exit::Usage
}

/// Prints the help or the version; fails where standard output could not be written.
fn help(error: &clap::Error) -> Exit {
    match error.print().and_then(|()| io::stdout().flush()) {
        Ok(()) => Exit::Done,
        // The reader closed the pipe.
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(why) => {
            let what = match error.kind() {
                clap::error::ErrorKind::DisplayVersion => "version",
                _ => "help",
            };
            terminal::eprint_error(&format!("the {what} could not be written to standard output: {why}"));
            Exit::Local
        }
    }
}

/// The error in one line, without usage.
fn sentence(rendered: &str) -> String {
    let lines =
        rendered.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let lines = lines.map(str::trim).filter(|line| !line.is_empty());
    let text = lines.fold(String::new(), |text, line| match line {
        _ if text.is_empty() => line.to_owned(),
        line if line.starts_with("tip: ") => format!("{text}; {line}"),
        line => format!("{text} {line}"),
    });
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}
