//! How well-known libraries write JSON. Only what each is known to do; what several do alike names them all.

use super::json::{Layout, Strings};

/// One way of one library.
pub(super) struct Writer {
    /// Of several ways of one program, only the first that fits is named.
    pub(super) program: &'static str,
    /// Empty where the spelling is tried, but nobody is known for it.
    pub(super) name: &'static str,
    pub(super) layout: Layout,
    pub(super) strings: Strings,
}

const fn writer(program: &'static str, name: &'static str, layout: Layout, strings: Strings) -> Writer {
    Writer { program, name, layout, strings }
}

const PLAIN: Strings = Strings::PLAIN;
/// All signs of a keyboard stay, DEL does not.
const PYTHON: Strings = Strings { non_ascii: true, signs: "\u{7f}", ..PLAIN };
const PHP: Strings = Strings { slashes: true, ..PHP_PLAIN_SLASHES };
const PHP_PLAIN_SLASHES: Strings = Strings { non_ascii: true, ..PLAIN };
/// The two are line ends to JavaScript.
const PHP_UNICODE: Strings = Strings { slashes: true, ..PHP_UNICODE_PLAIN_SLASHES };
const PHP_UNICODE_PLAIN_SLASHES: Strings = Strings { signs: "\u{2028}\u{2029}", ..PLAIN };
const SWIFT: Strings = Strings { slashes: true, ..PLAIN };
/// Safe within HTML, as are the two below.
const GO: Strings = Strings { signs: "<>&\u{2028}\u{2029}", ..PLAIN };
const GSON: Strings = Strings { signs: "<>&='\u{2028}\u{2029}", ..PLAIN };
const DOT_NET: Strings = Strings { non_ascii: true, signs: "<>&'\"+`\u{7f}", upper: true, ..PLAIN };

/// What each writes unasked comes first.
pub(super) const WRITERS: [Writer; 24] = [
    writer("JavaScript", "JSON.stringify", Layout::Compact, PLAIN),
    writer("Python", "Python's json.dumps", Layout::Spaced, PYTHON),
    writer("PHP", "PHP's json_encode", Layout::Compact, PHP),
    writer("Go", "Go's json.Marshal", Layout::Compact, GO),
    writer("Gson", "Gson", Layout::Compact, GSON),
    writer(".NET", ".NET's System.Text.Json", Layout::Compact, DOT_NET),
    writer("Swift", "Swift's JSONSerialization", Layout::Compact, SWIFT),
    writer("Python", "Python's json.dumps with separators=(',', ':')", Layout::Compact, PYTHON),
    writer("Python", "Python's json.dumps with ensure_ascii=False", Layout::Spaced, PLAIN),
    writer("PHP", "PHP's json_encode with JSON_UNESCAPED_SLASHES", Layout::Compact, PHP_PLAIN_SLASHES),
    writer("PHP", "PHP's json_encode with JSON_UNESCAPED_UNICODE", Layout::Compact, PHP_UNICODE),
    writer(
        "PHP",
        "PHP's json_encode with JSON_UNESCAPED_SLASHES and JSON_UNESCAPED_UNICODE",
        Layout::Compact,
        PHP_UNICODE_PLAIN_SLASHES,
    ),
    writer("JavaScript", "JSON.stringify with an indent of 2", Layout::Indented(2), PLAIN),
    writer("JavaScript", "JSON.stringify with an indent of 4", Layout::Indented(4), PLAIN),
    writer("Python", "Python's json.dumps with indent=2", Layout::Indented(2), PYTHON),
    writer("Python", "Python's json.dumps with indent=4", Layout::Indented(4), PYTHON),
    writer("PHP", "PHP's json_encode with JSON_PRETTY_PRINT", Layout::Indented(4), PHP),
    writer(
        "PHP",
        "PHP's json_encode with JSON_PRETTY_PRINT and JSON_UNESCAPED_SLASHES",
        Layout::Indented(4),
        PHP_PLAIN_SLASHES,
    ),
    writer("", "", Layout::Indented(4), PHP_UNICODE),
    writer("", "", Layout::Indented(4), PHP_UNICODE_PLAIN_SLASHES),
    writer("", "", Layout::AsSent, PLAIN),
    writer("", "", Layout::AsSent, PHP_PLAIN_SLASHES),
    writer("", "", Layout::AsSent, PHP),
    writer("", "", Layout::AsSent, SWIFT),
];
