//! How well-known libraries write JSON. Only what each is known to do; what several do alike names them all.

use super::json::{Layout, Strings};
use super::numbers::Numbers;

/// One way of one library.
pub(super) struct Writer {
    /// Of several ways of one program, only the first that fits is named.
    pub(super) program: &'static str,
    /// Empty where the spelling is tried, but nobody is known for it.
    pub(super) name: &'static str,
    pub(super) layout: Layout,
    pub(super) strings: Strings,
    pub(super) numbers: Numbers,
}

const fn writer(program: &'static str, name: &'static str, layout: Layout, strings: Strings) -> Writer {
    Writer { program, name, layout, strings, numbers: Numbers::AsSent }
}

/// The same where numbers are read and written, not copied.
const fn renumbering(writer: Writer, numbers: Numbers) -> Writer {
    Writer { numbers, ..writer }
}

const fn java_script(name: &'static str, layout: Layout) -> Writer {
    renumbering(writer("JavaScript", name, layout, PLAIN), Numbers::JavaScript)
}

const fn python(name: &'static str, layout: Layout, strings: Strings) -> Writer {
    renumbering(writer("Python", name, layout, strings), Numbers::Python)
}

const fn php(name: &'static str, layout: Layout, strings: Strings) -> Writer {
    renumbering(writer("PHP", name, layout, strings), Numbers::Php)
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

/// Programs that are known below; what all of them write proves none.
pub(super) const PROGRAMS: usize = 7;

/// What each writes unasked comes first.
pub(super) const WRITERS: [Writer; 27] = [
    java_script("JSON.stringify", Layout::Compact),
    python("Python's json.dumps", Layout::Spaced, PYTHON),
    php("PHP's json_encode", Layout::Compact, PHP),
    renumbering(writer("Go", "Go's json.Marshal", Layout::Compact, GO), Numbers::JavaScript),
    writer("Gson", "Gson", Layout::Compact, GSON),
    writer(".NET", ".NET's System.Text.Json", Layout::Compact, DOT_NET),
    renumbering(writer("Swift", "Swift's JSONSerialization", Layout::Compact, SWIFT), Numbers::JavaScript),
    python("Python's json.dumps with separators=(',', ':')", Layout::Compact, PYTHON),
    python("Python's json.dumps with ensure_ascii=False", Layout::Spaced, PLAIN),
    php("PHP's json_encode with JSON_UNESCAPED_SLASHES", Layout::Compact, PHP_PLAIN_SLASHES),
    php("PHP's json_encode with JSON_UNESCAPED_UNICODE", Layout::Compact, PHP_UNICODE),
    php(
        "PHP's json_encode with JSON_UNESCAPED_SLASHES and JSON_UNESCAPED_UNICODE",
        Layout::Compact,
        PHP_UNICODE_PLAIN_SLASHES,
    ),
    java_script("JSON.stringify with an indent of 2", Layout::Indented(2)),
    java_script("JSON.stringify with an indent of 4", Layout::Indented(4)),
    python("Python's json.dumps with indent=2", Layout::Indented(2), PYTHON),
    python("Python's json.dumps with indent=4", Layout::Indented(4), PYTHON),
    php("PHP's json_encode with JSON_PRETTY_PRINT", Layout::Indented(4), PHP),
    php(
        "PHP's json_encode with JSON_PRETTY_PRINT and JSON_UNESCAPED_SLASHES",
        Layout::Indented(4),
        PHP_PLAIN_SLASHES,
    ),
    writer("", "", Layout::Indented(4), PHP_UNICODE),
    writer("", "", Layout::Indented(4), PHP_UNICODE_PLAIN_SLASHES),
    writer("", "", Layout::Compact, PLAIN),
    writer("", "", Layout::Spaced, PLAIN),
    writer("", "", Layout::Indented(2), PLAIN),
    writer("", "", Layout::AsSent, PLAIN),
    writer("", "", Layout::AsSent, PHP_PLAIN_SLASHES),
    writer("", "", Layout::AsSent, PHP),
    writer("", "", Layout::AsSent, SWIFT),
];
