//! How things look on a terminal: calm, two spaces in, colour only where the terminal wants it (`NO_COLOR` is obeyed).

mod table;
mod wrap;

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::OnceLock;

use console::{StyledObject, Term, style};
use rebuttal_client::protocol::UnixMillis;
use serde::Serialize;

pub(crate) use rebuttal_server::causes;
pub(crate) use table::Table;
use wrap::stderr_width;
pub(crate) use wrap::{stdout_width, wrap};

use crate::escape;

/// A mark for what is done.
pub(crate) fn tick() -> StyledObject<&'static str> {
    style("✓").green().bold()
}

/// A mark for what is not as it should be.
pub(crate) fn cross() -> StyledObject<&'static str> {
    style("✗").red().bold()
}

/// A mark for what may not be as it should be.
pub(crate) fn doubt() -> StyledObject<&'static str> {
    style("!").yellow().bold()
}

/// What stands back.
pub(crate) fn faint<T: Display>(text: T) -> StyledObject<T> {
    style(text).dim()
}

/// What stands out.
pub(crate) fn strong<T: Display>(text: T) -> StyledObject<T> {
    style(text).bold()
}

/// What can be copied into a shell.
pub(crate) fn command<T: Display>(text: T) -> StyledObject<T> {
    style(text).cyan()
}

/// Why a line of [`say`] was lost; the first one.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// A line on standard output. Where it cannot be written, the work goes on without, and [`all_said`] tells at the end.
pub(crate) fn say(line: impl Display) {
    let mut stdout = io::stdout();
    if let Err(error) = writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        let _ = LOST.set(error);
    }
}

/// A value on standard output, as JSON of several lines.
pub(crate) fn say_json(value: &impl Serialize) -> serde_json::Result<()> {
    say_json_text(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// A value on standard output, as JSON of one line.
pub(crate) fn say_json_line(value: &impl Serialize) -> serde_json::Result<()> {
    say_json_text(&serde_json::to_string(value)?);
    Ok(())
}

/// JSON on standard output. What strangers wrote in it disrupts no terminal.
pub(crate) fn say_json_text(json: &str) {
    say(escape::Json(json));
}

/// Whether every line of [`say`] was written; if not, why.
pub(crate) fn all_said() -> Result<(), &'static io::Error> {
    LOST.get().map_or(Ok(()), Err)
}

/// Why somebody who wanted to read was not told all. Whoever closes a pipe has read what they wanted.
pub(crate) fn unheard() -> Option<&'static io::Error> {
    LOST.get().filter(|why| why.kind() != io::ErrorKind::BrokenPipe)
}

/// Tells on standard error what went wrong.
pub(crate) fn failure(text: &str) {
    marked(style("✗").red(), text);
}

/// Tells on standard error what may be wrong.
pub(crate) fn warning(text: &str) {
    marked(style("!").yellow(), text);
}

/// Tells whoever sits before a terminal why nothing happens yet.
pub(crate) fn waiting(text: &str) {
    if Term::stderr().is_term() {
        eprintln!(
            "{}",
            style(wrap("  ", &format!("{}…", clean(text)), 2, stderr_width())).dim().for_stderr()
        );
    }
}

fn marked(mark: StyledObject<&str>, text: &str) {
    let mut first = format!("{} ", mark.bold().for_stderr());
    for line in text.lines() {
        eprintln!("{}", wrap(&first, line, 2, stderr_width()));
        first.clear();
    }
}

/// Tells on standard error what to do about it. A line that is a command stays whole, to be copied.
pub(crate) fn remedy(text: &str) {
    for line in text.lines() {
        let is_command = console::strip_ansi_codes(line).starts_with("rebuttal ");
        let width = if is_command { None } else { stderr_width() };
        eprintln!("{}", wrap("  ", line, 2, width));
    }
}

/// A fact on standard error: what it is, and what it says.
pub(crate) fn fact(label: &str, value: &str) {
    eprintln!("{}", labelled(style(label).dim().for_stderr(), value, stderr_width()));
}

/// A fact on standard output.
pub(crate) fn say_fact(label: &str, value: &str) {
    say(labelled(style(label).dim(), value, stdout_width()));
}

fn labelled(label: StyledObject<&str>, value: &str, width: Option<usize>) -> String {
    wrap(&format!("  {label:<10} "), value, 13, width)
}

/// A table on standard output, or a sentence where there is nothing in it.
pub(crate) fn say_table<const N: usize>(table: &Table<N>, empty: &str) {
    match table.is_empty() {
        true => say(empty),
        false => table.lines(stdout_width()).iter().for_each(say),
    }
}

/// A sentence on standard output: what stands before it, and where its further lines begin.
pub(crate) fn say_after(first: &str, text: &str, margin: usize) {
    say(wrap(first, text, margin, stdout_width()));
}

/// A sentence on standard output behind a mark, with the lines that follow it set in.
pub(crate) fn say_marked(mark: StyledObject<&str>, text: &str) {
    let mut first = format!("{mark} ");
    for line in text.lines() {
        say_after(&first, line, 2);
        "  ".clone_into(&mut first);
    }
}

/// A file's size, for people.
pub(crate) fn size(bytes: usize) -> String {
    const KB: usize = 1000;
    match bytes {
        0..KB => format!("{bytes} B"),
        _ => format!("{} kB", bytes.div_ceil(KB)),
    }
}

/// A moment of the wire, shorter: `2024-03-06 12:00 +08:00`.
pub(crate) fn moment(rfc3339: &str) -> String {
    let short = rfc3339.split_once('T').and_then(|(date, rest)| {
        let zone = rest.get(rest.len().checked_sub(6)?..)?;
        Some(format!("{date} {} {zone}", rest.get(..5)?))
    });
    short.unwrap_or_else(|| rfc3339.to_owned())
}

/// How far off a moment is: `in 6 days 3 hours`, `passed 2 minutes ago`.
pub(crate) fn distance(from: UnixMillis, to: UnixMillis) -> String {
    let minutes = to.0.abs_diff(from.0) / 60_000;
    let unit = |count: u64, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let minutes = if days == 0 { unit(minutes, "minute") } else { None };
    let words: Vec<_> = [unit(days, "day"), unit(hours, "hour"), minutes].into_iter().flatten().collect();
    let span = if words.is_empty() { "less than a minute".to_owned() } else { words.join(" ") };
    if to > from { format!("in {span}") } else { format!("passed {span} ago") }
}

/// Text from elsewhere, fit for a line of a terminal: it neither moves the cursor nor turns what stands around it
/// about.
pub(crate) fn clean(text: &str) -> String {
    let fit = |character: char| match character {
        character if character.is_control() => ' ',
        character if escape::is_disruptive(character) => '\u{fffd}',
        character => character,
    };
    text.chars().map(fit).collect()
}

/// A word in quotes where a shell needs them. What would do more on a terminal than to stand there is escaped as bash,
/// zsh and ksh read it, so that the word stays itself and on its line.
pub(crate) fn shell(word: impl AsRef<OsStr>) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=,@+".contains(character);
    match word.as_ref().to_str() {
        Some(word) if !word.is_empty() && word.chars().all(plain) => return word.to_owned(),
        Some(word) if clean(word) == word => return format!("'{}'", word.replace('\'', r"'\''")),
        _ => {}
    }
    // Byte by byte: \u would mean something only where the locale is UTF-8.
    let bytes = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:03o}")).collect::<String>();
    let escaped = |character: char| match character {
        '\'' | '\\' => format!("\\{character}"),
        character => match character.encode_utf8(&mut [0; 4]) {
            text if clean(text) == *text => text.to_owned(),
            text => bytes(text.as_bytes()),
        },
    };
    let chunks = word.as_ref().as_bytes().utf8_chunks();
    let escaped =
        chunks.map(|chunk| chunk.valid().chars().map(escaped).collect::<String>() + &bytes(chunk.invalid()));
    format!("$'{}'", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_told_in_two_units() {
        let told = |millis: i64| distance(UnixMillis(1_000_000_000), UnixMillis(1_000_000_000 + millis));
        assert_eq!(told(59_000), "in less than a minute");
        assert_eq!(told(60_000), "in 1 minute");
        assert_eq!(told(3 * 3_600_000 + 120_000), "in 3 hours 2 minutes");
        assert_eq!(told(6 * 86_400_000 + 3_600_000 + 60_000), "in 6 days 1 hour");
        assert_eq!(told(-86_400_000), "passed 1 day ago");
    }

    #[test]
    fn moments_lose_what_nobody_reads() {
        assert_eq!(moment("2024-03-06T12:00:00.000+08:00"), "2024-03-06 12:00 +08:00");
        assert_eq!(moment("soon"), "soon");
    }

    #[test]
    fn text_from_elsewhere_moves_nothing() {
        assert_eq!(clean("a\u{1b}[2J\n\u{202e}b\u{2069} é עב"), "a [2J \u{fffd}b\u{fffd} é עב");
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(shell("a/b-1.png"), "a/b-1.png");
        assert_eq!(shell("Müller's receipt"), r"'Müller'\''s receipt'");
        assert_eq!(shell(""), "''");
        assert_eq!(shell("a\n\u{1b}[31m'\\\u{202e}1é"), r"$'a\012\033[31m\'\\\342\200\2561é'");
    }
}
