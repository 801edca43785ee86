//! Everything that is wrong with settings, told at once and with where it stands: what is faulty by itself is left out,
//! and what is left is judged as a whole. `config check`, `config show`, `doctor` and a start all come this way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use rebuttal_server::Config;

use super::faults::{Fault, Faults};
use super::sources::{Source, Sources};
use super::{Settings, file, variables};
use crate::terminal;

/// What is in force, and what the server understands of it.
type Resolved = (Settings, Config);

/// What the server understands of a file and the variables; else each of their faults, those of variables first, then
/// the file's by its lines.
pub(crate) fn checked(path: Option<&Path>) -> Result<Config, Faults> {
    let of_variables = variables::faulty();
    let faulty = keys(&of_variables);
    let given = Settings::of_variables(&faulty);
    let (resolved, faults) = judged(given, &Sources::of_environment(), path, of_variables);
    sound(resolved, faults).map(|(_, config)| config)
}

impl Settings {
    /// What flags, variables and a file say together.
    ///
    /// # Errors
    /// Everything that is wrong, in the words of `config check`.
    pub(crate) fn resolved(self, sources: &Sources, file: Option<&Path>) -> Result<Resolved, Faults> {
        let (resolved, faults) = judged(Ok(self), sources, file, Vec::new());
        sound(resolved, faults)
    }
}

/// What was resolved, if nothing is wrong with it.
fn sound(resolved: Option<Resolved>, faults: Faults) -> Result<Resolved, Faults> {
    resolved.filter(|_| faults.each().next().is_none()).ok_or(faults)
}

/// What flags and variables gave, over the file. `of_variables` is what is wrong with variables that are not among what
/// was given.
fn judged(
    given: Result<Settings>,
    sources: &Sources,
    path: Option<&Path>,
    of_variables: Vec<Fault>,
) -> (Option<Resolved>, Faults) {
    let mut faulty = keys(&of_variables);
    let (mut of_file, mut sound, mut lines) = (Vec::new(), toml::Table::new(), BTreeMap::new());
    let mut is_whole = true;
    match path.map(file::read).transpose() {
        Ok(read) => {
            let read = read.unwrap_or_default();
            (of_file, sound, lines) = (read.faults, read.sound, read.lines);
        }
        // What it holds is not known.
        Err(error) => {
            is_whole = false;
            of_file.push(Fault::of(&[], terminal::causes(&error)));
        }
    }
    faulty.extend(keys(&of_file));
    let (resolved, judged) = match given.and_then(|settings| settings.above(sound)) {
        Ok(settings) => {
            let (config, faults) = settings.clone().judged();
            (Some((settings, config)), faults.into_vec())
        }
        Err(error) => (None, vec![Fault::of(&[], terminal::causes(&error))]),
    };
    let certain = |fault: &Fault| fault.is_certain(&faulty) && (is_whole || fault.keys.len() == 1);
    let judged = judged.into_iter().filter(certain).map(|fault| placed(fault, sources, path, &lines));
    let mut faults: Vec<_> = of_variables.into_iter().chain(of_file).chain(judged).collect();
    faults.sort_by_key(|fault| {
        let line = fault.keys.iter().filter_map(|key| lines.get(key)).min().copied();
        (line, fault.place())
    });
    (resolved, faults.into())
}

/// A fault that was found in the values alone, with where each of them comes from before it. Whoever gave a flag has
/// just written it.
fn placed(fault: Fault, sources: &Sources, path: Option<&Path>, lines: &BTreeMap<String, usize>) -> Fault {
    let of = |key: &String| match sources.of(key) {
        Some(Source::Flag) => None,
        Some(source) => Some(format!("the variable {}", source.told(key, None))),
        None => Some(format!("{}, line {}", path?.display(), lines.get(key)?)),
    };
    let places: Vec<_> = fault.keys.iter().filter_map(of).collect();
    match places.is_empty() {
        true => fault,
        false => Fault { told: format!("{}: {}", places.join(" and "), fault.told), ..fault },
    }
}

fn keys(faults: &[Fault]) -> BTreeSet<String> {
    faults.iter().flat_map(|fault| fault.keys.iter().cloned()).collect()
}
