//! Reads the TOML file. An unknown key is refused with the most similar known one: a misspelt setting must prevent the
//! start rather than have no effect. An invalid value is reported with its line, its key, and what it must be, with the
//! message of its flag.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::error::Error as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Result, anyhow};
use rebuttal_server::read_error_reason;
use toml::{Spanned, Value};

use super::faults::{SettingError, SettingErrors};
use super::{Secret, Settings, without_password};
use crate::gateway_url::without_user;
use crate::nearest::nearest;
use crate::toml_file;

/// The value names of numbers.
const NUMBERS: [&str; 3] = ["NUMBER", "SECONDS", "DAYS"];
/// Permissions of all users but the owner and its group to read. The group is often that of the service.
const READABLE_BY_ALL: u32 = 0o004;
const A_LIST: &str = "must be a list of strings, such as [\"…\", \"…\"]";

/// The settings of a file.
#[derive(Debug, Default)]
pub(super) struct SettingsFile {
    /// The known keys with valid values.
    pub(super) valid: toml::Table,
    /// The faults of the others, by line.
    pub(super) faults: Vec<SettingError>,
    /// The line of each value, counted from 1.
    pub(super) lines: BTreeMap<String, usize>,
}

impl SettingsFile {
    /// The keys and values, if all are valid.
    pub(super) fn into_valid(self) -> Result<toml::Table> {
        match self.faults.is_empty() {
            true => Ok(self.valid),
            false => Err(SettingErrors::from(self.faults).into()),
        }
    }
}

/// A warning if every user of the machine can read the secrets in the file.
pub(crate) fn exposed_secrets(path: Option<&Path>) -> Option<String> {
    let path = path?;
    let metadata = std::fs::metadata(path).ok()?;
    if metadata.permissions().mode() & READABLE_BY_ALL == 0 {
        return None;
    }
    let values: toml::Table = toml::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
    let has_password = |url: &Value| url.as_str().is_some_and(|url| without_password(url) != url);
    let what = match (values.get("operator_token"), values.get("database_url").is_some_and(has_password)) {
        (Some(_), true) => "operator_token and the password in database_url",
        (Some(_), false) => "operator_token",
        (None, true) => "the password in database_url",
        (None, false) => return None,
    };
    let shown = path.display();
    Some(format!(
        "every user of this machine can read {what} in {shown}; run: chmod o-rwx {shown}, and replace the secret if it may \
         have been read"
    ))
}

/// Reads the file. Errors of single values do not affect the others.
pub(super) fn read(path: &Path) -> Result<SettingsFile> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        anyhow!(
            "cannot read the settings in {shown}: {}. Name the file with --config or REBUTTAL_CONFIG; `rebuttal config \
             default` prints one to begin with",
            read_error_reason(path, &error)
        )
    })?;
    let values: BTreeMap<String, Spanned<Value>> =
        toml_file::parse(path, &text).map_err(|fault| match is_unquoted(&fault.to_string()) {
            true => anyhow!("{fault}; write strings in quotes, as in `rebuttal config default`"),
            false => fault,
        })?;
    let command = command();
    let known: Vec<_> = command.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    let mut read = SettingsFile::default();
    for (key, value) in values {
        let line = text.get(..value.span().start).unwrap_or_default().matches('\n').count() + 1;
        read.lines.insert(key.clone(), line);
        if !known.contains(&key.as_str()) {
            let meant = match nearest(&key, known.iter().copied()) {
                Some(nearest) => format!("did you mean {nearest:?}?"),
                None => "`rebuttal config default` lists them".to_owned(),
            };
            let message = format!("{shown}, line {line}: there is no setting {key:?}; {meant}");
            read.faults.push(SettingError::of(&[&key], message));
        } else if let Err(requirement) = check(&command, &key, value.as_ref()) {
            let given = match is_secret(&command, &key) {
                true => String::new(),
                false => format!(" = {}", without_user(&value.as_ref().to_string())),
            };
            read.faults.push(SettingError::of(
                &[&key],
                format!("{shown}, line {line}: {key}{given}: it {requirement}"),
            ));
        } else {
            read.valid.insert(key, value.into_inner());
        }
    }
    let SettingsFile { faults, lines, .. } = &mut read;
    faults.sort_by_key(|fault| fault.keys.first().and_then(|key| lines.get(key)));
    Ok(read)
}

/// Whether the parser's message fits a string without quotes, which it takes for a value of another type.
fn is_unquoted(fault: &str) -> bool {
    ["string values must be quoted", "invalid boolean", "invalid float"]
        .iter()
        .any(|start| fault.contains(start))
}

/// What a value must be, if it is not.
fn check(command: &clap::Command, key: &str, value: &Value) -> Result<(), String> {
    let Some(argument) = command.get_arguments().find(|argument| argument.get_id() == key) else {
        return Ok(());
    };
    check_words(command, argument, &flag_values(argument, value)?)
}

/// What the values of a flag must be, if they are not.
pub(super) fn check_words(
    command: &clap::Command,
    argument: &clap::Arg,
    flag_values: &[String],
) -> Result<(), String> {
    let possible: Vec<_> = argument.get_possible_values();
    let key = argument.get_id().as_str();
    let flags = flag_values.iter().map(|word| format!("--{}={word}", key.replace('_', "-")));
    match command.clone().try_get_matches_from(flags) {
        Ok(_) => Ok(()),
        Err(_) if !possible.is_empty() => {
            let names: Vec<_> = possible.iter().map(|value| format!("{:?}", value.get_name())).collect();
            Err(format!("must be {}", names.join(" or ")))
        }
        Err(error) => Err(error.source().map_or_else(|| error.to_string(), ToString::to_string)),
    }
}

/// The value as arguments of its flag, if it has the flag's type.
fn flag_values(argument: &clap::Arg, value: &Value) -> Result<Vec<String>, String> {
    let is_number =
        argument.get_value_names().unwrap_or_default().iter().any(|name| NUMBERS.contains(&&**name));
    let is_list = argument.get_value_delimiter().is_some();
    match value {
        Value::Integer(number) if is_number => Ok(vec![number.to_string()]),
        _ if is_number => Err("must be a whole number, without quotes".to_owned()),
        Value::Array(items) if is_list => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<_>>().ok_or_else(|| A_LIST.to_owned())
        }
        _ if is_list => Err(A_LIST.to_owned()),
        Value::String(text) => Ok(vec![text.clone()]),
        _ => Err("must be a string in quotes".to_owned()),
    }
}

/// Whether the setting's value is a secret.
pub(super) fn is_secret(command: &clap::Command, key: &str) -> bool {
    let argument = command.get_arguments().find(|argument| argument.get_id() == key);
    argument.is_some_and(|argument| argument.get_value_parser().type_id() == TypeId::of::<Secret>())
}

/// The flags without their variables.
pub(super) fn command() -> clap::Command {
    let command = <Settings as clap::Args>::augment_args(clap::Command::new("serve")).no_binary_name(true);
    command.mut_args(|argument| argument.env(clap::builder::Resettable::Reset))
}
