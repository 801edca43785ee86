//! Wraps text between words where the terminal is narrow, with the following lines indented. Not for commands: a
//! wrapped one does not run when it is pasted.

use console::{Term, measure_text_width};

/// Narrower terminals are treated as this wide: fewer columns cannot hold a word and its margin.
const WIDTH_MIN: usize = 20;

/// Columns of standard output, if it is a terminal.
pub(crate) fn stdout_width() -> Option<usize> {
    width(&Term::stdout())
}

/// Columns of standard error, if it is a terminal.
pub(crate) fn stderr_width() -> Option<usize> {
    width(&Term::stderr())
}

fn width(term: &Term) -> Option<usize> {
    let (_, columns) = term.size_checked().filter(|_| term.is_term())?;
    Some(usize::from(columns).max(WIDTH_MIN))
}

/// The text in lines of at most `width` columns after `first`; the other lines begin with `margin` spaces. A word that
/// is longer than a line is not broken, because addresses and numbers are copied; characters of two columns, as in
/// Chinese and Japanese, count as words, because there are no spaces between them.
pub(crate) fn wrap(first: &str, text: &str, margin: usize, width: Option<usize>) -> String {
    let width = width.unwrap_or(usize::MAX);
    let mut lines = String::from(first);
    let mut column = measure_text_width(first);
    let mut fresh = true;
    for word in text.split(' ') {
        for (index, part) in breakable_parts(word).into_iter().enumerate() {
            let gap = usize::from(index == 0 && !fresh);
            let long = measure_text_width(part);
            if !fresh && column + gap + long > width {
                // Two spaces in a row would otherwise end this line.
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

/// The parts that a word may be broken into: before and after each character of two columns, but not before closing
/// punctuation, and not after opening punctuation.
pub(super) fn breakable_parts(word: &str) -> Vec<&str> {
    const CLOSING: &str = "、。，．：；！？）］｝」』】〉》〕ー々";
    const OPENING: &str = "（［｛「『【〈《〔";
    let (mut breakable_parts, mut start) = (Vec::new(), 0);
    let (mut was_wide, mut was_opening, mut in_colour) = (false, false, false);
    for (at, character) in word.char_indices() {
        // An escape sequence for a colour ends in a letter, and is not broken.
        if character == '\u{1b}' || in_colour {
            in_colour = !character.is_ascii_alphabetic();
            continue;
        }
        let columns = measure_text_width(character.encode_utf8(&mut [0; 4]));
        // A character without width, such as an accent, belongs to the one before it.
        if columns == 0 {
            continue;
        }
        let is_wide = columns > 1;
        if at > start && (is_wide || was_wide) && !was_opening && !CLOSING.contains(character) {
            breakable_parts.push(word.get(start..at).unwrap_or_default());
            start = at;
        }
        (was_wide, was_opening) = (is_wide, OPENING.contains(character));
    }
    breakable_parts.push(word.get(start..).unwrap_or_default());
    breakable_parts
}

/// The text in lines of at most `width` columns, with longer words broken: for names, which are read and not copied.
pub(super) fn break_words(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in wrap("", text, 0, Some(width)).lines() {
        let (mut start, mut columns) = (0, 0);
        for (at, character) in line.char_indices() {
            let wide = measure_text_width(character.encode_utf8(&mut [0; 4]));
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
    fn text_is_wrapped_between_words_and_long_words_are_kept() {
        let text = "the gateway refused https://pay.example/a/very/long/address here";
        let wrapped = wrap("✗ ", text, 2, Some(24));
        assert_eq!(wrapped, "✗ the gateway refused\n  https://pay.example/a/very/long/address\n  here");
        assert_eq!(wrap("", text, 2, None), text);
        assert_eq!(wrap("", "two  spaces stay", 0, None), "two  spaces stay");
    }

    #[test]
    fn text_without_spaces_is_wrapped_between_wide_characters() {
        let text = "商品は2026年3月に届きました。返金（全額）済み";
        let wrapped = wrap("", text, 2, Some(16));
        assert_eq!(wrapped, "商品は2026年3月\n  に届きました。\n  返金（全額）済\n  み");
        assert!(wrapped.lines().all(|line| measure_text_width(line) <= 16), "{wrapped}");
        // Closing punctuation never begins a line.
        assert_eq!(wrap("", "東京都庁。", 0, Some(8)), "東京都\n庁。");
        let bold = console::style("東京都庁前").bold().force_styling(true).to_string();
        assert!(wrap("", &bold, 0, Some(4)).lines().all(|line| measure_text_width(line) <= 4));
    }

    #[test]
    fn a_name_longer_than_its_column_is_broken() {
        let lines = break_words("Donaudampfschifffahrtsgesellschaft Wien", 10);
        assert_eq!(lines, ["Donaudampf", "schifffahr", "tsgesellsc", "haft", "Wien"]);
    }

    #[test]
    fn colours_take_no_columns() {
        let green = console::style("green").green().force_styling(true).to_string();
        assert_eq!(wrap("", &format!("{green} {green}"), 0, Some(11)).lines().count(), 1);
    }
}
