//! The voice of `sign` and `verify`: all that they say goes through here, and no secret leaves it unless that was asked
//! for. What is looked at may hold the secret anywhere, so it is not known by its place, but by its text.

use std::fmt::Display;
use std::io;
use std::ops::Range;

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use zeroize::Zeroizing;

use crate::access::Held;
use crate::exit::Exit;
use crate::outcome;
use crate::profile;
use crate::terminal;

/// What stands in the place of a secret that is not shown.
const MASK: &str = "••••••••••••••••••••••••••••••••";
/// Less than this is no secret, and would be found in half of all words.
const SECRET_MIN_BYTES: usize = 8;

/// Says everything but the secrets that it knows.
pub(crate) struct Voice {
    spellings: Vec<Spelling>,
    shows_secret: bool,
}

/// One way in which a secret can be written.
struct Spelling {
    text: Zeroizing<String>,
    /// Hex digits mean the same in either case; the letters of base64 do not.
    in_any_case: bool,
}

impl Voice {
    /// Knows the secret that is given and those that profiles hold, as far as they can be read.
    pub(crate) fn of(given: Option<&Held>, shows_secret: bool) -> Self {
        let mut voice = Self { spellings: Vec::new(), shows_secret };
        if let Some(held) = given {
            voice.learn(held.text.expose());
        }
        for (_, held) in profile::read_all().into_iter().flatten() {
            if let Some(secret) = held.app_secret {
                voice.learn(secret.expose());
            }
        }
        voice
    }

    fn learn(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SECRET_MIN_BYTES {
            return;
        }
        let mut in_any_case = |text: String| {
            let text = Zeroizing::new(text.to_ascii_lowercase());
            self.spellings.push(Spelling { text, in_any_case: true });
        };
        in_any_case(secret.to_owned());
        in_any_case(hex::encode(secret));
        in_any_case(hex::encode(secret.to_ascii_uppercase()));
        // As UTF-16, in the signs that make it visible.
        in_any_case(secret.chars().map(|digit| format!("{digit}\\u{{0}}")).collect::<String>());
        let lower = secret.to_ascii_lowercase();
        in_any_case(dashed(&lower).unwrap_or(lower));
        let digits = Zeroizing::new(hex::decode(secret).unwrap_or_default());
        for bytes in [secret.as_bytes(), secret.to_ascii_uppercase().as_bytes(), &digits] {
            let texts = (0..3).filter_map(|ahead| base64_within(bytes, ahead));
            let both = texts.flat_map(|text| [text.replace('+', "-").replace('/', "_"), text]);
            self.spellings
                .extend(both.map(|text| Spelling { text: Zeroizing::new(text), in_any_case: false }));
        }
    }

    /// Whether secrets may be shown.
    pub(crate) const fn shows_secret(&self) -> bool {
        self.shows_secret
    }

    /// Whether a secret is in a text, shown or not.
    pub(crate) fn knows(&self, text: &str) -> bool {
        !self.found(text).is_empty()
    }

    /// A text in which no secret is left.
    pub(crate) fn masked(&self, text: &str) -> String {
        if self.shows_secret {
            return text.to_owned();
        }
        let (mut masked, mut told) = (String::with_capacity(text.len()), 0);
        for Range { start, end } in self.found(text) {
            // One may begin within another, such as a repeated one; then they are masked together.
            if start >= told {
                masked.push_str(text.get(told..start).unwrap_or_default());
                masked.push_str(MASK);
            }
            told = told.max(end);
        }
        masked.push_str(text.get(told..).unwrap_or_default());
        masked
    }

    /// Where secrets are, from the first on.
    fn found(&self, text: &str) -> Vec<Range<usize>> {
        let lower = Zeroizing::new(text.to_ascii_lowercase());
        let places = self.spellings.iter().flat_map(|Spelling { text: spelt, in_any_case }| {
            let within: &str = if *in_any_case { &lower } else { text };
            within.match_indices(spelt.as_str()).map(|(at, spelt)| at..at + spelt.len())
        });
        let mut places: Vec<_> = places.collect();
        places.sort_unstable_by_key(|place| (place.start, place.end));
        places
    }

    /// A line on standard output.
    pub(crate) fn say(&self, line: impl Display) {
        terminal::println(self.masked(&line.to_string()));
    }

    /// A sentence on standard output, as [`terminal::print_wrapped`] says it.
    pub(crate) fn say_after(&self, first: &str, text: &str, margin: usize) {
        terminal::print_wrapped(first, &self.masked(text), margin);
    }

    /// Tells on standard error what may be wrong.
    pub(crate) fn warn(&self, text: &str) {
        terminal::eprint_warning(&self.masked(text));
    }

    /// One JSON object on standard output.
    pub(crate) fn say_json(&self, object: &impl Serialize) -> Result<()> {
        let mut json = Zeroizing::new(Vec::new());
        let formatter = Masking { voice: self, pretty: PrettyFormatter::new() };
        object.serialize(&mut Serializer::with_formatter(&mut *json, formatter))?;
        terminal::print_json_text(&String::from_utf8_lossy(&json));
        Ok(())
    }

    /// How the process ends: not as it should where standard output did not take what was said.
    pub(crate) fn ended(&self, exit: Exit) -> Result<Exit> {
        outcome::said(exit)
    }
}

/// What base64 makes of these bytes wherever they stand among others: `ahead` bytes of a group of three are before
/// them.
fn base64_within(bytes: &[u8], ahead: usize) -> Option<String> {
    let text = BASE64.encode([vec![0; ahead].as_slice(), bytes].concat());
    // Each sign tells 6 bits; those that tell some of others are left out.
    let (start, end) = ((ahead * 8).div_ceil(6), (ahead + bytes.len()) * 8 / 6);
    text.get(start..end).filter(|text| text.len() >= SECRET_MIN_BYTES).map(str::to_owned)
}

/// 32 hex digits with the dashes of a UUID.
pub(crate) fn dashed(digits: &str) -> Option<String> {
    let part = |range: Range<usize>| digits.get(range);
    let parts = [part(0..8)?, part(8..12)?, part(12..16)?, part(16..20)?, digits.get(20..)?];
    Some(parts.join("-"))
}

/// Writes JSON for people, and masks its strings. A secret has no sign that JSON escapes, so none is broken up.
struct Masking<'a> {
    voice: &'a Voice,
    pretty: PrettyFormatter<'static>,
}

type Written = io::Result<()>;

impl Formatter for Masking<'_> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, text: &str) -> Written {
        writer.write_all(self.voice.masked(text).as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> Written {
        self.pretty.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> Written {
        self.pretty.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> Written {
        self.pretty.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> Written {
        self.pretty.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> Written {
        self.pretty.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> Written {
        self.pretty.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> Written {
        self.pretty.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> Written {
        self.pretty.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> Written {
        self.pretty.end_object_value(writer)
    }
}
