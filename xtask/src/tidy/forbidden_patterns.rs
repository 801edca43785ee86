//! Patterns that the code must not contain, or only in one file.

use super::tree::{File, Tree};

const SIGNATURE: &str = "crates/protocol/src/signature.rs";
/// Where a secret's text is used: for a signature, for encryption, for showing it once.
const SECRET_PLACES: [&str; 3] =
    [SIGNATURE, "crates/server/src/auth/keys.rs", "crates/server/src/operator/merchants.rs"];
/// Words whose presence makes the pure crates impure.
const IMPURE: [&str; 9] = [
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "Instant",
    "SystemTime",
    "async fn",
    "getrandom",
];
/// Where SQL statements may be: named constants, so that a test prepares each; those of lists, which are composed;
/// those of a data migration, which are generated from the list of tables; those on tables of older versions; and the
/// settings of sessions.
const STATEMENT_PLACES: [&str; 9] = [
    "crates/store/src/statements.rs",
    "crates/store/src/dispute_list.rs",
    "crates/store/src/sqlite/statements.rs",
    "crates/store/src/sqlite/layout_migration.rs",
    "crates/store/src/sqlite/migration_source.rs",
    "crates/store/src/postgres/statements.rs",
    "crates/store/src/postgres/layout_migration.rs",
    "crates/store/src/postgres/migration_target.rs",
    "crates/store/src/postgres/session.rs",
];
/// First words of statements that read or write rows. Transactions and the creation of partitions are excluded.
const VERBS: [&str; 6] = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "REPLACE INTO ", "PRAGMA "];
/// Concatenated, so that this file does not match.
const UNFINISHED: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!("), concat!("unimple", "mented!(")];

pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for file in tree.sources() {
        faults.extend(owners(file));
        faults.extend(strewn_statements(file));
        faults.extend(printed_json(file));
    }
    faults.extend(signed_bytes(tree));
    faults.extend(unfinished(tree));
    faults
}

/// Words that only one crate may use.
fn owners(file: &File) -> Vec<String> {
    let pure = file.is_of("protocol") || file.is_of("disputes");
    // The definitions of the rules do not violate them.
    if file.path.starts_with("xtask/") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (number, line) in file.code() {
        let mut say = |word: &str, who: &str| faults.push(format!("{}:{number}: `{word}` {who}", file.path));
        if line.contains("StatusCode") && !file.is_of("server") {
            say("StatusCode", "belongs to server alone");
        }
        for word in IMPURE.iter().filter(|word| pure && line.contains(**word)) {
            say(word, "must not be used in a pure crate");
        }
    }
    faults
}

/// Statements are in the files for statements.
fn strewn_statements(file: &File) -> Vec<String> {
    if !file.path.starts_with("crates/store/src/") || STATEMENT_PLACES.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let strewn = file.code().filter(|(_, line)| VERBS.iter().any(|verb| line.contains(verb)));
    strewn.map(|(number, _)| format!("{}:{number}: statements are in statements.rs", file.path)).collect()
}

/// The signed bytes are made by one function, which nobody outside its file calls; and they cannot be made elsewhere,
/// for a secret's text is to be had in few places.
fn signed_bytes(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    let makers = tree.sources().filter(|file| file.path == SIGNATURE);
    let made = makers.flat_map(File::code).filter(|(_, line)| line.contains("fn signed_bytes(")).count();
    if made != 1 {
        faults.push(format!("{SIGNATURE}: `fn signed_bytes` is defined {made} times, not once"));
    }
    for file in tree.sources().filter(|file| file.path.starts_with("crates/")) {
        let path = file.path.as_str();
        for (number, line) in file.code() {
            if path != SIGNATURE && line.contains("signed_bytes(") {
                faults.push(format!("{path}:{number}: signed bytes are produced in {SIGNATURE} only"));
            }
            if !SECRET_PLACES.contains(&path) && line.contains(".expose_ascii()") {
                faults.push(format!("{path}:{number}: a secret's text is used in {SECRET_PLACES:?} only"));
            }
        }
    }
    faults
}

/// JSON is printed with control characters escaped.
fn printed_json(file: &File) -> Vec<String> {
    let prints = |line: &str| line.contains("println(serde_json::") || line.contains("print(serde_json::");
    let printed = file.code().filter(|(_, line)| file.is_of("cli") && prints(line));
    printed
        .map(|(number, _)| format!("{}:{number}: JSON is printed by terminal::print_json", file.path))
        .collect()
}

fn unfinished(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for file in tree.files.iter().filter(|file| !file.path.ends_with(".lock")) {
        for (index, line) in file.text.lines().enumerate() {
            if UNFINISHED.iter().any(|word| line.contains(word)) {
                faults.push(format!("{}:{}: unfinished; write an issue instead", file.path, index + 1));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::tree::sample;
    use super::*;

    const MAKER: (&str, &str) = (SIGNATURE, "fn signed_bytes(\n");

    fn count(path: &str, text: &str) -> usize {
        faults(&sample(&[MAKER, (path, text)])).len()
    }

    #[test]
    fn each_word_has_its_crate() {
        assert_eq!(count("crates/server/src/a.rs", "use http::StatusCode;"), 0);
        assert_eq!(count("crates/client/src/a.rs", "use http::StatusCode;"), 1);
        assert_eq!(count("crates/disputes/src/a.rs", "let x = std::env::var(\"X\");"), 1);
        assert_eq!(count("crates/disputes/src/a.rs", "// not std::env\n#[cfg(test)]\nuse std::fs;"), 0);
        assert_eq!(count("crates/cli/tests/it/a.rs", "use http::StatusCode;"), 0);
    }

    #[test]
    fn statements_are_in_their_files() {
        let select = "connection.prepare(\"SELECT 1\")";
        assert_eq!(count("crates/store/src/sqlite/statements.rs", select), 0);
        assert_eq!(count("crates/store/src/sqlite/reads.rs", select), 1);
        assert_eq!(count("crates/store/src/postgres/tests/fate.rs", select), 0);
        assert_eq!(count("crates/store/src/postgres/nonces.rs", "format!(\"DROP TABLE {name}\")"), 0);
    }

    #[test]
    fn signed_bytes_have_one_maker() {
        assert_eq!(faults(&sample(&[])).len(), 1);
        assert_eq!(count("crates/client/src/a.rs", "signed_bytes(app_id)"), 1);
        assert_eq!(count("crates/client/src/a.rs", "Sha256::digest(secret.expose_ascii())"), 1);
        assert_eq!(count("crates/server/src/auth/keys.rs", "seal(secret.expose_ascii())"), 0);
    }

    #[test]
    fn json_is_printed_by_one_function() {
        assert_eq!(count("crates/cli/src/a.rs", "terminal::print_json(&report)?;"), 0);
        assert_eq!(count("crates/cli/src/a.rs", "terminal::println(serde_json::to_string(&report)?);"), 1);
    }

    #[test]
    fn nothing_is_left_unfinished() {
        assert_eq!(count("docs/start.md", concat!("TO", "DO: write this")), 1);
    }
}
