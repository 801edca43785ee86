//! The project's files for the checks: tracked text, and shipped code.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::stage::command;

/// Unaltered files of other projects, which the rules do not apply to.
const VENDORED: &str = "crates/server/assets/";

/// All text files of the project, with paths from the root.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
    /// Of binary files and those of other projects, only the paths.
    others: Vec<String>,
}

pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Tree {
    /// Everything that git tracks or would track.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let list = command(root, "git ls-files --cached --others --exclude-standard", &[])?;
        let list = { list }.output().context("tidy asks git which files belong to the project")?;
        let paths = String::from_utf8_lossy(&list.stdout).into_owned();
        let mut tree = Self::default();
        // Sorted. A deleted file is still listed.
        let paths: BTreeSet<_> = paths.lines().filter(|path| root.join(path).is_file()).collect();
        for path in paths {
            match std::fs::read_to_string(root.join(path)) {
                Ok(text) if !path.starts_with(VENDORED) => {
                    tree.files.push(File { path: path.to_owned(), text })
                }
                _ => tree.others.push(path.to_owned()),
            }
        }
        Ok(tree)
    }

    /// Whether there is this file or folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let below =
            |file: &str| file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.files
            .iter()
            .map(|file| file.path.as_str())
            .chain(self.others.iter().map(String::as_str))
            .any(below)
    }

    /// Rust files that are not tests.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs") && !file.is_test())
    }

    pub(crate) fn find(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl File {
    fn is_test(&self) -> bool {
        let in_folder = |name: &str| self.path.split('/').any(|part| part == name);
        in_folder("tests") || in_folder("fuzz") || in_folder("benches") || self.path.ends_with("/tests.rs")
    }

    /// True for the crate's own files, `protocol` for `crates/protocol/…`.
    pub(crate) fn is_of(&self, krate: &str) -> bool {
        self.path.strip_prefix("crates/").and_then(|rest| rest.split('/').next()) == Some(krate)
    }

    /// Numbered lines of code: without comments, and without the tests at a file's end.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let shipped = self.text.lines().take_while(|line| !line.trim_start().starts_with("#[cfg(test)]"));
        let numbered = shipped.enumerate().map(|(index, line)| (index + 1, line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// A function of the code that ships.
pub(crate) struct Function {
    pub(crate) place: String,
    pub(crate) text: String,
}

impl File {
    /// Every function, as formatted by rustfmt: it ends at the first closing brace, or semicolon if it has no body,
    /// with the indentation of its first line.
    pub(crate) fn functions(&self) -> Vec<Function> {
        const BEFORE_FN: [&str; 5] = ["pub ", "pub(crate) ", "pub(super) ", "const ", "async "];
        let lines: Vec<_> = self.code().collect();
        let indent = |line: &str| line.len() - line.trim_start().len();
        let mut found = Vec::new();
        for (index, (number, line)) in lines.iter().enumerate() {
            let bare = BEFORE_FN
                .iter()
                .fold(line.trim_start(), |rest, word| rest.strip_prefix(word).unwrap_or(rest));
            if !bare.starts_with("fn ") {
                continue;
            }
            let closes = |(_, other): &&(usize, &str)| {
                let ends = other.trim() == "}" || other.trim_end().ends_with([';', '}']);
                indent(other) == indent(line) && ends
            };
            let rest = lines.iter().skip(index);
            if let Some((end, _)) = rest.clone().find(closes) {
                let body = rest.take_while(|(number, _)| number <= end).map(|(_, line)| *line);
                found.push(Function {
                    place: format!("{}:{number}", self.path),
                    text: body.collect::<Vec<_>>().join("\n"),
                });
            }
        }
        found
    }
}

#[cfg(test)]
pub(crate) fn sample(files: &[(&str, &str)]) -> Tree {
    let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
    Tree { files: files.iter().map(file).collect(), others: Vec::new() }
}
