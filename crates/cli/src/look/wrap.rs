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
/// that is longer than a line stays whole, because addresses and numbers are copied; signs of two columns, as Chinese
/// and Japanese are written in, are words of their own, because no spaces stand between those.
pub(crate) fn wrap(first: &str, text: &str, margin: usize, width: Option<usize>) -> String {
    let width = width.unwrap_or(usize::MAX);
    let mut lines = String::from(first);
    let mut column = measure_text_width(first);
    let mut fresh = true;
    for word in text.split(' ') {
        for (index, part) in parts(word).into_iter().enumerate() {
            let gap = usize::from(index == 0 && !fresh);
            let long = measure_text_width(part);
            if !fresh && column + gap + long > width {
                // Two spaces in a row would else end this line.
                lines.truncate(lines.trim_end_matches(' ').len());
                lines.push('\n');
                lines.push_str(&" ".repeat(margin));
                column = margin;
            } else {
                lines.push_str(&" ".repeat(gap));
                column += gap;
            }
            lines.push_str(part);
            column += long;
            fresh = false;
        }
    }
    lines
}

/// A word as far as it may be broken: before each sign of two columns and after it, but not before one that ends
/// something, and not after one that begins something.
pub(super) fn parts(word: &str) -> Vec<&str> {
    const ENDING: &str = "、。，．：；！？）］｝」』】〉》〕ー々";
    const BEGINNING: &str = "（［｛「『【〈《〔";
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut was_wide, mut was_beginning, mut in_colour) = (false, false, false);
    for (at, sign) in word.char_indices() {
        // What sets a colour ends in a letter, and is never broken.
        if sign == '\u{1b}' || in_colour {
            in_colour = !sign.is_ascii_alphabetic();
            continue;
        }
        let columns = measure_text_width(sign.encode_utf8(&mut [0; 4]));
        // What has no width belongs to what it follows, as an accent does.
        if columns == 0 {
            continue;
        }
        let is_wide = columns > 1;
        if at > start && (is_wide || was_wide) && !was_beginning && !ENDING.contains(sign) {
            parts.push(word.get(start..at).unwrap_or_default());
            start = at;
        }
        (was_wide, was_beginning) = (is_wide, BEGINNING.contains(sign));
    }
    parts.push(word.get(start..).unwrap_or_default());
    parts
}

/// The text in lines of at most so many columns, and a word that is longer broken where a line ends: for names that are
/// read and not copied.
pub(super) fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in wrap("", text, 0, Some(width)).lines() {
        let (mut start, mut columns) = (0, 0);
        for (at, sign) in line.char_indices() {
            let wide = measure_text_width(sign.encode_utf8(&mut [0; 4]));
            if columns + wide > width && at > start {
                lines.push(line.get(start..at).unwrap_or_default().to_owned());
                (start, columns) = (at, 0);
            }
            columns += wide;
        }
        lines.push(line.get(start..).unwrap_or_default().to_owned());
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
    fn text_without_spaces_breaks_between_its_signs() {
        let text = "商品は2026年3月に届きました。返金（全額）済み";
        let told = wrap("", text, 2, Some(16));
        assert_eq!(told, "商品は2026年3月\n  に届きました。\n  返金（全額）済\n  み");
        assert!(told.lines().all(|line| measure_text_width(line) <= 16), "{told}");
        // A mark that ends something never begins a line.
        assert_eq!(wrap("", "東京都庁。", 0, Some(8)), "東京都\n庁。");
        let bold = console::style("東京都庁前").bold().force_styling(true).to_string();
        assert!(wrap("", &bold, 0, Some(4)).lines().all(|line| measure_text_width(line) <= 4));
    }

    #[test]
    fn a_name_longer_than_its_column_is_broken_and_whole() {
        let lines = broken("Donaudampfschifffahrtsgesellschaft Wien", 10);
        assert_eq!(lines, ["Donaudampf", "schifffahr", "tsgesellsc", "haft", "Wien"]);
    }

    #[test]
    fn colours_take_no_columns() {
        let green = console::style("green").green().force_styling(true).to_string();
        assert_eq!(wrap("", &format!("{green} {green}"), 0, Some(11)).lines().count(), 1);
    }
}
