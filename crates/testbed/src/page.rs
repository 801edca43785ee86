//! The project's documents for tests: pages, and their code blocks.

use std::path::{Path, PathBuf};

/// A Markdown page of the project.
#[derive(Clone, Debug)]
pub struct Page {
    /// From the project's root.
    pub path: String,
    pub text: String,
}

/// A fenced code block; `cargo xtask tidy` refuses others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first word after the fence.
    pub language: String,
    /// Its label in a comment above the block: `<!-- run: serve -->`.
    pub mark: String,
    /// The number of its first line of code.
    pub line: usize,
    pub text: String,
}

/// The project's folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Any file of the project, by its path from the root.
#[must_use]
pub fn file(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether a text matches a quotation in a page, in which `…` matches anything.
#[must_use]
pub fn fits(quoted: &str, text: &str) -> bool {
    let Some((begin, rest)) = quoted.split_once('…') else { return text == quoted };
    let (middle, end) = rest.rsplit_once('…').unwrap_or(("", rest));
    let inner = text.strip_prefix(begin).and_then(|text| text.strip_suffix(end));
    let follow = |text| middle.split('…').try_fold(text, |text: &str, piece| Some(text.split_once(piece)?.1));
    inner.and_then(follow).is_some()
}

impl Page {
    #[must_use]
    pub fn open(path: &str) -> Self {
        Self { path: path.to_owned(), text: file(path) }
    }

    /// Every page of the project.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut paths = Vec::new();
        walk(&root(), &mut paths);
        paths.sort();
        paths.iter().map(|path| Self::open(path)).collect()
    }

    /// The block that is marked with this comment.
    #[must_use]
    pub fn marked(&self, mark: &str) -> String {
        let mut found = self.blocks().into_iter().filter(|block| block.mark == mark);
        let block = found.next().unwrap_or_else(|| panic!("{} has no block marked {mark:?}", self.path));
        assert_eq!(found.next(), None, "{}: two blocks are marked {mark:?}", self.path);
        block.text
    }

    /// All blocks, in order.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut mark = String::new();
        let mut lines = self.text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            if let Some(language) = line.strip_prefix("```") {
                let code: Vec<_> = lines
                    .by_ref()
                    .map(|(_, line)| line)
                    .take_while(|line| !line.starts_with("```"))
                    .collect();
                let language = language.split([' ', ',']).next().unwrap_or_default();
                blocks.push(Block::new(language, std::mem::take(&mut mark), index + 2, &code));
            } else if !line.trim().is_empty() {
                let comment = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                mark = comment.unwrap_or_default().to_owned();
            }
        }
        blocks
    }
}

impl Block {
    fn new(language: &str, mark: String, line: usize, code: &[&str]) -> Self {
        let text = format!("{}\n", code.join("\n").trim_end());
        Self { language: language.to_owned(), mark, line, text }
    }

    /// The commands in a shell block: lines that continue with `\` are one.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.text.replace("\\\n", " ").lines().map(str::to_owned).collect()
    }
}

/// The pages below a folder, except hidden folders and build outputs.
fn walk(folder: &Path, paths: &mut Vec<String>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !["target", "node_modules"].contains(&&*name) {
            walk(&path, paths);
        } else if name.ends_with(".md") {
            let path = path.strip_prefix(root()).expect("below the root");
            paths.push(path.to_string_lossy().into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotation_matches_with_ellipses_only() {
        for (quoted, text, right) in [
            ("a b", "a b", true),
            ("a b", "a b c", false),
            ("a … c", "a b c", true),
            ("a … c", "a  c d", false),
            ("a …", "a b c", true),
            ("… c … e", "b c d e", true),
            ("… d … c … e", "b c d e", false),
        ] {
            assert_eq!(fits(quoted, text), right, "{quoted} {text}");
        }
    }

    #[test]
    fn blocks_are_found_with_language_mark_and_place() {
        let text =
            "# T\n\n<!-- run: a -->\n```sh\none \\\n  two\n```\n\ntext\n\n```text\nin\n\n  more\n```\n";
        let page = Page { path: "x.md".to_owned(), text: text.to_owned() };
        let [first, second] = page.blocks().try_into().expect("two blocks");
        assert_eq!((first.language.as_str(), first.line), ("sh", 5));
        assert_eq!(first.commands(), ["one    two"]);
        assert_eq!(page.marked("run: a"), first.text);
        assert_eq!((second.text.as_str(), second.line, second.mark.as_str()), ("in\n\n  more\n", 12, ""));
    }
}
