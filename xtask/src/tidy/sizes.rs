//! How long things may be: files, comments, and the root folder. Clippy limits functions.

use std::collections::BTreeSet;

use super::tree::Tree;

const ROOT_ENTRIES_LIMIT: usize = 21;
const MEDIAN_FILE_LIMIT: usize = 130;
const NINTH_DECILE_FILE_LIMIT: usize = 350;
const FILE_LIMIT: usize = 600;
/// Columns of a comment. The formatter holds the code, and does not touch sentences.
const COMMENT_LIMIT: usize = 120;
/// A file opens with what it is for and what it is not.
const OPENING_LINES: std::ops::RangeInclusive<usize> = 1..=6;

pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    faults.extend(root_entries(tree));
    faults.extend(file_lengths(tree));
    faults.extend(comment_widths(tree));
    faults.extend(openings(tree));
    faults
}

fn root_entries(tree: &Tree) -> Option<String> {
    let entries: BTreeSet<_> = tree.files.iter().filter_map(|file| file.path.split('/').next()).collect();
    (entries.len() > ROOT_ENTRIES_LIMIT).then(|| format!("{} entries in the root folder", entries.len()))
}

fn file_lengths(tree: &Tree) -> Vec<String> {
    let mut lengths: Vec<_> = tree.sources().map(|file| (file.text.lines().count(), &file.path)).collect();
    lengths.sort_unstable();
    let mut faults = Vec::new();
    for (lines, path) in lengths.iter().filter(|(lines, _)| *lines > FILE_LIMIT) {
        faults.push(format!("{path}: {lines} lines, of {FILE_LIMIT} at most"));
    }
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a small count"
        )]
        let index = (lengths.len() as f64 * share) as usize;
        lengths.get(index).map_or(0, |(lines, _)| *lines)
    };
    for (share, limit) in [(0.5, MEDIAN_FILE_LIMIT), (0.9, NINTH_DECILE_FILE_LIMIT)] {
        if at(share) > limit {
            faults.push(format!("{:.0} % of the files are longer than {limit} lines", 100.0 - share * 100.0));
        }
    }
    faults
}

fn comment_widths(tree: &Tree) -> Vec<String> {
    let sources = tree.files.iter().filter(|file| file.path.ends_with(".rs"));
    let comments = sources.flat_map(|file| {
        let lines = file.text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("//"));
        lines.map(|(index, line)| (format!("{}:{}", file.path, index + 1), line.chars().count()))
    });
    comments
        .filter(|(_, columns)| *columns > COMMENT_LIMIT)
        .map(|(place, columns)| {
            format!("{place}: a comment of {columns} columns, of {COMMENT_LIMIT} at most")
        })
        .collect()
}

fn openings(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for file in tree.sources() {
        let lines = file.text.lines().take_while(|line| line.starts_with("//!")).count();
        if !OPENING_LINES.contains(&lines) {
            faults.push(format!("{}: opens with {lines} lines of //!, not 1 to 6", file.path));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::tree::sample;
    use super::*;

    fn file(lines: usize) -> String {
        format!("//! A file.\n{}", "\n".repeat(lines - 1))
    }

    #[test]
    fn files_are_short() {
        assert_eq!(faults(&sample(&[("a/a.rs", &file(130))])).len(), 0);
        assert_eq!(faults(&sample(&[("a/a.rs", &file(131))])).len(), 1);
        let tree = sample(&[("a/a.rs", &file(10)), ("a/b.rs", &file(10)), ("a/c.rs", &file(601))]);
        assert_eq!(faults(&tree).len(), 2);
        assert_eq!(faults(&sample(&[("crates/cli/tests/a.rs", &file(900))])).len(), 0);
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        assert_eq!(faults(&sample(&[("a/a.rs", "fn a() {}\n")])).len(), 1);
        assert_eq!(faults(&sample(&[("a/a.rs", &"//! x\n".repeat(7))])).len(), 1);
    }

    #[test]
    fn comments_are_narrow() {
        let comment = |columns: usize| format!("//! A file.\n    // {}\n", "é".repeat(columns - 7));
        assert_eq!(faults(&sample(&[("a/a.rs", &comment(120))])).len(), 0);
        assert_eq!(faults(&sample(&[("a/a.rs", &comment(121))])).len(), 1);
        assert_eq!(faults(&sample(&[("a/tests/a.rs", &comment(121))])).len(), 1);
    }

    #[test]
    fn the_root_is_small() {
        let paths: Vec<_> = (0..22).map(|number| format!("{number}.md")).collect();
        let files: Vec<_> = paths.iter().map(|path| (path.as_str(), "")).collect();
        assert_eq!(faults(&sample(&files)).len(), 1);
    }
}
