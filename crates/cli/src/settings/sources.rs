//! The effective settings, and the source of each.

use std::fmt::Display;
use std::path::Path;

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, Error, FromArgMatches};
use rebuttal_server::{BaseUrl, Config};
use toml::Value;

use crate::usage;

use super::{DEFAULT_FILE, Settings, file, without_password};

/// The settings whose URL may contain a password, which is not shown.
const URLS: [&str; 1] = ["database_url"];
/// The setting whose values are normalized.
const PUBLIC_URL: &str = "public_url";
/// The setting that is limited to a fraction of another.
const PER_PEER: &str = "max_connections_per_peer";

/// Which settings were given as flags, and which as variables. Flattened into a command *before* [`Settings`], which
/// removes what it reads.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sources {
    flags: Vec<String>,
    variables: Vec<String>,
}

impl Sources {
    /// Every setting that has a variable in this process, without flags.
    pub(super) fn of_environment() -> Self {
        let keys = DEFAULT_FILE.settings.iter().map(|setting| setting.key);
        let is_there =
            |key: &&str| std::env::var_os(SettingSource::Variable.display_name(key, None)).is_some();
        Self { flags: Vec::new(), variables: keys.filter(is_there).map(str::to_owned).collect() }
    }

    /// The source of a setting, if it is a flag or a variable.
    pub(crate) fn of(&self, id: &str) -> Option<SettingSource> {
        let is_flag = self.flags.iter().any(|flag| flag == id);
        let is_variable = || self.is_variable(id).then_some(SettingSource::Variable);
        is_flag.then_some(SettingSource::Flag).or_else(is_variable)
    }

    fn is_variable(&self, id: &str) -> bool {
        self.variables.iter().any(|variable| variable == id)
    }

    /// The error for a setting's value, prefixed with its source. A usage error where that is a flag.
    pub(crate) fn fault(&self, id: &str, why: impl Display) -> anyhow::Error {
        match self.of(id) {
            Some(SettingSource::Flag) => usage::error(format!("{}: {why}", self.name(id))),
            Some(_) => anyhow::anyhow!("{}: {why}", self.name(id)),
            None => anyhow::anyhow!("{why}"),
        }
    }

    /// The name of its source: its flag, or its variable.
    pub(crate) fn name(&self, id: &str) -> String {
        let source = if self.is_variable(id) { SettingSource::Variable } else { SettingSource::Flag };
        source.display_name(id, None)
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

/// URLs in the form that is signed.
fn normalized_urls(written: &Value) -> Value {
    let effective = |url: &Value| match url.as_str().map(str::parse::<BaseUrl>) {
        Some(Ok(effective)) => Value::String(effective.as_str().to_owned()),
        _ => url.clone(),
    };
    match written {
        Value::Array(urls) => Value::Array(urls.iter().map(effective).collect()),
        other => other.clone(),
    }
}

/// The source of a setting's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SettingSource {
    Default,
    File,
    Variable,
    Flag,
}

/// A setting with its effective value.
#[derive(Debug)]
pub(crate) struct EffectiveSetting {
    pub(crate) key: &'static str,
    /// `None` if it is not set, or secret.
    pub(crate) value: Option<Value>,
    /// The value that was set, if a limit lowers it.
    pub(crate) lowered_from: Option<Value>,
    pub(crate) is_hidden: bool,
    pub(crate) source: SettingSource,
}

/// Every setting, in the order of the default file. `config` is the server's configuration from them.
pub(crate) fn effective_settings(
    settings: Settings,
    config: &Config,
    sources: &Sources,
    file: Option<&Path>,
) -> Result<Vec<EffectiveSetting>> {
    let [given, below] = settings.layers(Settings::read_file(file)?)?;
    let command = file::command();
    let effective_setting = |(key, value, source): (&'static str, Option<Value>, SettingSource)| {
        let is_url = URLS.contains(&key);
        let is_hidden = value.is_some() && !is_url && file::is_secret(&command, key);
        let value = match value {
            Some(Value::String(url)) if is_url => Some(Value::String(without_password(&url))),
            value => value.filter(|_| !is_hidden),
        };
        let effective = match key {
            PUBLIC_URL => value.as_ref().map(normalized_urls),
            PER_PEER => {
                i64::try_from(config.connections_per_peer(config.connections_max)).ok().map(Value::from)
            }
            _ => None,
        };
        let is_lowered = key == PER_PEER && source != SettingSource::Default && effective != value;
        let lowered_from = value.clone().filter(|_| is_lowered);
        EffectiveSetting { key, value: effective.or(value), lowered_from, is_hidden, source }
    };
    let found = DEFAULT_FILE.settings.iter().map(|setting| {
        let key = setting.key;
        match (given.get(key), below.get(key)) {
            (Some(value), _) if sources.is_variable(key) => {
                (key, Some(value.clone()), SettingSource::Variable)
            }
            (Some(value), _) => (key, Some(value.clone()), SettingSource::Flag),
            (None, Some(value)) => (key, Some(value.clone()), SettingSource::File),
            (None, None) => (key, setting.default(), SettingSource::Default),
        }
    });
    Ok(found.map(effective_setting).collect())
}

impl SettingSource {
    /// The word in `--json`.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Variable => "variable",
            Self::Flag => "flag",
        }
    }

    /// The name of the source, for people.
    pub(crate) fn display_name(&self, key: &str, file: Option<&Path>) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::File => file.map(|path| path.display().to_string()).unwrap_or_default(),
            Self::Variable => format!("REBUTTAL_{}", key.to_uppercase()),
            Self::Flag => format!("--{}", key.replace('_', "-")),
        }
    }
}
