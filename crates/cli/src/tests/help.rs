//! The help is part of the interface: snapshots show its changes in review.

use std::process::Command as Process;

use clap::{Command, CommandFactory as _};

use crate::{Cli, help};

/// clap's width without a terminal.
const COLUMNS: usize = 100;

/// Every command with the words that call it.
pub(super) fn commands() -> Vec<(String, Command)> {
    let mut root = help::complete(Cli::command()).term_width(COLUMNS).disable_help_subcommand(true);
    root.build();
    let mut found = Vec::new();
    collect(String::new(), &root, &mut found);
    found
}

fn collect(words: String, command: &Command, found: &mut Vec<(String, Command)>) {
    found.push((words.clone(), command.clone()));
    for below in command.get_subcommands() {
        collect(format!("{words} {}", below.get_name()).trim_start().to_owned(), below, found);
    }
}

/// What `--help` prints.
pub(super) fn help_of(words: &str) -> String {
    let root = help::complete(Cli::command()).term_width(COLUMNS);
    let typed = ["rebuttal"].into_iter().chain(words.split_whitespace()).chain(["--help"]);
    root.try_get_matches_from(typed).unwrap_err().render().to_string()
}

/// The commands that do something.
fn leaves() -> impl Iterator<Item = (String, Command)> {
    commands().into_iter().filter(|(_, command)| !command.has_subcommands())
}

#[test]
fn the_help_of_every_command_is_pinned() {
    for (words, _) in commands() {
        let name = if words.is_empty() { "rebuttal".to_owned() } else { words.replace([' ', '-'], "_") };
        insta::assert_snapshot!(name, help_of(&words));
    }
}

#[test]
fn every_command_has_an_example_and_exit_codes() {
    for (words, command) in leaves() {
        let ending = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(ending.starts_with(&format!("Example:\n  rebuttal {words}")), "{words}: {ending}");
        assert!(ending.contains("\n\nExit codes:\n  0  "), "{words}: {ending}");
        let (example, codes) = ending.split_once("\n\n").unwrap();
        assert!(codes.lines().skip(1).all(|line| line.starts_with("  ")), "{words}: indentation: {codes}");
        assert!(
            example.lines().all(|line| line.chars().count() < COLUMNS),
            "{words}: broken, it does not run"
        );
    }
}

#[test]
fn every_argument_has_help() {
    for (words, command) in commands() {
        assert!(command.get_about().is_some(), "{words} says nothing");
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty() && !help.ends_with('.'), "{words} {}: {help:?}", argument.get_id());
        }
    }
}

#[test]
fn every_example_is_a_valid_command_line() {
    for (words, command) in leaves() {
        let ending = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (example, _) = ending.strip_prefix("Example:\n").unwrap().split_once("\n\n").unwrap();
        let parsed = parse(example.trim());
        assert!(parsed.is_ok(), "{words}: {parsed:?}");
    }
}

/// Parses a command line as a shell splits it when it is pasted.
pub(super) fn parse(line: &str) -> Result<clap::ArgMatches, clap::Error> {
    // Redirections are the shell's.
    let line =
        [" > ", " | "].iter().fold(line, |line, on| line.split_once(on).map_or(line, |(call, _)| call));
    let script = format!("set -- {line}\nprintf '%s\\n' \"$@\"");
    let output = Process::new("sh").args(["-c", &script]).output().unwrap();
    let typed = String::from_utf8(output.stdout).unwrap();
    without_variables(help::complete(Cli::command())).try_get_matches_from(typed.lines())
}

/// The developer's variables must have no effect.
fn without_variables(command: Command) -> Command {
    let command = command.mut_args(|argument| argument.env(clap::builder::Resettable::Reset));
    command.mut_subcommands(without_variables)
}
