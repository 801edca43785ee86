//! Wraps text between words on a narrow terminal, with the following lines indented. Words longer than a line,
//! such as URLs, are not broken, so that they can be copied. Not for commands: a wrapped one cannot be pasted.

use console::Term;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// Narrower terminals are treated as this wide: fewer columns have no space for a word and its margin.
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

/// The text in lines of at most `width` columns: `first` before the first one, `margin` spaces before the others.
pub(crate) fn wrap(first: &str, text: &str, margin: usize, width: Option<usize>) -> String {
    let margin = " ".repeat(margin);
    let options = Options::new(width.unwrap_or(usize::MAX))
        .initial_indent(first)
        .subsequent_indent(&margin)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::fill(text, options)
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
        let green = console::style("green").green().force_styling(true).to_string();
        assert_eq!(
            wrap("", &format!("{green} {green}"), 0, Some(11)).lines().count(),
            1,
            "colours have no width"
        );
    }
}
