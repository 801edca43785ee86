//! The output of `sign` and `verify`: all of it passes through here, and secrets are redacted unless they were asked
//! for. A request may hold a secret anywhere, so that secrets are found by their text, not by their position.

use std::fmt::Display;
use std::io;
use std::ops::Range;

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use zeroize::Zeroizing;

use crate::access::SourcedAppSecret;
use crate::exit::Exit;
use crate::outcome;
use crate::profile;
use crate::terminal;

/// Printed instead of a secret.
const MASK: &str = "••••••••••••••••••••••••••••••••";
/// Shorter texts are no secrets, and would be found in many words.
const SECRET_MIN_BYTES: usize = 8;

/// Prints text with the secrets that it knows redacted.
pub(crate) struct SecretRedactor {
    encodings: Vec<SecretEncoding>,
    shows_secret: bool,
}

/// One way in which a secret can be written.
struct SecretEncoding {
    text: Zeroizing<String>,
    /// Hex digits mean the same in either case; the letters of base64 do not.
    ignore_case: bool,
}

impl SecretRedactor {
    /// Knows the secret that is given and those of the profiles that can be read.
    pub(crate) fn new(given: Option<&SourcedAppSecret>, shows_secret: bool) -> Self {
        let mut redactor = Self { encodings: Vec::new(), shows_secret };
        if let Some(held) = given {
            redactor.add_secret(held.text.expose());
        }
        for (_, held) in profile::read_all().into_iter().flatten() {
            if let Some(secret) = held.app_secret {
                redactor.add_secret(secret.expose());
            }
        }
        redactor
    }

    fn add_secret(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SECRET_MIN_BYTES {
            return;
        }
        let mut add_ignoring_case = |text: String| {
            let text = Zeroizing::new(text.to_ascii_lowercase());
            self.encodings.push(SecretEncoding { text, ignore_case: true });
        };
        add_ignoring_case(secret.to_owned());
        add_ignoring_case(hex::encode(secret));
        add_ignoring_case(hex::encode(secret.to_ascii_uppercase()));
        // As UTF-16, with its zero bytes as `escape_invisible` writes them.
        add_ignoring_case(secret.chars().map(|digit| format!("{digit}\\u{{0}}")).collect::<String>());
        let lower = secret.to_ascii_lowercase();
        add_ignoring_case(with_uuid_dashes(&lower).unwrap_or(lower));
        let digits = Zeroizing::new(hex::decode(secret).unwrap_or_default());
        for bytes in [secret.as_bytes(), secret.to_ascii_uppercase().as_bytes(), &digits] {
            let texts = (0..3).filter_map(|offset| base64_substring(bytes, offset));
            let both = texts.flat_map(|text| [text.replace('+', "-").replace('/', "_"), text]);
            self.encodings
                .extend(both.map(|text| SecretEncoding { text: Zeroizing::new(text), ignore_case: false }));
        }
    }

    /// Whether secrets may be shown.
    pub(crate) const fn shows_secret(&self) -> bool {
        self.shows_secret
    }

    /// Whether a text contains a secret.
    pub(crate) fn contains_secret(&self, text: &str) -> bool {
        !self.find_secrets(text).is_empty()
    }

    /// The text with its secrets masked.
    pub(crate) fn redact(&self, text: &str) -> String {
        if self.shows_secret {
            return text.to_owned();
        }
        let (mut redacted, mut copied) = (String::with_capacity(text.len()), 0);
        for Range { start, end } in self.find_secrets(text) {
            // Overlapping secrets, such as a repeated one, are masked together.
            if start >= copied {
                redacted.push_str(text.get(copied..start).unwrap_or_default());
                redacted.push_str(MASK);
            }
            copied = copied.max(end);
        }
        redacted.push_str(text.get(copied..).unwrap_or_default());
        redacted
    }

    /// The ranges of secrets, in the order of the text.
    fn find_secrets(&self, text: &str) -> Vec<Range<usize>> {
        let lower = Zeroizing::new(text.to_ascii_lowercase());
        let ranges = self.encodings.iter().flat_map(|SecretEncoding { text: encoded, ignore_case }| {
            let within: &str = if *ignore_case { &lower } else { text };
            within.match_indices(encoded.as_str()).map(|(at, encoded)| at..at + encoded.len())
        });
        let mut ranges: Vec<_> = ranges.collect();
        ranges.sort_unstable_by_key(|range| (range.start, range.end));
        ranges
    }

    /// Prints a line on standard output.
    pub(crate) fn println(&self, line: impl Display) {
        terminal::println(self.redact(&line.to_string()));
    }

    /// Prints wrapped text on standard output, as [`terminal::print_wrapped`] does.
    pub(crate) fn print_wrapped(&self, first: &str, text: &str, margin: usize) {
        terminal::print_wrapped(first, &self.redact(text), margin);
    }

    /// Prints a warning on standard error.
    pub(crate) fn eprint_warning(&self, text: &str) {
        terminal::eprint_warning(&self.redact(text));
    }

    /// Prints one JSON object on standard output.
    pub(crate) fn print_json(&self, object: &impl Serialize) -> Result<()> {
        let mut json = Zeroizing::new(Vec::new());
        let formatter = RedactingFormatter { redactor: self, pretty: PrettyFormatter::new() };
        object.serialize(&mut Serializer::with_formatter(&mut *json, formatter))?;
        terminal::print_json_text(&String::from_utf8_lossy(&json));
        Ok(())
    }

    /// The exit code; another one if standard output could not be written.
    pub(crate) fn finish(&self, exit: Exit) -> Result<Exit> {
        outcome::finish_output(exit)
    }
}

/// What base64 makes of these bytes within others, where `offset` bytes of a group of three are before them.
fn base64_substring(bytes: &[u8], offset: usize) -> Option<String> {
    let text = BASE64.encode([vec![0; offset].as_slice(), bytes].concat());
    // A character holds 6 bits; those that hold bits of other bytes are left out.
    let (start, end) = ((offset * 8).div_ceil(6), (offset + bytes.len()) * 8 / 6);
    text.get(start..end).filter(|text| text.len() >= SECRET_MIN_BYTES).map(str::to_owned)
}

/// 32 hex digits with the dashes of a UUID.
pub(crate) fn with_uuid_dashes(digits: &str) -> Option<String> {
    let part = |range: Range<usize>| digits.get(range);
    let parts = [part(0..8)?, part(8..12)?, part(12..16)?, part(16..20)?, digits.get(20..)?];
    Some(parts.join("-"))
}

/// Writes pretty-printed JSON with its strings redacted. JSON escapes no character of a secret, so none is split.
struct RedactingFormatter<'a> {
    redactor: &'a SecretRedactor,
    pretty: PrettyFormatter<'static>,
}

impl Formatter for RedactingFormatter<'_> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        writer.write_all(self.redactor.redact(text).as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.pretty.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.pretty.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_object_value(writer)
    }
}
