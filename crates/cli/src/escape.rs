//! Characters that control a terminal, and how JSON and log lines escape them.
//!
//! Names, reasons and notes are untrusted texts; JSON itself escapes no character above U+001F.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter, Write as _};
use std::io::{self, Write};

/// Whether a character controls a terminal (Unicode's `Cc`), changes the direction or order of other text
/// (`Bidi_Control`), ends a line, or is invisible.
pub(crate) const fn is_disruptive(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// JSON text with such characters escaped, which parses to the same value. Below U+0020, valid JSON contains only the
/// white space between its tokens.
pub(crate) struct EscapedJson<'a>(pub(crate) &'a str);

impl Display for EscapedJson<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\n' => f.write_char('\n'),
            '\r' | '\t' => f.write_char(' '),
            // None of them is beyond four digits.
            _ if is_disruptive(character) => write!(f, "\\u{:04x}", u32::from(character)),
            _ => f.write_char(character),
        })
    }
}

/// The format of a log line.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LogFormatting {
    /// Text, with or without colours. Colours need the escape character; the formatter escapes it in its input.
    Text { colours: bool },
    /// A JSON object.
    Json,
}

impl LogFormatting {
    /// A line with its line end. Other line ends and control characters are escaped.
    fn escaped(self, line: &str) -> Cow<'_, str> {
        let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
        let stays = |character| match self {
            Self::Text { colours } => {
                !is_disruptive(character) || character == '\t' || (colours && character == '\u{1b}')
            }
            Self::Json => !is_disruptive(character),
        };
        if text.chars().all(stays) {
            return Cow::Borrowed(line);
        }
        let mut escaped = match self {
            Self::Json => EscapedJson(text).to_string(),
            Self::Text { .. } => text.chars().fold(String::new(), |mut escaped, character| {
                match stays(character) {
                    true => escaped.push(character),
                    false => escaped.extend(character.escape_default()),
                }
                escaped
            }),
        };
        escaped.push_str(end);
        Cow::Owned(escaped)
    }
}

/// Writes whole log lines to standard error.
pub(crate) struct LogWriter(pub(crate) LogFormatting);

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr().write_all(self.0.escaped(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// One of each kind, and the ends of each range.
    const DISRUPTIVE: [char; 27] = [
        '\0', '\u{7}', '\u{8}', '\r', '\u{1b}', '\u{1f}', '\u{7f}', '\u{80}', '\u{85}', '\u{9b}', '\u{9f}',
        '\u{61c}', '\u{200b}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}', '\u{202e}',
        '\u{2060}', '\u{2066}', '\u{2069}', '\u{206f}', '\u{feff}', '\u{fff9}', '\u{fffb}', '\n',
    ];

    #[test]
    fn control_characters_are_escaped_in_json_and_in_logs() {
        for character in DISRUPTIVE {
            let name = format!("Shop{character}Ltd é עב ش\u{200d}");
            let json = serde_json::to_string(&name).unwrap();
            let pretty = EscapedJson(&json).to_string();
            assert!(!pretty.contains(is_disruptive), "{character:?}: {pretty}");
            assert_eq!(serde_json::from_str::<String>(&pretty).unwrap(), name);

            let line = LogFormatting::Json.escaped(&json);
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), name);
            assert!(!line.contains(is_disruptive), "{character:?}: {line}");
            for colours in [false, true] {
                let line = format!("WARN {name}\n");
                let line = LogFormatting::Text { colours }.escaped(&line);
                let text = line.strip_suffix('\n').unwrap();
                let is_colour = colours && character == '\u{1b}';
                assert_eq!(text.contains(is_disruptive), is_colour, "{character:?}: {text}");
                assert!(text.ends_with("Ltd é עב ش\u{200d}"), "{text}");
            }
        }
        assert_eq!(LogFormatting::Text { colours: false }.escaped("a\u{202e}b\n"), "a\\u{202e}b\n");
        assert_eq!(EscapedJson("\"a\u{202e}b\"").to_string(), r#""a\u202eb""#);
        assert!(matches!(LogFormatting::Json.escaped("{}\n"), Cow::Borrowed("{}\n")));
    }

    fn text() -> impl Strategy<Value = String> {
        let character = prop_oneof![any::<char>(), prop::sample::select(DISRUPTIVE.to_vec())];
        prop::collection::vec(character, 0..12).prop_map(|characters| characters.into_iter().collect())
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), text().prop_map(Value::from)];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((text(), inner), 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn escaped_json_is_the_same_value(value in value()) {
            for json in [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()] {
                let escaped = EscapedJson(&json).to_string();
                prop_assert!(!escaped.contains(|character| character != '\n' && is_disruptive(character)));
                prop_assert_eq!(&serde_json::from_str::<Value>(&escaped).unwrap(), &value);
            }
        }
    }
}
