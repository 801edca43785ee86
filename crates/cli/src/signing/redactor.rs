//! The output of `sign` and `verify`, with secrets masked unless `--show-secret` is given. A request may contain a
//! secret anywhere, so secrets are found by their text, not by their position; also in hex and in base64.

use std::fmt::Display;
use std::ops::Range;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::access::SourcedAppSecret;
use crate::exit::Exit;
use crate::outcome;
use crate::profiles;
use crate::terminal;

/// Printed instead of a secret.
const MASK: &str = "••••••••••••••••••••••••••••••••";
/// Shorter texts are not secrets, and occur in many words.
const SECRET_MIN_BYTES: usize = 8;

/// Prints text with known secrets masked.
pub(crate) struct SecretRedactor {
    /// Their spellings in lower case, because hex digits are case-insensitive.
    secrets: Vec<Zeroizing<String>>,
    shows_secret: bool,
}

impl SecretRedactor {
    /// Knows the given secret, and those of the profiles that can be read.
    pub(crate) fn new(given: Option<&SourcedAppSecret>, shows_secret: bool) -> Self {
        let profiles = profiles::read_all().into_iter().flatten();
        let of_profiles = profiles.filter_map(|(_, profile)| profile.app_secret);
        let secrets = given.map(|given| given.text.clone()).into_iter().chain(of_profiles);
        let secrets = secrets.flat_map(|secret| match secret.expose().trim() {
            text if text.len() >= SECRET_MIN_BYTES => spellings(text).to_vec(),
            _ => Vec::new(),
        });
        Self { secrets: secrets.collect(), shows_secret }
    }

    pub(crate) const fn shows_secret(&self) -> bool {
        self.shows_secret
    }

    /// Whether a text contains a secret.
    pub(crate) fn contains_secret(&self, text: &str) -> bool {
        !self.find_secrets(text).is_empty()
    }

    /// The text with its secrets masked.
    fn redact(&self, text: &str) -> String {
        if self.shows_secret {
            return text.to_owned();
        }
        let (mut redacted, mut copied) = (String::with_capacity(text.len()), 0);
        for Range { start, end } in self.find_secrets(text) {
            // Overlapping secrets are masked together.
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
        let of = |secret: &Zeroizing<String>| {
            let matches = lower.match_indices(secret.as_str()).map(|(at, secret)| at..at + secret.len());
            matches.collect::<Vec<_>>()
        };
        let mut ranges: Vec<_> = self.secrets.iter().flat_map(of).collect();
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

    /// Prints one JSON object on standard output. JSON escapes no character of a secret, so none is split.
    pub(crate) fn print_json(&self, object: &impl Serialize) -> Result<()> {
        let json = Zeroizing::new(serde_json::to_string_pretty(object)?);
        terminal::print_json_text(&self.redact(&json));
        Ok(())
    }

    /// The exit code; another one if standard output could not be written.
    pub(crate) fn finish(&self, exit: Exit) -> Result<Exit> {
        outcome::finish_output(exit)
    }
}

/// A secret as text, in hex, and in base64 at each of its three alignments, in lower case.
fn spellings(secret: &str) -> [Zeroizing<String>; 5] {
    let base64 = |offset: usize| {
        let bytes = Zeroizing::new([&[0].repeat(offset), secret.as_bytes()].concat());
        let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&bytes));
        // Only the characters that contain no bit of a neighbour.
        let inner = (offset * 8).div_ceil(6)..bytes.len() * 8 / 6;
        encoded.get(inner).unwrap_or_default().to_ascii_lowercase()
    };
    [secret.to_ascii_lowercase(), hex::encode(secret), base64(0), base64(1), base64(2)].map(Zeroizing::new)
}
