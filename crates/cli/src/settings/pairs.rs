//! Settings that exclude each other. A secret has two: its value and the file that contains it. If they come from
//! different sources (flag, variable, file), the one with precedence is used; both from one source are refused. In the
//! same way, `--profile` overrides the variables of the values that a profile has.

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

const PAIRS: [(&str, &str); 3] = [
    ("app_secret", "app_secret_file"),
    ("operator_token", "operator_token_file"),
    ("database_url", "database_url_file"),
];
const PROFILE: &str = "profile";
/// Settings that a profile contains, too. Invariant: the names of the fields of `access::ConnectionArgs`.
const PROFILE_KEYS: [&str; 6] = ["url", "app_id", "app_secret", "app_secret_file", "scheme", "trust"];

/// Each setting of a pair with the other one.
pub(super) fn both_ways() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAIRS.into_iter().flat_map(|(one, other)| [(one, other), (other, one)])
}

/// The command without the variables that flags override.
pub(crate) fn prefer_flags(command: Command, matches: &ArgMatches) -> Command {
    // Only the pairs that this command has.
    let is_known = |id: &str| matches.try_contains_id(id).is_ok();
    let comes_from = |id, source| is_known(id) && matches.value_source(id) == Some(source);
    let pairs = both_ways().filter(|(one, _)| comes_from(*one, ValueSource::CommandLine));
    let by_profile = PROFILE_KEYS.into_iter().filter(|_| comes_from(PROFILE, ValueSource::CommandLine));
    let beaten = pairs.map(|(_, other)| other).chain(by_profile);
    // A global setting of a parent command is known but not defined here.
    let defined: Vec<_> = command.get_arguments().map(|argument| argument.get_id().to_string()).collect();
    let beaten =
        beaten.filter(|id| comes_from(*id, ValueSource::EnvVariable) && defined.iter().any(|own| own == id));
    let without = |argument: Arg| argument.env(Resettable::Reset);
    let command = beaten.fold(command, |command, id| command.mut_arg(id, without));
    match matches.subcommand() {
        Some((name, matches)) => command.mut_subcommand(name, |command| prefer_flags(command, matches)),
        None => command,
    }
}
