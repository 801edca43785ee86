//! Finds unknown `REBUTTAL_…` variables, which are only warnings because another program may own them. And, for `config
//! check`, variables with invalid values, which clap would report one at a time.

use std::collections::BTreeSet;
use std::fmt;

use super::faults::SettingError;
use super::{Settings, file};
use crate::nearest::nearest;

const PREFIX: &str = "REBUTTAL_";
/// Read without a flag: the path of the profiles.
const WITHOUT_FLAG: &str = "PROFILES";

/// A `REBUTTAL_…` variable that no command reads.
#[derive(Debug)]
pub(crate) struct UnknownVariable {
    name: String,
    /// The known one that was probably meant. `None` if it is probably another program's: Kubernetes sets
    /// `REBUTTAL_PORT` and others for a service of this name.
    meant: Option<String>,
}

impl UnknownVariable {
    /// Whether it is probably a misspelt known one.
    pub(crate) const fn is_misspelt(&self) -> bool {
        self.meant.is_some()
    }
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the variable {PREFIX}{} is unknown and has no effect", self.name)?;
        match &self.meant {
            Some(meant) => write!(f, "; did you mean {PREFIX}{meant}?"),
            None => Ok(()),
        }
    }
}

/// Every `REBUTTAL_…` variable of this process that no command reads.
pub(crate) fn unknown_variables(command: &clap::Command) -> Vec<UnknownVariable> {
    unknown_among(command, std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()))
}

pub(super) fn unknown_among(
    command: &clap::Command,
    names: impl Iterator<Item = String>,
) -> Vec<UnknownVariable> {
    let known = known(command);
    let unknown = names.filter_map(|name| Some(name.strip_prefix(PREFIX)?.to_owned()));
    // Compared without the common prefix, which would make all of them similar.
    let meant = |name: &str| nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    unknown
        .filter(|name| !known.contains(name))
        .map(|name| UnknownVariable { meant: meant(&name), name })
        .collect()
}

/// Every variable of a setting with an invalid value.
pub(super) fn faulty() -> Vec<SettingError> {
    let command = file::command();
    let with_variables = <Settings as clap::Args>::augment_args(clap::Command::new("serve"));
    let faulty = |argument: &clap::Arg| {
        let variable = argument.get_env()?.to_str()?;
        let value = std::env::var_os(variable)?;
        let key = argument.get_id().as_str();
        let Some(value) = value.to_str() else {
            return Some(SettingError::of(&[key], format!("{variable} is not valid UTF-8")));
        };
        let requirement = file::check_words(&command, argument, &[value.to_owned()]).err()?;
        let shown = match file::is_secret(&command, key) {
            true => String::new(),
            false => format!("={}", crate::terminal::sanitize(value)),
        };
        Some(SettingError::of(&[key], format!("{variable}{shown}: it {requirement}")))
    };
    with_variables.get_arguments().filter_map(faulty).collect()
}

/// The variables of a command and its subcommands, without the prefix.
fn known(command: &clap::Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(|argument| argument.get_env());
    let own = own.filter_map(|name| Some(name.to_str()?.strip_prefix(PREFIX)?.to_owned()));
    own.chain(command.get_subcommands().flat_map(known)).chain([WITHOUT_FLAG.to_owned()]).collect()
}
