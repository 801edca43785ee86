//! Two settings for one thing, a secret or the file that holds it. What is given in the stronger place wins over the
//! other one in a weaker place; both in one place are refused where they are used.

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

const PAIRS: [(&str, &str); 2] =
    [("app_secret", "app_secret_file"), ("operator_token", "operator_token_file")];

/// Each setting of a pair with the other one.
pub(super) fn both_ways() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAIRS.into_iter().flat_map(|(one, other)| [(one, other), (other, one)])
}

/// The command without the variables for which a flag says the other of a pair.
pub(crate) fn prefer_flags(command: Command, matches: &ArgMatches) -> Command {
    let Some((name, matches)) = matches.subcommand() else { return command };
    // A command knows only its own.
    let comes_from =
        |id, source| matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(source);
    let beaten = both_ways().filter(|(one, other)| {
        comes_from(one, ValueSource::CommandLine) && comes_from(other, ValueSource::EnvVariable)
    });
    beaten.fold(command, |command, (_, other)| {
        let without = |argument: Arg| argument.env(Resettable::Reset);
        command.mut_subcommand(name, |command| command.mut_arg(other, without))
    })
}
