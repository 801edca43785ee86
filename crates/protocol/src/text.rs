//! Short texts that people and upstream systems choose: bounded, on one line, never empty or blank.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;
use crate::ids::serde_as_text;
use crate::schema::{line, schema};

/// Whether a character embeds, overrides or isolates a writing direction (UAX #9): it can make text appear in another
/// order, also text that follows it.
const fn is_bidirectional_control(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A caller's text as a part of a message: at most 64 characters, with control and bidirectional ones as `\u{202e}`.
pub fn escaped(text: &str) -> String {
    let escape = |character: char| match character.is_control() || is_bidirectional_control(character) {
        true => character.escape_unicode().to_string(),
        false => character.to_string(),
    };
    text.chars().take(64).map(escape).collect()
}

/// Refuses invisible characters, and those that change how others are displayed.
fn check_characters(text: &str) -> Result<(), Invalid> {
    if text.chars().any(char::is_control) {
        return Err(Invalid::new("must not contain control characters"));
    }
    if text.chars().any(is_bidirectional_control) {
        return Err(Invalid::new(
            "must not contain bidirectional control characters (U+202A to U+202E, U+2066 to U+2069)",
        ));
    }
    Ok(())
}

/// Checks a text of 1 to `max` Unicode scalar values, without control characters and with a visible one.
pub(crate) fn check_line(text: &str, max: usize) -> Result<(), Invalid> {
    let is_printable_ascii = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let length = if is_printable_ascii { text.len() } else { text.chars().count() };
    if !(1..=max).contains(&length) {
        return Err(Invalid::new(format!("must have 1 to {max} characters")));
    }
    if !is_printable_ascii {
        check_characters(text)?;
    }
    if text.trim().is_empty() {
        return Err(Invalid::new("must not be blank"));
    }
    Ok(())
}

macro_rules! line {
    ($(#[$doc:meta])* $name:ident, $max:literal, $description:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// Most characters, in Unicode scalar values.
            pub const MAX: usize = $max;

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                check_line(text, Self::MAX)?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        serde_as_text!($name);
        schema!($name, line(Self::MAX), $description);
    };
}

line!(
    /// The merchant's name for an evidence item: 1 to 128 characters (contract §4).
    EvidenceName,
    128,
    "The merchant's name for a piece of evidence."
);
line!(
    /// The platform's number of the disputed payment: 1 to 32 characters (contract §5).
    PaymentNo,
    32,
    "The platform's number of the payment."
);
line!(
    /// The merchant's own number of the disputed trade: 1 to 50 characters (contract §5).
    MerchantTradeNo,
    50,
    "The merchant's own number of the trade."
);
line!(
    /// The retrieval reference number of the card networks: 1 to 32 characters (our choice).
    Rrn,
    32,
    "The retrieval reference number of the card networks."
);
line!(
    /// The cardholder's reason as text: 1 to 256 characters (our choice).
    DisputeReason,
    256,
    "The cardholder's reason for the dispute, in words."
);
line!(
    /// The network's code for the reason: 1 to 32 characters (our choice).
    ReasonCode,
    32,
    "The card network's code for the reason."
);
line!(
    /// A merchant's name: 1 to 128 characters (our choice).
    MerchantName,
    128,
    "A merchant's name."
);
line!(
    /// An operator's note on a decision: 1 to 1,000 characters on one line (our choice).
    Note,
    1000,
    "An operator's note on a decision."
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_in_unicode_scalar_values() {
        assert!("é".repeat(128).parse::<EvidenceName>().is_ok());
        assert!("é".repeat(129).parse::<EvidenceName>().is_err());
    }

    #[test]
    fn control_characters_and_emptiness_are_refused() {
        for wrong in ["", "a\nb", "\u{0}", "a\u{7f}", "\u{85}", " ", "   ", "\u{a0}\u{3000}"] {
            assert!(wrong.parse::<EvidenceName>().is_err(), "{wrong:?} was taken");
        }
        assert!(" a ".parse::<EvidenceName>().is_ok());
        for wrong in ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}') {
            let refused = format!("invoice{wrong}fdp.exe").parse::<EvidenceName>().unwrap_err();
            assert!(refused.to_string().contains("bidirectional"), "{refused}");
        }
        for right in ["قائمة رقم 5", "חשבונית", "a\u{200e}b\u{200f}"] {
            assert!(right.parse::<EvidenceName>().is_ok(), "{right:?} was refused");
        }
    }
}
