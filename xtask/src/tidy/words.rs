//! The words that code, help and documentation do not use, with the usual word for each. Only what a text search can
//! decide is here.

use super::tree::{File, Tree};

/// The words to search for, case-insensitive and as whole words, and their replacements.
const BANNED: [(&[&str], &str); 30] = [
    (&["told", "tells", "is told", "telling"], "reports, logs, prints, shows, returns, notifies"),
    (&["the sign", "a sign", "its sign", "sign of the"], "the signature"),
    (
        &["lies in", "lies at", "lies under", "lies below", "lies there", "lie in", "lie at"],
        "is stored in, is in",
    ),
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
/// The files that people read, except this one, which lists the words.
const ENDINGS: [&str; 3] = [".rs", ".md", ".toml"];
const HERE: &str = "xtask/src/tidy/words.rs";

pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let read = |file: &&File| ENDINGS.iter().any(|ending| file.path.ends_with(ending)) && file.path != HERE;
    tree.files.iter().filter(read).flat_map(file_faults).collect()
}

fn file_faults(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let line = line.to_lowercase();
        for (words, usual) in BANNED {
            // For `told` and `is told`, one fault is enough.
            if let Some(word) = words.iter().find(|word| has_word(&line, word)) {
                faults.push(format!("{}:{}: `{word}`; write: {usual}", file.path, index + 1));
            }
        }
    }
    faults
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
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
        let tree =
            sample(&[("docs/a.md", "One line.\nIt Tells who is told."), ("a.sql", "told"), (HERE, "told")]);
        assert_eq!(
            faults(&tree),
            ["docs/a.md:2: `told`; write: reports, logs, prints, shows, returns, notifies"]
        );
        for fine in
            ["retold", "told_twice", "the signature", "the signs", "lies int", "catalogue at alliance"]
        {
            assert_eq!(faults(&sample(&[("a.rs", fine)])).len(), 0, "{fine}");
        }
    }
}
