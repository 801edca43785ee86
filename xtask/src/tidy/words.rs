//! The words that code, help and documentation do not use, with the usual word for each. Only what a text search can
//! decide is here.

use super::tree::{File, Tree};

/// The words to search for, case-insensitive and as whole words, also within identifiers, and their replacements.
const BANNED: [(&[&str], &str); 33] = [
    (&["told", "tells", "untold", "telling"], "reports, logs, prints, shows, returns, notifies"),
    (&["the sign", "a sign", "its sign", "sign of the"], "the signature"),
    (&["lie", "lies"], "is stored in, is in; an invalid file, a tampered answer"),
    (&["believe", "believes", "believed"], "accept, trust"),
    (&["stranger", "strangers"], "an unknown app, another merchant"),
    (&["papers"], "documents"),
    (
        &["stands in", "stands at", "stands there", "stands below", "stands beside", "stand in"],
        "is in, is currently",
    ),
    (&["beside"], "next to, in addition to"),
    (&["gives way", "give way", "gave way"], "is evicted, is closed"),
    (&["until when"], "the time, by its name"),
    (&["for so long"], "the time, by its name"),
    (&["a moment ago"], "the time, by its name"),
    (&["as before"], "the thing, by its name"),
    (&["by hand"], "manually, or leave it out"),
    (&["at once"], "immediately, at the same time, or leave it out"),
    (&["at all"], "leave it out"),
    (&["one's own", "ones own"], "the thing, by its name"),
    (&["the gateway's own"], "the thing, by its name"),
    (&["nothing has this name"], "resource not found"),
    (&["who comes", "what comes", "whoever comes"], "the caller, a valid token, the next request"),
    (&["lapse", "lapses", "lapsed"], "expire, expires, expired"),
    (&["chore", "chores"], "background job"),
    (&["herald"], "ReplyDispatcher"),
    (&["strokes"], "load, decide, save, commit"),
    (&["unstalled"], "WriteTimeout"),
    (&["hazards", "ailment"], "server_checks, Defect"),
    (&["plumbing"], "internal"),
    (&["undeleted"], "delete_failures"),
    (&["leftovers"], "orphaned uploads"),
    (&["unlooked"], "decided_without_lookup"),
    (&["moving house", "rebuttal move"], "data migration, `rebuttal migrate`"),
    (&["burnt", "burns the nonce"], "used up"),
    (&["trouble"], "error, failure"),
];
/// The files that people read.
const ENDINGS: [&str; 10] = [".rs", ".md", ".toml", ".py", ".mts", ".php", ".java", ".sh", ".yml", ".yaml"];
/// Elsewhere JSON is test data.
const JSON_FOLDERS: [&str; 2] = ["docs/", "packaging/"];
/// This file, and the one that names what was renamed.
const EXEMPT: [&str; 2] = ["xtask/src/tidy/words.rs", "CHANGELOG.md"];

pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    tree.files.iter().filter(|file| is_read(&file.path)).flat_map(file_faults).collect()
}

fn is_read(path: &str) -> bool {
    let is_json = path.ends_with(".json") && JSON_FOLDERS.iter().any(|folder| path.starts_with(folder));
    (is_json || ENDINGS.iter().any(|ending| path.ends_with(ending))) && !EXEMPT.contains(&path)
}

fn file_faults(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let line = split_identifiers(line);
        for (words, usual) in BANNED {
            if let Some(word) = words.iter().find(|word| has_word(&line, word)) {
                faults.push(format!("{}:{}: `{word}`; write: {usual}", file.path, index + 1));
            }
        }
    }
    faults
}

/// The line in lower case, with a space between the words of each identifier.
fn split_identifiers(line: &str) -> String {
    let mut split = String::with_capacity(line.len());
    let mut previous = ' ';
    for c in line.chars() {
        if c.is_uppercase() && previous.is_lowercase() {
            split.push(' ');
        }
        split.extend(if c == '_' { ' ' } else { c }.to_lowercase());
        previous = c;
    }
    split
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = char::is_alphanumeric;
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line.get(..at), line.get(at + word.len()..));
        !before.is_some_and(|text| text.ends_with(is_part))
            && !after.is_some_and(|text| text.starts_with(is_part))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::sample;
    use super::*;

    #[test]
    fn banned_words_are_reported_with_the_usual_word() {
        let tree = sample(&[
            ("docs/a.md", "One line.\nIt Tells who is told."),
            ("a.sql", "told"),
            (EXEMPT[0], "told"),
        ]);
        assert_eq!(
            faults(&tree),
            ["docs/a.md:2: `told`; write: reports, logs, prints, shows, returns, notifies"]
        );
        for (path, refused) in [
            ("a.rs", "fn told_twice()"),
            ("a.rs", "Members::AllTold"),
            ("docs/a.py", "evidence lies"),
            ("a/b.yaml", "# told"),
            ("packaging/a.json", "\"told\""),
        ] {
            assert_eq!(faults(&sample(&[(path, refused)])).len(), 1, "{path}: {refused}");
        }
        assert_eq!(faults(&sample(&[("testdata/a.json", "told")])).len(), 0);
        for fine in ["retold", "TOLDO", "the signature", "the signs", "relies in", "catalogue at alliance"] {
            assert_eq!(faults(&sample(&[("a.rs", fine)])).len(), 0, "{fine}");
        }
    }
}
