//! Breaks sentences between words where the terminal is narrow, with what follows set in. What is to be copied into a
//! shell must not come here: a line that was broken for it does not run.

use console::{Term, measure_text_width};

/// Narrower terminals are treated as this wide: less cannot hold a word and its margin.
const WIDTH_MIN: usize = 20;

/// How wide standard output is, if it is a terminal.
pub(crate) fn stdout_width() -> Option<usize> {
    width(&Term::stdout())
}

/// How wide standard error is, if it is a terminal.
pub(crate) fn stderr_width() -> Option<usize> {
    width(&Term::stderr())
}

fn width(term: &Term) -> Option<usize> {
    let (_, columns) = term.size_checked().filter(|_| term.is_term())?;
    Some(usize::from(columns).max(WIDTH_MIN))
}

/// The text in lines of at most `width` columns after `first`; the lines after it begin with `margin` spaces. A word
/// that is longer than a line stays whole, because addresses and numbers are copied.
pub(crate) fn wrap(first: &str, text: &str, margin: usize, width: Option<usize>) -> String {
    let width = width.unwrap_or(usize::MAX);
    let mut lines = String::from(first);
    let mut column = measure_text_width(first);
    let mut fresh = true;
    for word in text.split(' ') {
        let long = measure_text_width(word);
        if !fresh && column + 1 + long > width {
            // Two spaces in a row would else end this line.
            lines.truncate(lines.trim_end_matches(' ').len());
            lines.push('\n');
            lines.push_str(&" ".repeat(margin));
            column = margin;
            fresh = true;
        }
        if !fresh {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += long;
        fresh = false;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_break_between_words_and_long_words_stay_whole() {
        let text = "the gateway refused https://pay.example/a/very/long/address here";
        let told = wrap("✗ ", text, 2, Some(24));
        assert_eq!(told, "✗ the gateway refused\n  https://pay.example/a/very/long/address\n  here");
        assert_eq!(wrap("", text, 2, None), text);
        assert_eq!(wrap("", "two  spaces stay", 0, None), "two  spaces stay");
    }

    #[test]
    fn colours_take_no_columns() {
        let green = console::style("green").green().force_styling(true).to_string();
        assert_eq!(wrap("", &format!("{green} {green}"), 0, Some(11)).lines().count(), 1);
    }
}
