//! `docs/reference/limits.md`: every limit of the program with its value and its reason, gathered from the code itself.
//!
//! A limit is a constant with a doc comment that is a number or a duration. After a new one is added, tidy fails until
//! `cargo xtask regenerate` has updated the page. Numbers that are not limits are listed in [`NO_LIMITS`].

mod value;

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::tidy::tree::{File, Tree};

pub(crate) const PAGE: &str = "docs/reference/limits.md";
/// The crates, in the order of the page, with their headings.
const CRATES: [(&str, &str); 8] = [
    ("protocol", "Wire protocol"),
    ("disputes", "Deciding"),
    ("documents", "Inspecting evidence files"),
    ("evidence", "Evidence files"),
    ("store", "The database"),
    ("server", "The gateway"),
    ("client", "The client library"),
    ("cli", "The command line"),
];
/// Types of numbers and durations; lists of pauses and ranges are included.
const NUMBERS: [&str; 8] = ["u8", "u16", "u32", "u64", "usize", "i32", "i64", "Duration"];
const LISTS: [&str; 4] = ["NonZero", "[Duration; ", "RangeInclusive<", "std::ops::RangeInclusive<"];
/// Parts of the names of limits, which must have a doc comment.
const BOUNDING: [&str; 7] = ["MAX", "MIN", "LIMIT", "TIMEOUT", "EVERY", "KEPT", "PAUSE"];
/// Documented numbers that are not limits: constants of formats, versions, and widths of output.
const NO_LIMITS: [&str; 5] =
    ["CHUNK_OVERHEAD_BYTES", "SIGXFSZ", "SCHEMA_GENERATION", "EMPTY_DATABASE_BYTES", "NAME_WIDTH"];

const HEAD: &str = "\
<!-- Written by `cargo xtask regenerate` from the constants of the code; edit those. -->

# Limits

Every queue, loop, page, body, pause and retry of Rebuttal has a limit with a name. This page lists them: each with its
value, its reason from the doc comment, and the file that defines it. `cargo xtask tidy` fails where the page
and the code differ. Some are defaults that a setting changes; [configuration.md](configuration.md) lists those, and what
merchants may send is in [the contract](../integrate/contract.md).
";

/// A limit in the code.
struct Limit<'a> {
    name: String,
    value: String,
    reason: String,
    path: &'a str,
}

/// The expected page.
pub(crate) fn page(tree: &Tree) -> String {
    let mut page = HEAD.to_owned();
    for (name, heading) in CRATES {
        let limits: Vec<_> = tree.sources().filter(|file| file.is_of(name)).flat_map(limits).collect();
        let _ = write!(
            page,
            "\n## {heading}\n\n| limit | value | what it is for | in `crates/{name}/src` |\n|---|---|---|---|\n"
        );
        for Limit { name, value, reason, path } in limits {
            let path = path.split_once("/src/").map_or(path, |(_, path)| path);
            let _ = writeln!(page, "| `{name}` | {value} | {reason} | `{path}` |");
        }
    }
    page
}

/// Writes the page.
pub(crate) fn regenerate(root: &Path) -> Result<()> {
    let path = root.join(PAGE);
    std::fs::write(&path, page(&Tree::read(root)?))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A line for each fault of the page, and for each unnecessary name in [`NO_LIMITS`].
pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let names: Vec<_> = tree.sources().flat_map(constants).map(|constant| constant.name).collect();
    let idle = NO_LIMITS.iter().filter(|name| !names.contains(*name));
    let mut faults: Vec<_> = idle
        .map(|name| format!("xtask/src/limits.rs: NO_LIMITS lists {name}, which does not exist"))
        .collect();
    let ours = tree.sources().filter(|file| CRATES.iter().any(|(name, _)| file.is_of(name)));
    let unreasoned = ours.flat_map(all_numbers).filter(|constant| constant.reason.is_empty());
    let bounds = |name: &str| name.split('_').any(|word| BOUNDING.contains(&word));
    faults.extend(
        unreasoned
            .filter(|constant| bounds(constant.name))
            .map(|constant| format!("{}: the limit {} has no doc comment", constant.path, constant.name)),
    );
    if tree.find(PAGE).is_none_or(|file| file.text != page(tree)) {
        faults.push(format!("{PAGE} is out of date; run `cargo xtask regenerate`"));
    }
    faults
}

/// A number of the code.
struct Constant<'a> {
    path: &'a str,
    /// The type that it belongs to, as `TokenName::`; or nothing.
    of: String,
    name: &'a str,
    expression: String,
    /// Empty without a doc comment.
    reason: String,
}

/// The limits of a file.
fn limits(file: &File) -> impl Iterator<Item = Limit<'_>> {
    let limits = constants(file).filter(|constant| !NO_LIMITS.contains(&constant.name));
    limits.map(|Constant { path, of, name, expression, reason }| Limit {
        name: format!("{of}{name}"),
        value: value::formatted(name, &expression),
        reason,
        path,
    })
}

/// The documented numbers of a file.
fn constants(file: &File) -> impl Iterator<Item = Constant<'_>> {
    all_numbers(file).filter(|constant| !constant.reason.is_empty())
}

/// The numbers of a file, as formatted by rustfmt: a definition ends with a line that ends in a semicolon, and an
/// `impl` block ends with an unindented brace.
fn all_numbers(file: &File) -> impl Iterator<Item = Constant<'_>> {
    let is_test = |line: &&str| line.trim_start().starts_with("#[cfg(test)]");
    let lines: Vec<_> = file.text.lines().take_while(|line| !is_test(line)).collect();
    let (mut reason, mut of, mut found) = (Vec::new(), String::new(), Vec::new());
    for (index, line) in lines.iter().enumerate() {
        let bare = line.trim_start();
        if let Some(sentence) = bare.strip_prefix("///") {
            reason.push(sentence.trim());
            continue;
        }
        if let Some(kind) = line.strip_prefix("impl ").and_then(|rest| rest.strip_suffix(" {")) {
            of = format!("{kind}::");
        } else if *line == "}" {
            of.clear();
        }
        if let Some(name) = number(bare) {
            let expression = definition(lines.iter().skip(index));
            found.push(Constant {
                path: &file.path,
                of: of.clone(),
                name,
                expression,
                reason: table_cell(&reason),
            });
        } else if let Some((name, max)) = line_of_text(bare, lines.get(index + 1)) {
            let (of, reason) = (format!("{name}::"), table_cell(&reason));
            found.push(Constant { path: &file.path, of, name: "MAX", expression: max.to_owned(), reason });
        }
        if !bare.starts_with("#[") {
            reason.clear();
        }
    }
    // A constant of a format has its own notation.
    found
        .into_iter()
        .filter(|constant| !constant.expression.starts_with(['0', '$']) || constant.expression == "0")
}

/// The name of a number that a line begins to define.
fn number(line: &str) -> Option<&str> {
    let bare = ["pub ", "pub(crate) ", "pub(super) "];
    let line = bare.iter().fold(line, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
    let (name, rest) = line.strip_prefix("const ")?.split_once(": ")?;
    let (kind, _) = rest.split_once(" =")?;
    let is_number = NUMBERS.contains(&kind) || LISTS.iter().any(|list| kind.starts_with(list));
    is_number.then_some(name)
}

/// The text after the equals sign.
fn definition<'a>(lines: impl Iterator<Item = &'a &'a str>) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim());
        if let Some(whole) = text.strip_suffix(';') {
            return whole.split_once(" =").map_or("", |(_, rest)| rest.trim()).to_owned();
        }
        text.push(' ');
    }
    text
}

/// Name and limit of a text of protocol's macro `line!`: the name on one line, the number on the next.
fn line_of_text<'a>(line: &'a str, next: Option<&&'a str>) -> Option<(&'a str, &'a str)> {
    let name =
        line.strip_suffix(',').filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()))?;
    let max = next?.trim().trim_end_matches(',');
    max.bytes().all(|byte| byte.is_ascii_digit()).then_some((name, max))
}

/// A doc comment as a table cell, without rustdoc links.
fn table_cell(sentences: &[&str]) -> String {
    let text =
        sentences.iter().copied().filter(|sentence| !sentence.is_empty()).collect::<Vec<_>>().join(" ");
    let mut parts = text.split("[`");
    let mut cell = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (link, rest) = part.split_once("`]").unwrap_or((part, ""));
        let rest =
            rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
        cell.push_str(&format!("`{}`{rest}", link.trim_start_matches("crate::")));
    }
    cell.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::sample;

    const CODE: &str = "\
/// Most items, as [`Other::LIMIT`](crate::Other::LIMIT) has it:
/// enough.
pub(crate) const ITEMS_MAX: usize = 20;
/// What this is for.
const MAGIC: u32 = 0xffee;
const UNDOCUMENTED: usize = 7;
/// How long.
#[allow(dead_code)]
const LIMIT: Duration =
    Duration::from_secs(60);
impl Token {
    /// Most characters.
    pub const MAX: usize = 64;
}
line!(
    /// A name: 1 to 128 characters.
    Name,
    128,
    \"A name.\"
);
/// No limit.
pub const fn limit(of: usize) -> usize {
";

    #[test]
    fn limits_are_gathered_with_value_and_reason() {
        let tree = sample(&[("crates/server/src/a.rs", CODE), ("crates/server/tests/b.rs", CODE)]);
        let limits: Vec<_> = tree.sources().flat_map(limits).collect();
        let limits: Vec<_> = limits
            .iter()
            .map(|limit| (limit.name.as_str(), limit.value.as_str(), limit.reason.as_str()))
            .collect();
        assert_eq!(
            limits,
            [
                ("ITEMS_MAX", "20", "Most items, as `Other::LIMIT` has it: enough."),
                ("LIMIT", "1 min", "How long."),
                ("Token::MAX", "64", "Most characters."),
                ("Name::MAX", "128", "A name: 1 to 128 characters."),
            ]
        );
    }

    #[test]
    fn a_new_limit_makes_the_page_stale() {
        let before = sample(&[("crates/server/src/a.rs", CODE)]);
        let (page, more) = (page(&before), format!("{CODE}}}\n/// Another.\nconst OTHER_MAX: u32 = 3;\n"));
        let stale = |code: &str| {
            let tree = sample(&[("crates/server/src/a.rs", code), (PAGE, &page)]);
            faults(&tree).iter().filter(|fault| fault.contains("regenerate")).count()
        };
        assert_eq!((stale(CODE), stale(&more)), (0, 1));
    }
}
