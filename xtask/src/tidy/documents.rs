//! The documents next to the code that a new reader opens first, and their length limits.

use super::tree::Tree;

const README_WORDS_LIMIT: usize = 500;
const ARCHITECTURE_WORDS: std::ops::RangeInclusive<usize> = 1_500..=2_500;
/// Enough for what, why and what it costs; more is a document.
const DECISION_WORDS: std::ops::RangeInclusive<usize> = 150..=350;
const DECISIONS: &str = "docs/decisions/";
const PARTS: [&str; 5] =
    ["**Context.**", "**Decision.**", "**Why.**", "**What it costs.**", "**What was measured.**"];
const NEEDED: [&str; 9] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "deny.toml",
    "clippy.toml",
    ".ci/run",
];

pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let missing = NEEDED.iter().filter(|path| tree.find(path).is_none());
    let mut faults: Vec<_> = missing.map(|path| format!("{path} is missing")).collect();
    let words = |path: &str| tree.find(path).map(|file| file.text.split_whitespace().count());
    if let Some(words) = words("README.md").filter(|words| *words > README_WORDS_LIMIT) {
        faults.push(format!("README.md: {words} words, of {README_WORDS_LIMIT} at most"));
    }
    if let Some(words) = words("ARCHITECTURE.md").filter(|words| !ARCHITECTURE_WORDS.contains(words)) {
        faults.push(format!("ARCHITECTURE.md: {words} words, not 1,500 to 2,500"));
    }
    faults.extend(decisions(tree));
    faults
}

/// What is wrong with the pages of decisions: their length, their parts, or that nobody finds them.
fn decisions(tree: &Tree) -> Vec<String> {
    let index = tree.find(&format!("{DECISIONS}README.md")).map_or("", |file| &file.text);
    let pages = tree.files.iter().filter_map(|file| Some((file.path.strip_prefix(DECISIONS)?, file)));
    let mut faults = Vec::new();
    for (name, file) in pages.filter(|(name, _)| *name != "README.md") {
        let words = file.text.split_whitespace().count();
        if !DECISION_WORDS.contains(&words) {
            faults.push(format!("{}: {words} words, not 150 to 350", file.path));
        }
        let missing = PARTS.iter().filter(|part| !file.text.contains(&format!("\n\n{part} ")));
        faults.extend(missing.map(|part| format!("{}: has no part {part}", file.path)));
        if !index.contains(&format!("]({name})")) {
            faults.push(format!("{}: the index does not name it", file.path));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::tree::sample;
    use super::*;

    fn with(path: &str, words: usize) -> usize {
        let text = "word ".repeat(words);
        let enough = "word ".repeat(1_500);
        let of = |needed: &'static str| (needed, if needed == "ARCHITECTURE.md" { &*enough } else { "" });
        let mut files: Vec<_> =
            NEEDED.iter().filter(|needed| **needed != path).map(|needed| of(needed)).collect();
        files.push((path, &text));
        faults(&sample(&files)).len()
    }

    #[test]
    fn papers_are_there_and_short() {
        assert_eq!(faults(&sample(&[])).len(), NEEDED.len());
        assert_eq!(with("README.md", 500), 0);
        assert_eq!(with("README.md", 501), 1);
        assert_eq!(with("ARCHITECTURE.md", 1_499), 1);
        assert_eq!(with("ARCHITECTURE.md", 2_000), 0);
        assert_eq!(with("ARCHITECTURE.md", 2_501), 1);
    }

    #[test]
    fn a_decision_has_its_parts_and_stands_in_the_index() {
        let parts = PARTS.map(|part| format!("\n\n{part} {}", "word ".repeat(30))).concat();
        let page = |text: &str, index: &str| {
            let files = [("docs/decisions/a.md", text), ("docs/decisions/README.md", index)];
            decisions(&sample(&files)).len()
        };
        assert_eq!(page(&parts, "[a](a.md)"), 0);
        assert_eq!(page(&parts, ""), 1);
        assert_eq!(page(&parts.replace("**Why.**", "Why"), "[a](a.md)"), 1);
        assert_eq!(page(&parts.replace("word", "word word word"), "[a](a.md)"), 1);
    }
}
