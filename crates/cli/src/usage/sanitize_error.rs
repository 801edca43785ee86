//! clap's errors, made safe to print.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};

use crate::address;
use crate::terminal;

/// Most characters of an argument that an error repeats: enough to recognize it.
const REPEATED_MAX: usize = 200;

/// Hex digits of an app's secret: as many in a row may be one.
const SECRET_DIGITS: usize = 32;

/// clap's error with arguments truncated, sanitized and without secrets. An argument that is not UTF-8 is named; the
/// usage line is that of the help, without the options whose variables happen to be set.
pub(crate) fn sanitize_error(mut error: Error) -> Error {
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        let Some(ContextValue::String(typed)) = error.get(kind) else { continue };
        let mut short = terminal::sanitize(&without_secrets(&address::without_user(typed)));
        if let Some((end, _)) = short.char_indices().nth(REPEATED_MAX) {
            short.truncate(end);
            short.push('…');
        }
        error.insert(kind, ContextValue::String(short));
    }
    let mut command = super::current_command();
    if error.kind() == ErrorKind::InvalidUtf8
        && let Some(sentence) = non_utf8_argument(&command)
    {
        return command.error(ErrorKind::ValueValidation, sentence);
    }
    if let Some(word) = mistyped_file(&error, &command) {
        let tip = format!("a file of this name is given as ./{word}");
        error.insert(ContextKind::InvalidArg, ContextValue::String(word));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    if error.get(ContextKind::Usage).is_some() {
        error.insert(ContextKind::Usage, ContextValue::StyledStr(command.render_usage()));
    }
    error
}

/// An argument that begins like an option, and probably is a file name.
fn mistyped_file(error: &Error, command: &Command) -> Option<String> {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else { return None };
    let takes_files = command.get_arguments().any(is_path);
    if error.kind() != ErrorKind::UnknownArgument || !takes_files {
        return None;
    }
    // clap takes -dash.png for -d and what follows.
    let mut words = std::env::args_os().skip(1);
    let word = words.find(|word| word.as_encoded_bytes().starts_with(unknown.as_bytes()))?;
    let is_file = Path::new(&word).exists() || Path::new(&word).extension().is_some();
    is_file.then(|| terminal::sanitize(&word.to_string_lossy()))
}

/// Which argument or variable is not UTF-8 where it must be; clap does not say.
fn non_utf8_argument(command: &Command) -> Option<String> {
    let error_text = |what: &str, value: &OsStr| format!("{what}: its value {value:?} must be UTF-8");
    let takes_text = |argument: &&Arg| !is_path(argument);
    let words: Vec<OsString> = std::env::args_os().collect();
    for (word, before) in words.iter().skip(1).zip(&words) {
        if word.to_str().is_some() {
            continue;
        }
        let joined =
            word.as_bytes().iter().position(|byte| *byte == b'=').map(|at| word.as_bytes().split_at(at));
        let (name, value) = match joined {
            Some((name, value)) if name.starts_with(b"--") => {
                (OsStr::from_bytes(name), OsStr::from_bytes(value.get(1..).unwrap_or_default()))
            }
            _ => (before.as_os_str(), word.as_os_str()),
        };
        let named = name.to_str().and_then(|name| name.strip_prefix("--"));
        let argument = match command.get_arguments().find(|argument| argument.get_long() == named) {
            Some(option) if named.is_some() => Some(option),
            _ => command.get_positionals().find(takes_text),
        };
        if let Some(argument) = argument.filter(takes_text) {
            return Some(error_text(&argument.to_string(), value));
        }
    }
    command.get_arguments().filter(takes_text).find_map(|argument| {
        let variable = argument.get_env()?;
        let value = std::env::var_os(variable).filter(|value| value.to_str().is_none())?;
        Some(error_text(&variable.to_string_lossy(), &value))
    })
}

/// Whether it is the path of a file or a folder, which need not be UTF-8.
fn is_path(argument: &Arg) -> bool {
    argument.get_value_names().is_some_and(|names| names.iter().any(|name| *name == "FILE" || *name == "DIR"))
}

/// The text with what has the form of an app's secret redacted: it may have been given for another argument.
fn without_secrets(text: &str) -> String {
    let runs = text.split(|sign: char| !sign.is_ascii_hexdigit()).filter(|run| run.len() == SECRET_DIGITS);
    runs.fold(text.to_owned(), |error_text, secret| error_text.replace(secret, "…"))
}
