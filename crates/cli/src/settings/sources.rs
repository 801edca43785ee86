//! Which settings are in force, and where each comes from.

use std::fmt::Display;
use std::path::Path;

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, Error, FromArgMatches};
use rebuttal_server::{BaseUrl, Config};
use toml::Value;

use crate::usage;

use super::{COMMENTED, Settings, file, without_password};

/// The settings whose URL may hold a password, which is not shown.
const URLS: [&str; 1] = ["database_url"];
/// The setting whose values count in one spelling, however they are written.
const PUBLIC_URL: &str = "public_url";
/// The setting that counts as a part of another at most.
const PER_PEER: &str = "max_connections_per_peer";

/// Which of the command line's settings were flags, and which stood in a variable. Flattened into a command *before*
/// [`Settings`], which takes what it reads away.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sources {
    flags: Vec<String>,
    variables: Vec<String>,
}

impl Sources {
    /// Every setting that has a variable in this process, as where there are no flags.
    pub(super) fn of_environment() -> Self {
        let keys = COMMENTED.settings.iter().map(|setting| setting.key);
        let is_there = |key: &&str| std::env::var_os(Source::Variable.told(key, None)).is_some();
        Self { flags: Vec::new(), variables: keys.filter(is_there).map(str::to_owned).collect() }
    }

    /// Which of the two gave a setting, if one did.
    pub(super) fn of(&self, id: &str) -> Option<Source> {
        let is_flag = self.flags.iter().any(|flag| flag == id);
        let is_variable = || self.is_variable(id).then_some(Source::Variable);
        is_flag.then_some(Source::Flag).or_else(is_variable)
    }

    fn is_variable(&self, id: &str) -> bool {
        self.variables.iter().any(|variable| variable == id)
    }

    /// What is wrong with a setting's value, told with what gave it. Wrong usage where that was a flag; else the fault
    /// of a variable, or of what holds neither.
    pub(crate) fn fault(&self, id: &str, why: impl Display) -> anyhow::Error {
        match self.of(id) {
            Some(Source::Flag) => usage::error(format!("{}: {why}", self.name(id))),
            Some(_) => anyhow::anyhow!("{}: {why}", self.name(id)),
            None => anyhow::anyhow!("{why}"),
        }
    }

    /// What a person wrote to give it: its flag, or its variable.
    pub(crate) fn name(&self, id: &str) -> String {
        let source = if self.is_variable(id) { Source::Variable } else { Source::Flag };
        source.told(id, None)
    }
}

impl clap::Args for Sources {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

impl FromArgMatches for Sources {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let from = |source| {
            let ids = matches.ids().map(|id| id.as_str());
            ids.filter(|id| matches.value_source(id) == Some(source)).map(str::to_owned).collect()
        };
        Ok(Self { flags: from(ValueSource::CommandLine), variables: from(ValueSource::EnvVariable) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Addresses as they count in signatures.
fn counting(written: &Value) -> Value {
    let counts = |url: &Value| match url.as_str().map(str::parse::<BaseUrl>) {
        Some(Ok(counts)) => Value::String(counts.as_str().to_owned()),
        _ => url.clone(),
    };
    match written {
        Value::Array(urls) => Value::Array(urls.iter().map(counts).collect()),
        other => other.clone(),
    }
}

/// Where a setting's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File,
    Variable,
    Flag,
}

/// A setting in force.
#[derive(Debug)]
pub(crate) struct InForce {
    pub(crate) key: &'static str,
    /// Nothing where it is not set, or where nobody may read it.
    pub(crate) value: Option<Value>,
    /// What was written, where that is not the value as it counts.
    pub(crate) written: Option<Value>,
    pub(crate) is_hidden: bool,
    pub(crate) source: Source,
}

/// Every setting, in the order of the default file. `config` is what the server understands of them.
pub(crate) fn in_force(
    settings: Settings,
    config: &Config,
    sources: &Sources,
    file: Option<&Path>,
) -> Result<Vec<InForce>> {
    let [given, below] = settings.layers(Settings::said(file)?)?;
    let command = file::command();
    let stands = |(key, value, source): (&'static str, Option<Value>, Source)| {
        let is_url = URLS.contains(&key);
        let is_hidden = value.is_some() && !is_url && file::is_secret(&command, key);
        let value = match value {
            Some(Value::String(url)) if is_url => Some(Value::String(without_password(&url))),
            value => value.filter(|_| !is_hidden),
        };
        let counts = match key {
            PUBLIC_URL => value.as_ref().map(counting),
            PER_PEER => {
                i64::try_from(config.connections_per_peer(config.connections_max)).ok().map(Value::from)
            }
            _ => None,
        };
        let is_written = |value: &Value| counts.as_ref().is_some_and(|counts| counts != value);
        let written = value.clone().filter(|value| source != Source::Default && is_written(value));
        InForce { key, value: counts.or(value), written, is_hidden, source }
    };
    let found = COMMENTED.settings.iter().map(|setting| {
        let key = setting.key;
        match (given.get(key), below.get(key)) {
            (Some(value), _) if sources.is_variable(key) => (key, Some(value.clone()), Source::Variable),
            (Some(value), _) => (key, Some(value.clone()), Source::Flag),
            (None, Some(value)) => (key, Some(value.clone()), Source::File),
            (None, None) => (key, setting.default(), Source::Default),
        }
    });
    Ok(found.map(stands).collect())
}

impl Source {
    /// The word that `--json` tells it with.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Variable => "variable",
            Self::Flag => "flag",
        }
    }

    /// Where exactly, for people.
    pub(crate) fn told(&self, key: &str, file: Option<&Path>) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::File => file.map(|path| path.display().to_string()).unwrap_or_default(),
            Self::Variable => format!("REBUTTAL_{}", key.to_uppercase()),
            Self::Flag => format!("--{}", key.replace('_', "-")),
        }
    }
}
