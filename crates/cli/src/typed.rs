//! The command line as it was typed, with options set anew: what is told to be done next can be pasted, into another
//! shell, too, and reaches the same gateway as the same app. Secrets that were typed are not told again.

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use std::path::Path;

use clap::{Arg, Command, CommandFactory as _};
use console::style;
use serde::Serialize;

use crate::settings::Secret;
use crate::{Cli, help, terminal};

/// What stands in the place of a secret.
const HIDDEN: &str = "…";

/// What makes a command independent of the shell that it is pasted into: variables, which may say something else there,
/// lose against options.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pins {
    /// What the variables and the defaults said, by long names.
    pub(crate) options: Vec<(&'static str, OsString)>,
    /// What was typed and would be in the way of these.
    pub(crate) left_out: &'static [&'static str],
    /// What no option can tell, as a sentence.
    pub(crate) needs: Option<&'static str>,
}

/// A command to be run next.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Told {
    pub(crate) command: String,
    /// What must be there for it, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) needs: Option<&'static str>,
}

impl Told {
    /// The command behind what it is for, in a line of its own.
    pub(crate) fn after(&self, sentence: &str) -> String {
        let needs = self.needs.map(|needs| format!("\n{needs}")).unwrap_or_default();
        format!("{sentence}:{needs}\n{}", style(&self.command).bold().for_stderr())
    }
}

/// The command that these words call.
fn called(words: &[OsString]) -> Command {
    let mut command = help::complete(Cli::command());
    command.build();
    for word in words.iter().skip(1) {
        if let Some(below) = command.find_subcommand(word) {
            command = below.clone();
        }
    }
    command
}

fn words() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// The command that was called.
pub(crate) fn command() -> Command {
    called(&words())
}

/// The command line that was typed, but with these options, by their long names and values.
pub(crate) fn with(options: &[(&str, &str)]) -> String {
    pinned(&Pins::default(), options).command
}

/// The same for any shell. What was typed beats what is pinned.
pub(crate) fn pinned(pins: &Pins, options: &[(&str, &str)]) -> Told {
    let words = words();
    Told { command: again(&called(&words), &words, pins, options), needs: pins.needs }
}

/// A path as it is understood in any folder.
pub(crate) fn anywhere(path: &Path) -> OsString {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).into()
}

/// Whether an option was typed.
pub(crate) fn has(option: &str) -> bool {
    is_among(&words(), option)
}

fn is_among(words: &[OsString], option: &str) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| parted(word).0 == option)
}

/// An option's name, and its value where both are one word.
pub(crate) fn parted(word: &OsStr) -> (&OsStr, Option<&OsStr>) {
    let bytes = word.as_bytes();
    let Some(at) = bytes.iter().position(|byte| *byte == b'=') else { return (word, None) };
    let (name, value) = bytes.split_at(at);
    (OsStr::from_bytes(name), Some(OsStr::from_bytes(value.get(1..).unwrap_or_default())))
}

fn again(command: &Command, typed: &[OsString], pins: &Pins, options: &[(&str, &str)]) -> String {
    let takes_value = |name: &str| {
        let argument = command.get_arguments().find(|argument| argument.get_long() == Some(name));
        argument.filter(|argument| argument.get_action().takes_values())
    };
    let is_secret = |argument: &Arg| argument.get_value_parser().type_id() == TypeId::of::<Secret>();
    let is_set_anew =
        |name: &str| pins.left_out.contains(&name) || options.iter().any(|(option, _)| *option == name);
    let (mut before, mut after) = (vec!["rebuttal".to_owned()], Vec::new());
    let mut words = typed.iter().skip(1);
    while let Some(word) = words.next() {
        if word == "--" {
            after.push("--".to_owned());
            after.extend(words.by_ref().map(terminal::shell_quote));
            break;
        }
        let (name, joined) = parted(word);
        let name = name.to_str().unwrap_or_default();
        let Some(argument) = name.strip_prefix("--").and_then(takes_value) else {
            before.push(terminal::shell_quote(word));
            continue;
        };
        let value = joined.or_else(|| words.next().map(OsString::as_os_str)).unwrap_or_default();
        if !is_set_anew(name) {
            let value = if is_secret(argument) { HIDDEN.to_owned() } else { terminal::shell_quote(value) };
            before.extend([name.to_owned(), value]);
        }
    }
    let pinned = pins.options.iter().filter(|(name, _)| !is_among(typed, name));
    before.extend(pinned.flat_map(|(name, value)| [(*name).to_owned(), terminal::shell_quote(value)]));
    before
        .extend(options.iter().flat_map(|(name, value)| [(*name).to_owned(), terminal::shell_quote(value)]));
    before.extend(after);
    before.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &[&str], options: &[(&str, &str)]) -> String {
        pinned_to(&Pins::default(), line, options)
    }

    fn pinned_to(pins: &Pins, line: &[&str], options: &[(&str, &str)]) -> String {
        let words: Vec<_> = line.iter().map(OsString::from).collect();
        again(&called(&words), &words, pins, options)
    }

    #[test]
    fn what_is_pinned_stands_beside_what_was_typed_and_never_against_it() {
        let pins = Pins {
            options: vec![("--url", "http://a".into()), ("--app-id", "1".into())],
            left_out: &["--profile"],
            needs: None,
        };
        let line = ["rebuttal", "accept", "D", "--profile", "shop", "--url=http://b"];
        assert_eq!(pinned_to(&pins, &line, &[]), "rebuttal accept D --url http://b --app-id 1");
    }

    #[test]
    fn a_path_that_is_no_text_stays_itself() {
        let path = OsStr::from_bytes(b"caf\xe9.pem").to_owned();
        let words = ["rebuttal".into(), "accept".into(), "D".into(), "--trust".into(), path];
        assert_eq!(
            again(&called(&words), &words, &Pins::default(), &[]),
            r"rebuttal accept D --trust $'caf\351.pem'"
        );
    }

    #[test]
    fn what_is_set_anew_takes_the_place_of_what_was_typed() {
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
            told(&line, &[("--deadline", "2027-01-01T00:00:00Z")]),
            "rebuttal operator dispute extend CB-1 --operator-url 'http://a b' --deadline 2027-01-01T00:00:00Z"
        );
        let line = ["rebuttal", "operator", "dispute", "list", "--json", "--limit", "1", "--cursor", "a"];
        assert_eq!(
            told(&line, &[("--cursor", "b")]),
            "rebuttal operator dispute list --json --limit 1 --cursor b"
        );
        let line = ["rebuttal", "operator", "dispute", "show", "--", "-1"];
        assert_eq!(told(&line, &[("--trust", "x")]), "rebuttal operator dispute show --trust x -- -1");
    }

    #[test]
    fn secrets_are_not_told_again() {
        for secret in [["--operator-token", "hunter2"].as_slice(), &["--operator-token=hunter2"]] {
            let line = [&["rebuttal", "operator"], secret, &["merchant", "list"]].concat();
            assert_eq!(told(&line, &[]), "rebuttal operator --operator-token … merchant list");
        }
    }
}
