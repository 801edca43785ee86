//! Reads the TOML file. A key that is not known is refused with the nearest known one: a misspelt setting that has no
//! effect is worse than a gateway that does not start.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::Settings;

/// The file's keys and values, known and of the right type.
pub(super) fn read(path: &Path) -> Result<toml::Table> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the settings in {shown}"))?;
    let table: toml::Table = text.parse().with_context(|| format!("{shown} is not valid TOML"))?;
    let known = keys();
    if let Some(key) = table.keys().find(|key| !known.contains(key)) {
        match nearest(key, known.iter().map(String::as_str)) {
            Some(nearest) => bail!("{shown}: there is no setting {key:?}; did you mean {nearest:?}?"),
            None => bail!("{shown}: there is no setting {key:?}; `rebuttal serve --help` lists them"),
        }
    }
    // Read again from the text, because only then does a fault tell its line.
    toml::from_str::<Settings>(&text).with_context(|| format!("{shown} has a value of the wrong kind"))?;
    Ok(table)
}

/// Every key: the names of the flags, with underscores.
pub(super) fn keys() -> Vec<String> {
    let command = <Settings as clap::Args>::augment_args(clap::Command::new("serve"));
    command.get_arguments().map(|argument| argument.get_id().to_string()).collect()
}

/// The known word that was probably meant.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.75;
    known
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}
