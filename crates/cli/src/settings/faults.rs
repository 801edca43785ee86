//! Errors of settings, collected so that all are reported together.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Result};

use super::DEFAULT_FILE;
use super::sources::SettingSource;
use crate::terminal;

/// An error of one setting, or of several together.
#[derive(Debug, Clone)]
pub(crate) struct SettingError {
    /// The settings that it concerns, the main one first.
    pub(super) keys: Vec<String>,
    /// What is wrong, and what it must be.
    pub(super) message: String,
    /// Whether only flags are wrong.
    pub(super) is_of_flags: bool,
}

/// All faults, in the order of the default file unless sorted otherwise.
#[derive(Debug, Default)]
pub(crate) struct SettingErrors(Vec<SettingError>);

impl SettingError {
    pub(super) fn of(keys: &[&str], message: impl Into<String>) -> Self {
        Self {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            message: message.into(),
            is_of_flags: false,
        }
    }

    /// The fault of flags, with their names in place of their keys.
    pub(super) fn of_flags(self) -> Self {
        let is_part = |character: char| character.is_ascii_lowercase() || character == '_';
        let named = self.message.split_inclusive(|character| !is_part(character)).map(|word| {
            let (key, end) = word.split_at(word.trim_end_matches(|character| !is_part(character)).len());
            match self.keys.iter().any(|of| of == key) {
                true => format!("{}{end}", SettingSource::Flag.display_name(key, None)),
                false => word.to_owned(),
            }
        });
        Self { message: named.collect(), is_of_flags: true, ..self }
    }

    /// Whether none of the settings is in `faulty`: a fault of several is uncertain if one of them is invalid.
    pub(super) fn is_certain(&self, faulty: &BTreeSet<String>) -> bool {
        !self.keys.iter().any(|key| faulty.contains(key))
    }

    /// The setting's index in the default file.
    pub(super) fn place(&self) -> usize {
        let is_it = |key: &String| DEFAULT_FILE.settings.iter().position(|setting| setting.key == key);
        self.keys.iter().filter_map(is_it).min().unwrap_or(usize::MAX)
    }
}

impl SettingErrors {
    /// The value, if it is valid.
    pub(super) fn take<T>(&mut self, keys: &[&str], value: Result<T>) -> Option<T> {
        value
            .map_err(|error| match error.downcast::<Self>() {
                Ok(several) => self.0.extend(several.0),
                Err(error) => self.add(SettingError::of(keys, terminal::causes(&error))),
            })
            .ok()
    }

    /// The valid values of a list.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        texts: Option<Vec<String>>,
        parse: impl Fn(&str) -> Result<T>,
    ) -> Vec<T> {
        texts.unwrap_or_default().iter().filter_map(|text| self.take(&[key], parse(text))).collect()
    }

    /// The valid values of a list that must not be empty if it is given.
    pub(super) fn nonempty_list<T>(
        &mut self,
        key: &'static str,
        texts: Option<Vec<String>>,
        when_empty: &str,
    ) -> Vec<T>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        if texts.as_ref().is_some_and(Vec::is_empty) {
            self.add(SettingError::of(&[key], format!("{key}: the list is empty; {when_empty}")));
        }
        self.list(key, texts, |text| text.parse().context(key))
    }

    pub(super) fn add(&mut self, fault: SettingError) {
        self.0.push(fault);
    }

    pub(super) fn into_vec(mut self) -> Vec<SettingError> {
        self.0.sort_by_key(SettingError::place);
        self.0
    }

    /// An error if there is a fault.
    pub(super) fn into_result(self) -> Result<()> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Self(self.into_vec()).into()),
        }
    }

    /// Whether nothing but flags is wrong.
    pub(super) fn are_of_flags(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|fault| fault.is_of_flags)
    }

    /// The message of each.
    pub(crate) fn each(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|fault| fault.message.as_str())
    }
}

impl From<Vec<SettingError>> for SettingErrors {
    fn from(faults: Vec<SettingError>) -> Self {
        Self(faults)
    }
}

impl fmt::Display for SettingErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.each().collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for SettingErrors {}
