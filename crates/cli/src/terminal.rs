//! Terminal output: indented by two spaces, with colours only if the terminal has them (`NO_COLOR` is obeyed).

mod table;
mod wrap;

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::OnceLock;

use console::{StyledObject, Term, style};
use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::{RoundMode, Span, SpanRound, Unit};
use rebuttal_client::protocol::UnixMillis;
use serde::Serialize;

pub(crate) use rebuttal_server::causes;
pub(crate) use table::Table;
use wrap::stderr_width;
pub(crate) use wrap::{stdout_width, wrap};

use crate::escape;

/// The mark of a success.
pub(crate) fn ok_mark() -> StyledObject<&'static str> {
    style("✓").green().bold()
}

/// The mark of an error.
pub(crate) fn fail_mark() -> StyledObject<&'static str> {
    style("✗").red().bold()
}

/// The mark of a warning.
pub(crate) fn warn_mark() -> StyledObject<&'static str> {
    style("!").yellow().bold()
}

/// Less prominent text.
pub(crate) fn dim<T: Display>(text: T) -> StyledObject<T> {
    style(text).dim()
}

/// Emphasized text.
pub(crate) fn bold<T: Display>(text: T) -> StyledObject<T> {
    style(text).bold()
}

/// A command that can be pasted into a shell.
pub(crate) fn command<T: Display>(text: T) -> StyledObject<T> {
    style(text).cyan()
}

/// The first error of [`println()`].
static FIRST_WRITE_ERROR: OnceLock<io::Error> = OnceLock::new();

/// Prints a line on standard output. A write error does not end the command: [`stdout_result`] returns it at the end.
pub(crate) fn println(line: impl Display) {
    let mut stdout = io::stdout();
    if let Err(error) = writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        let _ = FIRST_WRITE_ERROR.set(error);
    }
}

/// Prints a value on standard output, as pretty-printed JSON.
pub(crate) fn print_json(value: &impl Serialize) -> serde_json::Result<()> {
    print_json_text(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints a value on standard output, as JSON of one line.
pub(crate) fn print_json_line(value: &impl Serialize) -> serde_json::Result<()> {
    print_json_text(&serde_json::to_string(value)?);
    Ok(())
}

/// Prints JSON on standard output, with characters escaped that would control a terminal.
pub(crate) fn print_json_text(json: &str) {
    println(escape::EscapedJson(json));
}

/// The first write error of [`println()`], if there was one.
pub(crate) fn stdout_result() -> Result<(), &'static io::Error> {
    FIRST_WRITE_ERROR.get().map_or(Ok(()), Err)
}

/// The same, without the error of a closed pipe.
pub(crate) fn stdout_error_except_broken_pipe() -> Option<&'static io::Error> {
    FIRST_WRITE_ERROR.get().filter(|why| why.kind() != io::ErrorKind::BrokenPipe)
}

/// Prints an error on standard error.
pub(crate) fn eprint_error(text: &str) {
    eprint_marked(style("✗").red(), text);
}

/// Prints a warning on standard error.
pub(crate) fn eprint_warning(text: &str) {
    eprint_marked(style("!").yellow(), text);
}

/// Prints on standard error what the command waits for, if standard error is a terminal.
pub(crate) fn eprint_status(text: &str) {
    if Term::stderr().is_term() {
        eprintln!(
            "{}",
            style(wrap("  ", &format!("{}…", sanitize(text)), 2, stderr_width())).dim().for_stderr()
        );
    }
}

fn eprint_marked(mark: StyledObject<&str>, text: &str) {
    let mut first = format!("{} ", mark.bold().for_stderr());
    for line in text.lines() {
        eprintln!("{}", wrap(&first, line, 2, stderr_width()));
        first.clear();
    }
}

/// Prints on standard error how to fix an error. A line that is a command is not wrapped, so that it can be pasted.
pub(crate) fn eprint_hint(text: &str) {
    for line in text.lines() {
        let is_command = console::strip_ansi_codes(line).starts_with("rebuttal ");
        let width = if is_command { None } else { stderr_width() };
        eprintln!("{}", wrap("  ", line, 2, width));
    }
}

/// Prints a label and its value on standard error.
pub(crate) fn eprint_field(label: &str, value: &str) {
    eprintln!("{}", format_field(style(label).dim().for_stderr(), value, stderr_width()));
}

/// Prints a label and its value on standard output.
pub(crate) fn print_field(label: &str, value: &str) {
    println(format_field(style(label).dim(), value, stdout_width()));
}

fn format_field(label: StyledObject<&str>, value: &str, width: Option<usize>) -> String {
    wrap(&format!("  {label:<10} "), value, 13, width)
}

/// Prints a table on standard output, or `empty` if it has no rows.
pub(crate) fn print_table<const N: usize>(table: &Table<N>, empty: &str) {
    match table.is_empty() {
        true => println(empty),
        false => table.lines(stdout_width()).iter().for_each(println),
    }
}

/// Prints wrapped text on standard output: `first` before the first line, `margin` spaces before the others.
pub(crate) fn print_wrapped(first: &str, text: &str, margin: usize) {
    println(wrap(first, text, margin, stdout_width()));
}

/// Prints text on standard output after a mark, with the following lines indented.
pub(crate) fn print_marked(mark: StyledObject<&str>, text: &str) {
    let mut first = format!("{mark} ");
    for line in text.lines() {
        print_wrapped(&first, line, 2);
        "  ".clone_into(&mut first);
    }
}

/// A file's size in B or kB.
pub(crate) fn file_size(bytes: usize) -> String {
    const KB: usize = 1000;
    match bytes {
        0..KB => format!("{bytes} B"),
        _ => format!("{} kB", bytes.div_ceil(KB)),
    }
}

/// An RFC 3339 time, shortened: `2024-03-06 12:00 +08:00`.
pub(crate) fn short_time(rfc3339: &str) -> String {
    let short = rfc3339.split_once('T').and_then(|(date, rest)| {
        let zone = rest.get(rest.len().checked_sub(6)?..)?;
        Some(format!("{date} {} {zone}", rest.get(..5)?))
    });
    short.unwrap_or_else(|| rfc3339.to_owned())
}

/// A time relative to another: `in 6 days 3 hours`, `2 minutes ago`. Rounded down, so that nobody relies on time that
/// is not left; half a minute less than 7 days counts as 7 days, as it is right after they were given.
pub(crate) fn relative_time(from: UnixMillis, to: UnixMillis) -> String {
    const PRINTER: SpanPrinter =
        SpanPrinter::new().designator(Designator::Verbose).spacing(Spacing::BetweenUnitsAndDesignators);
    const ROUNDED_UP_MS: i64 = 30_000;
    let millis = i64::try_from(to.0.abs_diff(from.0)).unwrap_or(i64::MAX);
    let smallest = if millis < 86_400_000 - ROUNDED_UP_MS { Unit::Minute } else { Unit::Hour };
    let rounding =
        SpanRound::new().smallest(smallest).largest(Unit::Day).mode(RoundMode::Trunc).days_are_24_hours();
    let span = Span::new().try_milliseconds(millis.saturating_add(ROUNDED_UP_MS));
    let span = span.and_then(|span| span.round(rounding)).unwrap_or_default();
    match PRINTER.span_to_string(&span) {
        _ if millis < 60_000 => "less than a minute away".to_owned(),
        span if to > from => format!("in {span}"),
        span => format!("{span} ago"),
    }
}

/// Untrusted text, safe to print in one line: it neither moves the cursor nor changes the direction of other text.
pub(crate) fn sanitize(text: &str) -> String {
    let fit = |character: char| match character {
        character if character.is_control() => ' ',
        character if escape::is_disruptive(character) => '\u{fffd}',
        character => character,
    };
    text.chars().map(fit).collect()
}

/// A word, quoted where a shell needs it. Characters that control a terminal are escaped as bash, zsh and ksh read
/// them, so that the word stays the same and on its line.
pub(crate) fn shell_quote(word: impl AsRef<OsStr>) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=,@+".contains(character);
    match word.as_ref().to_str() {
        Some(word) if !word.is_empty() && word.chars().all(plain) => return word.to_owned(),
        Some(word) if sanitize(word) == word => return format!("'{}'", word.replace('\'', r"'\''")),
        _ => {}
    }
    // Byte by byte: \u needs a UTF-8 locale.
    let bytes = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:03o}")).collect::<String>();
    let escaped = |character: char| match character {
        '\'' | '\\' => format!("\\{character}"),
        character => match character.encode_utf8(&mut [0; 4]) {
            text if sanitize(text) == *text => text.to_owned(),
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
    fn relative_times_have_two_units() {
        let relative =
            |millis: i64| relative_time(UnixMillis(1_000_000_000), UnixMillis(1_000_000_000 + millis));
        assert_eq!(relative(59_000), "less than a minute away");
        assert_eq!(relative(60_000), "in 1 minute");
        assert_eq!(relative(3 * 3_600_000 + 120_000), "in 3 hours 2 minutes");
        assert_eq!(relative(6 * 86_400_000 + 3_600_000 + 60_000), "in 6 days 1 hour");
        assert_eq!(relative(7 * 86_400_000 - 1_000), "in 7 days");
        assert_eq!(relative(86_400_000 - 1_000), "in 1 day");
        assert_eq!(relative(-86_400_000), "1 day ago");
    }

    #[test]
    fn times_are_shortened_to_minutes() {
        assert_eq!(short_time("2024-03-06T12:00:00.000+08:00"), "2024-03-06 12:00 +08:00");
        assert_eq!(short_time("soon"), "soon");
    }

    #[test]
    fn untrusted_text_has_no_control_characters() {
        assert_eq!(sanitize("a\u{1b}[2J\n\u{202e}b\u{2069} é עב"), "a [2J \u{fffd}b\u{fffd} é עב");
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(shell_quote("a/b-1.png"), "a/b-1.png");
        assert_eq!(shell_quote("Müller's receipt"), r"'Müller'\''s receipt'");
        assert_eq!(shell_quote(""), "''");
        assert_eq!(shell_quote("a\n\u{1b}[31m'\\\u{202e}1é"), r"$'a\012\033[31m\'\\\342\200\2561é'");
    }
}
