//! `rebuttal config`: the settings of `serve`: the default file, a check, and the effective values.

use std::path::PathBuf;

use anyhow::Result;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::json;
use toml::Value;

use crate::exit::{self, Exit};
use crate::settings::{
    DEFAULT_FILE, EffectiveSetting, SettingErrors, Settings, Sources, UnknownVariable, check_settings,
    effective_settings, exposed_secrets, unknown_variables,
};
use crate::terminal::{self, Table};
use crate::{command_tree, outcome};

/// The exit codes of `check`, for `--help`.
const CHECK_EXIT_CODES: &str = "\
Exit codes:
  0  nothing is wrong
  1  there are errors, which are printed, or they could not be printed
  2  usage error";

/// Print, check or show the settings of a gateway
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP_OUTPUT_ONLY)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    subcommand: ConfigSubcommand,
}

#[derive(Debug, clap::Subcommand)]
enum ConfigSubcommand {
    /// Print a settings file with every setting, its default and its description
    Default,
    Check(Check),
    Show(Box<Show>),
}

/// Check a settings file and the variables
///
/// Reports unknown keys, misspelt variables, invalid values, and settings that contradict each other. It does not check
/// what the settings refer to, such as the database; `rebuttal doctor` does.
#[derive(Debug, clap::Args)]
#[command(after_help = CHECK_EXIT_CODES)]
struct Check {
    /// TOML file of settings, as for serve
    #[arg(long, env = "REBUTTAL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print one JSON object on standard output: every fault and warning
    #[arg(long)]
    json: bool,
}

/// Show the effective settings and their sources
///
/// Takes the flags of `serve`, and prints the settings of a gateway with these flags, variables and file. Secrets and
/// passwords are not shown.
#[derive(Debug, clap::Args)]
struct Show {
    /// Print one JSON object on standard output: each setting with its value and its source
    #[arg(long)]
    json: bool,

    /// TOML file of settings, as for serve
    #[arg(long, env = "REBUTTAL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    sources: Sources,

    #[command(flatten)]
    settings: Settings,
}

impl ConfigCommand {
    /// Whether the subcommand itself reports unknown variables.
    pub(crate) const fn reports_unknown_variables(&self) -> bool {
        matches!(self.subcommand, ConfigSubcommand::Check(_))
    }

    pub(crate) fn run(self) -> Result<Exit> {
        match self.subcommand {
            ConfigSubcommand::Default => {
                terminal::println(DEFAULT_FILE.text.trim_end());
                outcome::finish_output(Exit::Done)
            }
            ConfigSubcommand::Check(check) => check.run(),
            ConfigSubcommand::Show(show) => show.run(),
        }
    }
}

impl Check {
    fn run(self) -> Result<Exit> {
        let (misspelt, unrelated): (Vec<_>, Vec<_>) =
            unknown_variables(&command_tree::all()).into_iter().partition(UnknownVariable::is_misspelt);
        let messages =
            |unknown: Vec<UnknownVariable>| unknown.iter().map(ToString::to_string).collect::<Vec<_>>();
        let checked = check_settings(self.config.as_deref());
        let of_settings = checked.as_ref().err().into_iter().flat_map(SettingErrors::each).map(str::to_owned);
        let faults = messages(misspelt).into_iter().chain(of_settings).collect::<Vec<_>>();
        let mut warnings = messages(unrelated);
        warnings.extend(exposed_secrets(self.config.as_deref()));
        if self.json {
            let json = json!({ "faults": faults, "warnings": warnings });
            terminal::print_json(&json)?;
        } else {
            faults.iter().for_each(|fault| terminal::print_marked(terminal::fail_mark(), fault));
            warnings.iter().for_each(|message| terminal::print_marked(terminal::warn_mark(), message));
            if faults.is_empty() {
                terminal::println(format!("{} No problems found.", terminal::ok_mark()));
            }
        }
        outcome::finish_output(if faults.is_empty() { Exit::Done } else { Exit::Local })
    }
}

impl Show {
    fn run(self) -> Result<Exit> {
        let file = self.config.as_deref();
        // Settings with which a gateway does not start are not effective.
        let (_, config) = self.settings.clone().resolved(&self.sources, file)?;
        let settings = effective_settings(self.settings, &config, &self.sources, file)?;
        if self.json {
            terminal::print_json(&SettingsJson(&settings))?;
            return outcome::finish_output(Exit::Done);
        }
        let mut table = Table::new(["setting", "value", "from"]);
        for setting in &settings {
            let value = match &setting.value {
                _ if setting.is_hidden => terminal::dim("hidden").to_string(),
                None => terminal::dim("not set").to_string(),
                Some(Value::String(text)) => terminal::sanitize(text),
                Some(value) => terminal::sanitize(&value.to_string()),
            };
            let mut source = setting.source.display_name(setting.key, file);
            if let Some(given) = &setting.lowered_from {
                source = format!("lowered from {given} in {source}");
            }
            table.row([setting.key.to_owned(), value, source]);
        }
        terminal::print_table(&table, "");
        outcome::finish_output(Exit::Done)
    }
}

/// The object that `show --json` prints, in the order of the default file.
struct SettingsJson<'a>(&'a [EffectiveSetting]);

impl Serialize for SettingsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for EffectiveSetting { key, value, lowered_from, is_hidden, source } in self.0 {
            let mut setting = json!({ "value": value, "from": source.as_str() });
            if let Some(members) = setting.as_object_mut() {
                let lowered_from = lowered_from.as_ref();
                members.extend(lowered_from.map(|given| ("loweredFrom".to_owned(), json!(given))));
                members.extend(is_hidden.then(|| ("hidden".to_owned(), json!(true))));
            }
            map.serialize_entry(key, &setting)?;
        }
        map.end()
    }
}
