//! The documents that a new reader opens first, and their length limits.

use super::tree::Tree;

const README_WORDS_LIMIT: usize = 500;
const ARCHITECTURE_WORDS: std::ops::RangeInclusive<usize> = 1_500..=2_500;
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
    fn documents_exist_and_are_short() {
        assert_eq!(faults(&sample(&[])).len(), NEEDED.len());
        assert_eq!(with("README.md", 500), 0);
        assert_eq!(with("README.md", 501), 1);
        assert_eq!(with("ARCHITECTURE.md", 1_499), 1);
        assert_eq!(with("ARCHITECTURE.md", 2_000), 0);
        assert_eq!(with("ARCHITECTURE.md", 2_501), 1);
    }
}
