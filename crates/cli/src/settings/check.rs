//! Validates settings and reports all errors together, with their locations: values that are invalid by themselves are
//! left out, and the rest is validated as a whole. Used by `config check`, `config show`, `doctor` and `serve`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use rebuttal_server::Config;

use super::faults::{SettingError, SettingErrors};
use super::sources::{SettingSource, Sources};
use super::{Settings, file, variables};
use crate::{terminal, usage};

/// The effective settings, and the server's configuration.
type ResolvedSettings = (Settings, Config);

/// All faults of a file and the variables: those of variables first, then the file's by line.
pub(crate) fn check_settings(path: Option<&Path>) -> Result<(), SettingErrors> {
    let of_variables = variables::faulty();
    let faulty = keys(&of_variables);
    let given = Settings::of_variables(&faulty);
    let (resolved, faults) = resolve(given, &Sources::of_environment(), path, of_variables);
    without_faults(resolved, faults).map(drop)
}

impl Settings {
    /// The settings of flags, variables and a file together.
    ///
    /// # Errors
    /// Everything that is wrong, in the words of `config check`; a usage error if only flags are wrong.
    pub(crate) fn resolved(self, sources: &Sources, file: Option<&Path>) -> Result<ResolvedSettings> {
        let (resolved, faults) = resolve(Ok(self), sources, file, Vec::new());
        without_faults(resolved, faults).map_err(|faults| match faults.are_of_flags() {
            true => usage::error(&faults),
            false => faults.into(),
        })
    }
}

/// The resolved settings, if there are no faults.
fn without_faults(
    resolved: Option<ResolvedSettings>,
    faults: SettingErrors,
) -> Result<ResolvedSettings, SettingErrors> {
    resolved.filter(|_| faults.each().next().is_none()).ok_or(faults)
}

/// Merges the settings of flags and variables over the file's. `of_variables` are the faults of variables that are not
/// in `given`.
fn resolve(
    given: Result<Settings>,
    sources: &Sources,
    path: Option<&Path>,
    of_variables: Vec<SettingError>,
) -> (Option<ResolvedSettings>, SettingErrors) {
    let mut faulty = keys(&of_variables);
    let (mut of_file, mut without_faults, mut lines) = (Vec::new(), toml::Table::new(), BTreeMap::new());
    let mut is_whole = true;
    match path.map(file::read).transpose() {
        Ok(read) => {
            let read = read.unwrap_or_default();
            (of_file, without_faults, lines) = (read.faults, read.valid, read.lines);
        }
        // The file's settings are not known.
        Err(error) => {
            is_whole = false;
            of_file.push(SettingError::of(&[], terminal::causes(&error)));
        }
    }
    faulty.extend(keys(&of_file));
    let (resolved, setting_faults) = match given.and_then(|settings| settings.merged_over(without_faults)) {
        Ok(settings) => {
            let (config, faults) = settings.clone().validated();
            (Some((settings, config)), faults.into_vec())
        }
        Err(error) => (None, vec![SettingError::of(&[], terminal::causes(&error))]),
    };
    let certain = |fault: &SettingError| fault.is_certain(&faulty) && (is_whole || fault.keys.len() == 1);
    let setting_faults =
        setting_faults.into_iter().filter(certain).map(|fault| with_location(fault, sources, path, &lines));
    let mut faults: Vec<_> = of_variables.into_iter().chain(of_file).chain(setting_faults).collect();
    faults.sort_by_key(|fault| {
        let line = fault.keys.iter().filter_map(|key| lines.get(key)).min().copied();
        (line, fault.place())
    });
    (resolved, faults.into())
}

/// A fault of values, prefixed with their sources. A flag is named in place of its key.
fn with_location(
    fault: SettingError,
    sources: &Sources,
    path: Option<&Path>,
    lines: &BTreeMap<String, usize>,
) -> SettingError {
    let of = |key: &String| match sources.of(key) {
        Some(SettingSource::Flag) => None,
        Some(source) => Some(format!("the variable {}", source.display_name(key, None))),
        None => Some(format!("{}, line {}", path?.display(), lines.get(key)?)),
    };
    let places: Vec<_> = fault.keys.iter().filter_map(of).collect();
    match places.is_empty() {
        true if fault.keys.iter().any(|key| sources.of(key) == Some(SettingSource::Flag)) => fault.of_flags(),
        true => fault,
        false => SettingError { message: format!("{}: {}", places.join(" and "), fault.message), ..fault },
    }
}

fn keys(faults: &[SettingError]) -> BTreeSet<String> {
    faults.iter().flat_map(|fault| fault.keys.iter().cloned()).collect()
}
