//! The command line as it was typed, with other options: a command that is printed for the user to run next. It can be
//! pasted into another shell and reaches the same gateway as the same app. Secrets are redacted.

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory as _};
use console::style;
use serde::Serialize;

use crate::settings::Secret;
use crate::{Cli, help, terminal};

/// Printed instead of a secret.
const REDACTED: &str = "…";

/// Options that make a command independent of the shell that it is pasted into, where the variables may differ.
#[derive(Debug, Clone, Default)]
pub(crate) struct RerunDefaults {
    /// The values of variables and defaults, by the long names of their options.
    pub(crate) options: Vec<(&'static str, OsString)>,
    /// Typed options that conflict with these, and are left out.
    pub(crate) excluded: &'static [&'static str],
    /// What no option can provide, as a sentence.
    pub(crate) needs: Option<&'static str>,
}

/// A command for the user to run next.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RerunCommand {
    pub(crate) command: String,
    /// What it needs besides, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) needs: Option<&'static str>,
}

impl RerunCommand {
    /// The sentence that says what the command is for, and the command on a separate line.
    pub(crate) fn after_sentence(&self, sentence: &str) -> String {
        let needs = self.needs.map(|needs| format!("\n{needs}")).unwrap_or_default();
        format!("{sentence}:{needs}\n{}", style(&self.command).bold().for_stderr())
    }
}

/// The subcommand that these arguments call.
fn find_command(args: &[OsString]) -> Command {
    let mut command = help::complete(Cli::command());
    command.build();
    for word in args.iter().skip(1) {
        if let Some(below) = command.find_subcommand(word) {
            command = below.clone();
        }
    }
    command
}

fn args() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// The subcommand that was called.
pub(crate) fn current_command() -> Command {
    find_command(&args())
}

/// The command line that was typed, with these options replaced or added.
pub(crate) fn with_options(options: &[(&str, &str)]) -> String {
    build(&RerunDefaults::default(), options).command
}

/// The same for any shell. Typed options take precedence over `defaults`.
pub(crate) fn build(defaults: &RerunDefaults, options: &[(&str, &str)]) -> RerunCommand {
    let args = args();
    RerunCommand { command: render(&find_command(&args), &args, defaults, options), needs: defaults.needs }
}

/// The path as an absolute one.
pub(crate) fn absolute_path(path: &Path) -> OsString {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).into()
}

/// Whether an option was typed.
pub(crate) fn has_option(option: &str) -> bool {
    contains_option(&args(), option)
}

fn contains_option(args: &[OsString], option: &str) -> bool {
    args.iter().take_while(|word| *word != "--").any(|word| split_option(word).0 == option)
}

/// An option's name, and its value where both are one argument.
pub(crate) fn split_option(word: &OsStr) -> (&OsStr, Option<&OsStr>) {
    let bytes = word.as_bytes();
    let Some(at) = bytes.iter().position(|byte| *byte == b'=') else { return (word, None) };
    let (name, value) = bytes.split_at(at);
    (OsStr::from_bytes(name), Some(OsStr::from_bytes(value.get(1..).unwrap_or_default())))
}

fn render(
    command: &Command,
    typed: &[OsString],
    defaults: &RerunDefaults,
    options: &[(&str, &str)],
) -> String {
    let takes_value = |name: &str| {
        let argument = command.get_arguments().find(|argument| argument.get_long() == Some(name));
        argument.filter(|argument| argument.get_action().takes_values())
    };
    let is_secret = |argument: &Arg| argument.get_value_parser().type_id() == TypeId::of::<Secret>();
    let is_replaced =
        |name: &str| defaults.excluded.contains(&name) || options.iter().any(|(option, _)| *option == name);
    let (mut command_line, mut positional) = (vec!["rebuttal".to_owned()], Vec::new());
    let mut args = typed.iter().skip(1);
    while let Some(word) = args.next() {
        if word == "--" {
            positional.push("--".to_owned());
            positional.extend(args.by_ref().map(terminal::shell_quote));
            break;
        }
        let (name, joined) = split_option(word);
        let name = name.to_str().unwrap_or_default();
        let Some(argument) = name.strip_prefix("--").and_then(takes_value) else {
            command_line.push(terminal::shell_quote(word));
            continue;
        };
        let value = joined.or_else(|| args.next().map(OsString::as_os_str)).unwrap_or_default();
        if !is_replaced(name) {
            let value = if is_secret(argument) { REDACTED.to_owned() } else { terminal::shell_quote(value) };
            command_line.extend([name.to_owned(), value]);
        }
    }
    let added = defaults.options.iter().filter(|(name, _)| !contains_option(typed, name));
    command_line.extend(added.flat_map(|(name, value)| [(*name).to_owned(), terminal::shell_quote(value)]));
    command_line
        .extend(options.iter().flat_map(|(name, value)| [(*name).to_owned(), terminal::shell_quote(value)]));
    command_line.extend(positional);
    command_line.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rerun(line: &[&str], options: &[(&str, &str)]) -> String {
        rerun_with(&RerunDefaults::default(), line, options)
    }

    fn rerun_with(defaults: &RerunDefaults, line: &[&str], options: &[(&str, &str)]) -> String {
        let args: Vec<_> = line.iter().map(OsString::from).collect();
        render(&find_command(&args), &args, defaults, options)
    }

    #[test]
    fn typed_options_take_precedence_over_defaults() {
        let defaults = RerunDefaults {
            options: vec![("--url", "http://a".into()), ("--app-id", "1".into())],
            excluded: &["--profile"],
            needs: None,
        };
        let line = ["rebuttal", "accept", "D", "--profile", "shop", "--url=http://b"];
        assert_eq!(rerun_with(&defaults, &line, &[]), "rebuttal accept D --url http://b --app-id 1");
    }

    #[test]
    fn a_path_that_is_not_utf8_is_kept() {
        let path = OsStr::from_bytes(b"caf\xe9.pem").to_owned();
        let args = ["rebuttal".into(), "accept".into(), "D".into(), "--trust".into(), path];
        assert_eq!(
            render(&find_command(&args), &args, &RerunDefaults::default(), &[]),
            r"rebuttal accept D --trust $'caf\351.pem'"
        );
    }

    #[test]
    fn options_replace_those_that_were_typed() {
        let line = [
            "/opt/rebuttal",
            "operator",
            "dispute",
            "extend",
            "CB-1",
            "--deadline=3d",
            "--operator-url",
            "http://a b",
        ];
        assert_eq!(
            rerun(&line, &[("--deadline", "2027-01-01T00:00:00Z")]),
            "rebuttal operator dispute extend CB-1 --operator-url 'http://a b' --deadline 2027-01-01T00:00:00Z"
        );
        let line = ["rebuttal", "operator", "dispute", "list", "--json", "--limit", "1", "--cursor", "a"];
        assert_eq!(
            rerun(&line, &[("--cursor", "b")]),
            "rebuttal operator dispute list --json --limit 1 --cursor b"
        );
        let line = ["rebuttal", "operator", "dispute", "show", "--", "-1"];
        assert_eq!(rerun(&line, &[("--trust", "x")]), "rebuttal operator dispute show --trust x -- -1");
    }

    #[test]
    fn secrets_are_redacted() {
        for secret in [["--operator-token", "hunter2"].as_slice(), &["--operator-token=hunter2"]] {
            let line = [&["rebuttal", "operator"], secret, &["merchant", "list"]].concat();
            assert_eq!(rerun(&line, &[]), "rebuttal operator --operator-token … merchant list");
        }
    }
}
