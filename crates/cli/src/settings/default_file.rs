//! The commented default file: what `rebuttal config default` prints, and the documentation of the settings.
//!
//! Invariant: it names every field of [`Settings`](super::Settings) and no other, and its defaults are those of
//! [`rebuttal_server::Config`]; a test compares them.

use std::sync::LazyLock;

use toml::Value;

/// The file as it is printed.
const TEXT: &str = include_str!("default.toml");
/// Ends the line of a setting that has no default.
const EXAMPLE: &str = " # example";

/// The parsed default file.
pub(crate) static DEFAULT_FILE: LazyLock<DefaultFile> = LazyLock::new(|| DefaultFile::read(TEXT));

/// A settings file with a comment for each setting.
#[derive(Debug)]
pub(crate) struct DefaultFile {
    pub(crate) text: &'static str,
    /// In the file's order.
    pub(crate) settings: Vec<DocumentedSetting>,
}

/// One setting of the file.
#[derive(Debug)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "a test makes the reference page out of headings and meanings")
)]
pub(crate) struct DocumentedSetting {
    /// Its heading.
    pub(crate) section: &'static str,
    pub(crate) key: &'static str,
    /// In TOML.
    pub(crate) written: &'static str,
    /// Whether the value is only an example, because there is no default.
    pub(crate) is_example: bool,
    /// What it means.
    pub(crate) meaning: String,
}

impl DefaultFile {
    fn read(text: &'static str) -> Self {
        let (mut section, mut meaning, mut settings) = ("", Vec::new(), Vec::new());
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                section = heading;
            } else if let Some(sentence) = line.strip_prefix("# ") {
                meaning.push(sentence);
            } else if let Some((key, value)) = line.strip_prefix('#').and_then(|line| line.split_once(" = "))
            {
                let written = value.strip_suffix(EXAMPLE);
                let is_example = written.is_some();
                let written = written.unwrap_or(value);
                settings.push(DocumentedSetting {
                    section,
                    key,
                    written,
                    is_example,
                    meaning: meaning.join(" "),
                });
            } else {
                meaning.clear();
            }
        }
        Self { text, settings }
    }
}

impl DocumentedSetting {
    /// Its default, if it has one.
    pub(crate) fn default(&self) -> Option<Value> {
        let line = format!("value = {}", self.written);
        let table: Option<toml::Table> = toml::from_str(&line).ok().filter(|_| !self.is_example);
        table?.remove("value")
    }
}
