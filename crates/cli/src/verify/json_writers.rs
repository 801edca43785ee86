//! How well-known JSON libraries write. Only documented or observed behaviour.

use super::json::{Layout, StringEscapes};
use super::numbers::NumberFormat;

/// A library with one set of its options.
pub(super) struct JsonWriter {
    /// The library; of its entries, only the first that matches is named.
    pub(super) program: &'static str,
    /// Empty where no library is known for these options.
    pub(super) name: &'static str,
    pub(super) layout: Layout,
    pub(super) strings: StringEscapes,
    pub(super) numbers: NumberFormat,
}

const fn writer(
    program: &'static str,
    name: &'static str,
    layout: Layout,
    strings: StringEscapes,
) -> JsonWriter {
    JsonWriter { program, name, layout, strings, numbers: NumberFormat::AsSent }
}

/// The same with numbers parsed and written, not copied.
const fn with_numbers(writer: JsonWriter, numbers: NumberFormat) -> JsonWriter {
    JsonWriter { numbers, ..writer }
}

const fn java_script(name: &'static str, layout: Layout) -> JsonWriter {
    with_numbers(writer("JavaScript", name, layout, PLAIN), NumberFormat::JavaScript)
}

const fn python(name: &'static str, layout: Layout, strings: StringEscapes) -> JsonWriter {
    with_numbers(writer("Python", name, layout, strings), NumberFormat::Python)
}

const fn php(name: &'static str, layout: Layout, strings: StringEscapes) -> JsonWriter {
    with_numbers(writer("PHP", name, layout, strings), NumberFormat::Php)
}

const PLAIN: StringEscapes = StringEscapes::PLAIN;
/// Printable ASCII is kept, DEL is escaped.
const PYTHON: StringEscapes = StringEscapes { non_ascii: true, characters: "\u{7f}", ..PLAIN };
const PHP: StringEscapes = StringEscapes { slashes: true, ..PHP_PLAIN_SLASHES };
const PHP_PLAIN_SLASHES: StringEscapes = StringEscapes { non_ascii: true, ..PLAIN };
/// The two are line ends to JavaScript.
const PHP_UNICODE: StringEscapes = StringEscapes { slashes: true, ..PHP_UNICODE_PLAIN_SLASHES };
const PHP_UNICODE_PLAIN_SLASHES: StringEscapes = StringEscapes { characters: "\u{2028}\u{2029}", ..PLAIN };
const SWIFT: StringEscapes = StringEscapes { slashes: true, ..PLAIN };
/// Safe within HTML, as are the two below.
const GO: StringEscapes = StringEscapes { characters: "<>&\u{2028}\u{2029}", ..PLAIN };
const GSON: StringEscapes = StringEscapes { characters: "<>&='\u{2028}\u{2029}", ..PLAIN };
const DOT_NET: StringEscapes =
    StringEscapes { non_ascii: true, characters: "<>&'\"+`\u{7f}", upper_hex: true, ..PLAIN };

/// Libraries below; what all of them write identifies none.
pub(super) const PROGRAMS: usize = 7;

/// The defaults of each library come first.
pub(super) const JSON_WRITERS: [JsonWriter; 27] = [
    java_script("JSON.stringify", Layout::Compact),
    python("Python's json.dumps", Layout::Spaced, PYTHON),
    php("PHP's json_encode", Layout::Compact, PHP),
    with_numbers(writer("Go", "Go's json.Marshal", Layout::Compact, GO), NumberFormat::JavaScript),
    writer("Gson", "Gson", Layout::Compact, GSON),
    writer(".NET", ".NET's System.Text.Json", Layout::Compact, DOT_NET),
    with_numbers(
        writer("Swift", "Swift's JSONSerialization", Layout::Compact, SWIFT),
        NumberFormat::JavaScript,
    ),
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
