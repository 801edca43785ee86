//! The command line as it was typed, with options set anew: what is told to be done next can be pasted, and reaches the
//! same gateway as the same app. Secrets that were typed are not told again.

use std::any::TypeId;
use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory as _};

use crate::settings::Secret;
use crate::{Cli, help, look};

/// What stands in the place of a secret.
const HIDDEN: &str = "…";

/// The command that these words call.
fn called(words: &[String]) -> Command {
    let mut command = help::complete(Cli::command());
    command.build();
    for word in words.iter().skip(1) {
        if let Some(below) = command.find_subcommand(word) {
            command = below.clone();
        }
    }
    command
}

fn words() -> Vec<String> {
    std::env::args_os().map(|word: OsString| word.to_string_lossy().into_owned()).collect()
}

/// The command that was called.
pub(crate) fn command() -> Command {
    called(&words())
}

/// The command line that was typed, but with these options, by their long names and values.
pub(crate) fn with(options: &[(&str, &str)]) -> String {
    let words = words();
    again(&called(&words), &words, options, &[])
}

/// The same, and without an option that was typed; and whether it was.
pub(crate) fn with_and_without(options: &[(&str, &str)], left_out: &str) -> (String, bool) {
    let words = words();
    (again(&called(&words), &words, options, &[left_out]), has(left_out))
}

/// Whether an option was typed.
pub(crate) fn has(option: &str) -> bool {
    words().iter().take_while(|word| *word != "--").any(|word| name(word).0 == option)
}

/// An option's name, and its value where both are one word.
fn name(word: &str) -> (&str, Option<&str>) {
    word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)))
}

fn again(command: &Command, words: &[String], options: &[(&str, &str)], left_out: &[&str]) -> String {
    let takes_value = |name: &str| {
        let argument = command.get_arguments().find(|argument| argument.get_long() == Some(name));
        argument.filter(|argument| argument.get_action().takes_values())
    };
    let is_secret = |argument: &Arg| argument.get_value_parser().type_id() == TypeId::of::<Secret>();
    let (mut before, mut after) = (vec!["rebuttal".to_owned()], Vec::new());
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        if word == "--" {
            after.push(word.clone());
            after.extend(words.by_ref().map(|word| look::shell(word)));
            break;
        }
        let (name, joined) = name(word);
        let Some(argument) = name.strip_prefix("--").and_then(takes_value) else {
            before.push(look::shell(word));
            continue;
        };
        let value = joined.or_else(|| words.next().map(String::as_str)).unwrap_or_default();
        if !left_out.contains(&name) && !options.iter().any(|(option, _)| *option == name) {
            let value = if is_secret(argument) { HIDDEN.to_owned() } else { look::shell(value) };
            before.extend([name.to_owned(), value]);
        }
    }
    before.extend(options.iter().flat_map(|(name, value)| [(*name).to_owned(), look::shell(value)]));
    before.extend(after);
    before.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &[&str], options: &[(&str, &str)]) -> String {
        let words: Vec<_> = line.iter().map(|word| (*word).to_owned()).collect();
        again(&called(&words), &words, options, &[])
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
