//! Finds variables that look like ours but mean nothing: warned of, because another program may own them. And, for
//! `config check`, those of settings whose value is wrong, which clap would tell one at a time.

use std::collections::BTreeSet;
use std::fmt;

use super::faults::Fault;
use super::{Settings, file, nearest};

const PREFIX: &str = "REBUTTAL_";
/// Read without a flag: where the profiles lie.
const WITHOUT_FLAG: &str = "PROFILES";

/// A variable that looks like ours and that no command reads.
#[derive(Debug)]
pub(crate) struct Unknown {
    name: String,
    /// The known one that was probably meant. Where there is none, the variable is probably somebody else's: Kubernetes
    /// makes `REBUTTAL_PORT` and the like for a service of our name.
    meant: Option<String>,
}

impl Unknown {
    /// Whether it is probably a misspelt one of ours.
    pub(crate) const fn is_misspelt(&self) -> bool {
        self.meant.is_some()
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the variable {PREFIX}{} is not known and has no effect", self.name)?;
        match &self.meant {
            Some(meant) => write!(f, "; did you mean {PREFIX}{meant}?"),
            None => Ok(()),
        }
    }
}

/// Every `REBUTTAL_…` variable of this process that no command reads.
pub(crate) fn unknown_variables(command: &clap::Command) -> Vec<Unknown> {
    unknown_among(command, std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()))
}

pub(super) fn unknown_among(command: &clap::Command, names: impl Iterator<Item = String>) -> Vec<Unknown> {
    let known = known(command);
    let unknown = names.filter_map(|name| Some(name.strip_prefix(PREFIX)?.to_owned()));
    // Compared without the prefix, which would make any two of them look alike.
    let meant = |name: &str| nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    unknown.filter(|name| !known.contains(name)).map(|name| Unknown { meant: meant(&name), name }).collect()
}

/// Every variable of a setting whose value is not what it must be.
pub(super) fn faulty() -> Vec<Fault> {
    let command = file::command();
    let with_variables = <Settings as clap::Args>::augment_args(clap::Command::new("serve"));
    let faulty = |argument: &clap::Arg| {
        let variable = argument.get_env()?.to_str()?;
        let value = std::env::var_os(variable)?;
        let key = argument.get_id().as_str();
        let Some(value) = value.to_str() else {
            return Some(Fault::of(&[key], format!("{variable} is no UTF-8")));
        };
        let must = file::check_words(&command, argument, &[value.to_owned()]).err()?;
        let shown = match file::is_secret(&command, key) {
            true => String::new(),
            false => format!("={}", crate::terminal::sanitize(value)),
        };
        Some(Fault::of(&[key], format!("{variable}{shown}: it {must}")))
    };
    with_variables.get_arguments().filter_map(faulty).collect()
}

/// What follows the prefix in the variables of a command and of those below it.
fn known(command: &clap::Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(|argument| argument.get_env());
    let own = own.filter_map(|name| Some(name.to_str()?.strip_prefix(PREFIX)?.to_owned()));
    own.chain(command.get_subcommands().flat_map(known)).chain([WITHOUT_FLAG.to_owned()]).collect()
}
