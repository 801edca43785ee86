//! What is wrong with settings, gathered so that all of it is told at once.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::Result;

use super::COMMENTED;
use crate::terminal;

/// What is wrong with a setting, or with several together.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// The settings that it is about, the one that it is told at first.
    pub(super) keys: Vec<String>,
    /// What is wrong, and what it must be.
    pub(super) told: String,
}

/// Everything that is wrong, in the order of the default file until it is put in another.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Fault {
    pub(super) fn of(keys: &[&str], told: impl Into<String>) -> Self {
        Self { keys: keys.iter().map(|key| (*key).to_owned()).collect(), told: told.into() }
    }

    /// What is judged of several settings is not known where one of them is at fault itself.
    pub(super) fn is_certain(&self, faulty: &BTreeSet<String>) -> bool {
        !self.keys.iter().any(|key| faulty.contains(key))
    }

    /// Where the default file has the setting.
    pub(super) fn place(&self) -> usize {
        let is_it = |key: &String| COMMENTED.settings.iter().position(|setting| setting.key == key);
        self.keys.iter().filter_map(is_it).min().unwrap_or(usize::MAX)
    }
}

impl Faults {
    /// The value, if nothing is wrong with it.
    pub(super) fn take<T>(&mut self, keys: &[&str], value: Result<T>) -> Option<T> {
        value
            .map_err(|error| match error.downcast::<Self>() {
                Ok(several) => self.0.extend(several.0),
                Err(error) => self.add(Fault::of(keys, terminal::causes(&error))),
            })
            .ok()
    }

    /// The values of a list with which nothing is wrong.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        texts: Option<Vec<String>>,
        parse: impl Fn(&str) -> Result<T>,
    ) -> Vec<T> {
        texts.unwrap_or_default().iter().filter_map(|text| self.take(&[key], parse(text))).collect()
    }

    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn into_vec(mut self) -> Vec<Fault> {
        self.0.sort_by_key(Fault::place);
        self.0
    }

    /// Nothing, unless there is a fault.
    pub(super) fn told(self) -> Result<()> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Self(self.into_vec()).into()),
        }
    }

    /// Each, as it is told.
    pub(crate) fn each(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|fault| fault.told.as_str())
    }
}

impl From<Vec<Fault>> for Faults {
    fn from(faults: Vec<Fault>) -> Self {
        Self(faults)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.each().collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for Faults {}
