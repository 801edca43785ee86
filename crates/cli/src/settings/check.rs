//! Everything that is wrong with a settings file and the variables, told at once: what is faulty by itself is left out, and
//! what is left is judged as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::faults::Fault;
use super::sources::Source;
use super::{Settings, file, variables};
use crate::look;

/// Each fault, those of variables first, then the file's by its lines.
pub(crate) fn faults(path: Option<&Path>) -> Vec<String> {
    let of_variables = variables::faulty();
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
            of_file.push(Fault::of(&[], look::causes(&error)));
        }
    }
    faulty.extend(keys(&of_file));
    let judged = match Settings::of_variables(&faulty).and_then(|settings| settings.above(sound)) {
        Ok(settings) => settings.judged().1.into_vec(),
        Err(error) => vec![Fault::of(&[], look::causes(&error))],
    };
    let certain = |fault: &Fault| fault.is_certain(&faulty) && (is_whole || fault.keys.len() == 1);
    let judged = judged.into_iter().filter(certain).map(|fault| placed(fault, path, &lines));
    let mut faults: Vec<_> = of_variables.into_iter().chain(of_file).chain(judged).collect();
    faults.sort_by_key(|fault| {
        let line = fault.keys.iter().filter_map(|key| lines.get(key)).min().copied();
        (line, fault.place())
    });
    faults.into_iter().map(|fault| fault.told).collect()
}

/// A fault that was found in the values alone, with where each of them comes from before it.
fn placed(fault: Fault, path: Option<&Path>, lines: &BTreeMap<String, usize>) -> Fault {
    let of = |key: &String| {
        let variable = Source::Variable.told(key, None);
        if std::env::var_os(&variable).is_some() {
            return Some(format!("the variable {variable}"));
        }
        Some(format!("{}, line {}", path?.display(), lines.get(key)?))
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
