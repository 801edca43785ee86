//! References in documents: links lead to an existing file and heading, paths in sentences to a file, and every code
//! block has a language, so that a test checks it.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{File, Tree};

/// The languages of blocks, each looked at by a test: `sh` is read by a shell and its calls of `rebuttal` by clap
/// (`cli/tests/it/commands/docs`, `cli/src/tests/docs`), and run where it is marked; `json` is read; `toml` is a
/// settings file; `yaml` is read, and each block checked by the program that it is for
/// (`cli/tests/it/commands/docs/external_validators`); `python` is run (`cli/tests/it/docs/examples`); `js` is run in
/// a browser (`cli/tests/it/upload_clients/browser`); `text` is what is printed, and compared where it is marked.
const LANGUAGES: [&str; 7] = ["sh", "json", "toml", "yaml", "python", "js", "text"];
/// Blocks of Rust belong where rustdoc compiles them.
const COMPILED: [&str; 2] = ["crates/client/README.md", "crates/protocol/README.md"];
const COMPILED_AS: [&str; 2] = ["", "no_run"];
/// Folders of the root: what begins with one of them in a sentence is a path.
const FOLDERS: [&str; 5] = ["crates/", "docs/", "packaging/", "testdata/", "xtask/"];

pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let pages: Vec<_> = tree.files.iter().filter(|file| file.path.ends_with(".md")).map(Page::read).collect();
    let anchors: BTreeMap<_, _> = pages.iter().map(|page| (page.path, &page.anchors)).collect();
    let mut faults = Vec::new();
    for page in &pages {
        for (line, target) in &page.links {
            if let Some(fault) = fault(tree, &anchors, page.path, target) {
                faults.push(format!("{}:{line}: {target}: {fault}", page.path));
            }
        }
        for (line, path) in page.paths.iter().filter(|(_, path)| !tree.has(path)) {
            faults.push(format!("{}:{line}: {path}: there is no such file", page.path));
        }
        faults.extend(
            page.set_in
                .iter()
                .map(|line| format!("{}:{line}: an indented block has no language: fence it", page.path)),
        );
        for (line, language) in
            page.languages.iter().filter(|(_, language)| !is_looked_at(page.path, language))
        {
            faults.push(format!(
                "{}:{line}: a block of {language:?} is not checked; use one of {LANGUAGES:?}",
                page.path
            ));
        }
    }
    faults
}

fn is_looked_at(path: &str, language: &str) -> bool {
    LANGUAGES.contains(&language) || (COMPILED.contains(&path) && COMPILED_AS.contains(&language))
}

/// The fault of a link, if there is one. External links are not checked.
fn fault(
    tree: &Tree,
    anchors: &BTreeMap<&str, &BTreeSet<String>>,
    from: &str,
    target: &str,
) -> Option<String> {
    if target.starts_with("https://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let path = if path.is_empty() { Some(from.to_owned()) } else { joined(from, path) };
    let Some(path) = path.filter(|path| tree.has(path)) else {
        return Some("there is no such file".to_owned());
    };
    let known = |anchor: &str| anchors.get(path.as_str()).is_some_and(|known| known.contains(anchor));
    anchor.filter(|anchor| !known(anchor)).map(|_| "there is no such heading".to_owned())
}

/// A relative path of a file, from the root; `None` if it leads out of the project.
fn joined(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<_> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()?),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The checked parts of a page, each with its line.
struct Page<'t> {
    path: &'t str,
    anchors: BTreeSet<String>,
    links: Vec<(usize, String)>,
    paths: Vec<(usize, String)>,
    languages: Vec<(usize, String)>,
    /// Where a block indented by four spaces begins.
    set_in: Vec<usize>,
}

impl<'t> Page<'t> {
    fn read(file: &'t File) -> Self {
        let (anchors, links, paths) = (BTreeSet::new(), Vec::new(), Vec::new());
        let (languages, set_in) = (Vec::new(), Vec::new());
        let mut page = Self { path: &file.path, anchors, links, paths, languages, set_in };
        let (mut in_block, mut before) = (false, "");
        for (index, line) in file.text.lines().enumerate() {
            if let Some(language) = line.strip_prefix("```") {
                if !in_block {
                    page.languages.push((index + 1, language.trim().to_owned()));
                }
                in_block = !in_block;
            } else if !in_block {
                if line.starts_with("    ") && before.is_empty() {
                    page.set_in.push(index + 1);
                }
                page.read_line(index + 1, line);
            }
            before = line.trim();
        }
        page
    }

    fn read_line(&mut self, number: usize, line: &str) {
        if let Some(heading) =
            line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))
        {
            self.add_anchor(heading);
        }
        let (mut sentence, mut spans) = (String::new(), Vec::new());
        for (index, piece) in line.split('`').enumerate() {
            if index % 2 == 0 { sentence.push_str(piece) } else { spans.push(piece) }
        }
        // The text after the bracket of a link's text, or of a definition.
        let targets = sentence.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        self.links.extend(targets.map(|(target, _)| (number, target.to_owned())));
        if let Some((_, target)) = sentence.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            self.links.push((number, target.trim().to_owned()));
        }
        let is_path = |span: &&str| {
            FOLDERS.iter().any(|folder| span.starts_with(folder)) && !span.contains([' ', '*', '<', '…'])
        };
        self.paths.extend(spans.into_iter().filter(is_path).map(|span| (number, span.to_owned())));
    }

    /// A heading's anchor as on GitHub; the second one with the same name gets `-1`.
    fn add_anchor(&mut self, heading: &str) {
        // Only the text of a link counts.
        let text = heading.split("](").enumerate().map(|(index, piece)| match index {
            0 => piece,
            _ => piece.split_once(')').map_or(piece, |(_, after)| after),
        });
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let anchor: String = text.collect::<String>().to_lowercase().chars().filter(kept).collect();
        let anchor = anchor.trim().replace(' ', "-");
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let free =
            std::iter::once(anchor.clone()).chain(numbered).find(|anchor| !self.anchors.contains(anchor));
        self.anchors.extend(free);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::sample;
    use super::*;

    fn faults_of(page: &str) -> Vec<String> {
        let other = "# One\n\n## 6. States [R]\n\n## One\n";
        faults(&sample(&[("docs/a/page.md", page), ("docs/b.md", other), ("crates/x/src/lib.rs", "")]))
    }

    #[test]
    fn links_lead_to_a_file_and_a_heading() {
        let good = "# Here\n[b](../b.md) [c](../b.md#6-states-r) [d](#here) [e](../../crates/x) [f](../b.md#one-1)\n\
                    [g](https://example.com/nope.md) `[h](nope.md)`\n\n```text\n[i](nope.md)\n```\n[j]: ../b.md\n";
        assert_eq!(faults_of(good), <[String; 0]>::default());
        for bad in ["[b](b.md)", "[b](../b.md#two)", "[b](#there)", "[b](../../../b.md)", "[b]: ../c.md"] {
            assert_eq!(faults_of(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn paths_in_sentences_lead_to_a_file() {
        assert_eq!(faults_of("`crates/x/src/lib.rs`, `crates/x`, `docs/…`, `crates/*.rs`").len(), 0);
        assert_eq!(
            faults_of("see `crates/y/src/lib.rs`"),
            ["docs/a/page.md:1: crates/y/src/lib.rs: there is no such file"]
        );
    }

    #[test]
    fn blocks_have_a_language() {
        assert_eq!(faults_of("```sh\nls\n```\n```json\n{}\n```\n").len(), 0);
        assert_eq!(faults_of("```\nls\n```\n").len(), 1);
        assert_eq!(
            faults_of("A text:\n\n    ls\n    ls\n"),
            ["docs/a/page.md:3: an indented block has no language: fence it"]
        );
        assert_eq!(faults_of("- an item\n    that goes on\n\n```sh\n\n    ls\n```\n").len(), 0);
        assert_eq!(faults_of("```rust\nfn main() {}\n```\n").len(), 1);
    }
}
