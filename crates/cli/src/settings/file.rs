//! Reads the TOML file. A key that is not known is refused with the nearest known one: a misspelt setting that has no
//! effect is worse than a gateway that does not start. A faulty value is told with its line, its key, and what it must
//! be, in the words that its flag has.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::Path;

use anyhow::{Result, anyhow};
use rebuttal_server::unread;
use toml::{Spanned, Value};

use super::faults::{Fault, Faults};
use super::{Secret, Settings, nearest};
use crate::toml_file;

/// The names of values that are numbers.
const NUMBERS: [&str; 3] = ["NUMBER", "SECONDS", "DAYS"];
const A_LIST: &str = "must be a list of texts in quotes, as [\"…\", \"…\"]";

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The keys and values that are known and right.
    pub(super) sound: toml::Table,
    /// Everything that is wrong with the others, in the order of their lines.
    pub(super) faults: Vec<Fault>,
    /// In which line each value begins, the first one being 1.
    pub(super) lines: BTreeMap<String, usize>,
}

impl Read {
    /// The keys and values, if nothing is wrong with any.
    pub(super) fn whole(self) -> Result<toml::Table> {
        match self.faults.is_empty() {
            true => Ok(self.sound),
            false => Err(Faults::from(self.faults).into()),
        }
    }
}

/// Reads the file. What is wrong with single values does not keep the others from being read.
pub(super) fn read(path: &Path) -> Result<Read> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        anyhow!(
            "cannot read the settings in {shown}: {}. Name the file with --config or REBUTTAL_CONFIG; `rebuttal config \
             default` prints one to begin with",
            unread(path, &error)
        )
    })?;
    let values: BTreeMap<String, Spanned<Value>> = toml_file::parse(path, &text)
        .map_err(|fault| anyhow!("{fault}; texts stand in quotes, as in `rebuttal config default`"))?;
    let command = command();
    let known: Vec<_> = command.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    let mut read = Read::default();
    for (key, value) in values {
        let line = text.get(..value.span().start).unwrap_or_default().matches('\n').count() + 1;
        read.lines.insert(key.clone(), line);
        if !known.contains(&key.as_str()) {
            let meant = match nearest(&key, known.iter().copied()) {
                Some(nearest) => format!("did you mean {nearest:?}?"),
                None => "`rebuttal config default` lists them".to_owned(),
            };
            let told = format!("{shown}, line {line}: there is no setting {key:?}; {meant}");
            read.faults.push(Fault::of(&[&key], told));
        } else if let Err(must) = check(&command, &key, value.as_ref()) {
            let given = match is_secret(&command, &key) {
                true => String::new(),
                false => format!(" = {}", value.as_ref()),
            };
            read.faults.push(Fault::of(&[&key], format!("{shown}, line {line}: {key}{given}: it {must}")));
        } else {
            read.sound.insert(key, value.into_inner());
        }
    }
    let Read { faults, lines, .. } = &mut read;
    faults.sort_by_key(|fault| fault.keys.first().and_then(|key| lines.get(key)));
    Ok(read)
}

/// What a value must be, if it is not.
fn check(command: &clap::Command, key: &str, value: &Value) -> Result<(), String> {
    let Some(argument) = command.get_arguments().find(|argument| argument.get_id() == key) else {
        return Ok(());
    };
    check_words(command, argument, &words(argument, value)?)
}

/// What the words of a flag must be, if they are not.
pub(super) fn check_words(
    command: &clap::Command,
    argument: &clap::Arg,
    words: &[String],
) -> Result<(), String> {
    let possible: Vec<_> = argument.get_possible_values();
    let key = argument.get_id().as_str();
    let flags = words.iter().map(|word| format!("--{}={word}", key.replace('_', "-")));
    match command.clone().try_get_matches_from(flags) {
        Ok(_) => Ok(()),
        Err(_) if !possible.is_empty() => {
            let names: Vec<_> = possible.iter().map(|value| format!("{:?}", value.get_name())).collect();
            Err(format!("must be {}", names.join(" or ")))
        }
        Err(error) => Err(error.source().map_or_else(|| error.to_string(), ToString::to_string)),
    }
}

/// A value as its flag would have it, if it is of the flag's kind.
fn words(argument: &clap::Arg, value: &Value) -> Result<Vec<String>, String> {
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
        _ => Err("must be a text in quotes".to_owned()),
    }
}

/// Whether nobody may read the setting's value.
pub(super) fn is_secret(command: &clap::Command, key: &str) -> bool {
    let argument = command.get_arguments().find(|argument| argument.get_id() == key);
    argument.is_some_and(|argument| argument.get_value_parser().type_id() == TypeId::of::<Secret>())
}

/// The flags, without the variables: those are another place.
pub(super) fn command() -> clap::Command {
    let command = <Settings as clap::Args>::augment_args(clap::Command::new("serve")).no_binary_name(true);
    command.mut_args(|argument| argument.env(clap::builder::Resettable::Reset))
}
