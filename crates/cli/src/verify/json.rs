//! JSON tokens, and the ways in which they can be written.

use std::iter::Peekable;

use serde_json::Value;

use super::numbers::NumberFormat;

/// White space between tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    AsSent,
    Compact,
    /// One space after colons and commas.
    Spaced,
    Indented(usize),
}

/// Escapes in strings beyond those that JSON requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StringEscapes {
    /// `\u` for everything beyond ASCII.
    pub(super) non_ascii: bool,
    /// `\/` for each slash.
    pub(super) slashes: bool,
    /// `\u` for these characters.
    pub(super) characters: &'static str,
    /// The hex digits of `\u` in upper case.
    pub(super) upper_hex: bool,
}

impl StringEscapes {
    /// Only the escapes that JSON requires.
    pub(super) const PLAIN: Self =
        Self { non_ascii: false, slashes: false, characters: "", upper_hex: false };

    fn escapes(self, character: char) -> bool {
        (self.non_ascii && !character.is_ascii()) || self.characters.contains(character)
    }
}

#[derive(Debug, Clone)]
enum JsonToken {
    Space(String),
    /// One of `{ } [ ] : ,`.
    Punctuation(char),
    /// Unescaped.
    Text(String),
    /// A number or a word.
    Other(String),
}

/// A JSON text as tokens.
#[derive(Debug)]
pub(super) struct JsonText(Vec<JsonToken>);

impl JsonText {
    /// `None` where it is not JSON.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        serde_json::from_str::<Value>(text).ok()?;
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (token, length) = match first {
                '{' | '}' | '[' | ']' | ':' | ',' => (JsonToken::Punctuation(first), 1),
                '"' => {
                    let length = string_length(rest);
                    (JsonToken::Text(serde_json::from_str(rest.get(..length)?).ok()?), length)
                }
                _ if first.is_ascii_whitespace() => {
                    let length = rest.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(rest.len());
                    (JsonToken::Space(rest.get(..length)?.to_owned()), length)
                }
                _ => {
                    let ends = |c: char| c.is_ascii_whitespace() || "{}[]:,\"".contains(c);
                    let length = rest.find(ends).unwrap_or(rest.len());
                    (JsonToken::Other(rest.get(..length)?.to_owned()), length)
                }
            };
            tokens.push(token);
            rest = rest.get(length..)?;
        }
        Some(Self(tokens))
    }

    /// The same without white space, and with the members of every object in the order of their names.
    pub(super) fn sorted(&self) -> Self {
        let mut tokens = self.0.iter().filter(|token| !matches!(token, JsonToken::Space(_))).peekable();
        Self(sorted(&mut tokens))
    }

    /// The first number that this format writes otherwise, and how.
    pub(super) fn first_rewritten_number(&self, numbers: NumberFormat) -> Option<(&str, String)> {
        self.0.iter().find_map(|token| match token {
            JsonToken::Other(sent) => {
                Some((sent.as_str(), numbers.write(sent))).filter(|(sent, written)| sent != written)
            }
            _ => None,
        })
    }

    /// Whether a string contains such a character.
    pub(super) fn has_char(&self, is: impl Fn(char) -> bool) -> bool {
        self.0.iter().any(|token| matches!(token, JsonToken::Text(text) if text.contains(&is)))
    }

    pub(super) fn write(&self, layout: Layout, strings: StringEscapes, numbers: NumberFormat) -> String {
        let mut written = String::new();
        let mut depth = 0;
        let mut tokens =
            self.0.iter().filter(|token| layout == Layout::AsSent || !matches!(token, JsonToken::Space(_)));
        let mut next = tokens.next();
        while let Some(token) = next {
            next = tokens.next();
            match token {
                JsonToken::Space(space) => written.push_str(space),
                JsonToken::Text(text) => write_string(&mut written, text, strings),
                JsonToken::Other(other) => written.push_str(&numbers.write(other)),
                JsonToken::Punctuation(punctuation) => {
                    let closes = matches!(next, Some(JsonToken::Punctuation('}' | ']')));
                    write_punctuation(&mut written, *punctuation, closes, layout, &mut depth);
                }
            }
        }
        written
    }
}

/// The next value, its objects sorted. As deep as the library reads, which is 128 levels.
fn sorted<'a>(tokens: &mut Peekable<impl Iterator<Item = &'a JsonToken>>) -> Vec<JsonToken> {
    let Some(first) = tokens.next() else { return Vec::new() };
    let JsonToken::Punctuation(open @ ('{' | '[')) = first else { return vec![first.clone()] };
    let mut members = Vec::new();
    while let Some(next) = tokens.peek() {
        match next {
            JsonToken::Punctuation('}' | ']') => break,
            JsonToken::Punctuation(',') => drop(tokens.next()),
            JsonToken::Text(name) if *open == '{' => {
                let mut member = vec![(*next).clone()];
                tokens.next();
                member.extend(tokens.next().cloned());
                member.extend(sorted(tokens));
                members.push((name.as_str(), member));
            }
            _ => members.push(("", sorted(tokens))),
        }
    }
    // Keeps the order of a list, whose values have no names.
    members.sort_by_key(|(name, _)| *name);
    let mut all = vec![first.clone()];
    for (index, (_, member)) in members.into_iter().enumerate() {
        all.extend((index > 0).then_some(JsonToken::Punctuation(',')));
        all.extend(member);
    }
    all.extend(tokens.next().cloned());
    all
}

/// Bytes of the string that the text begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, character)| {
        let ends = *character == '"' && !escaped;
        escaped = *character == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// `closes` says whether a closing bracket follows.
fn write_punctuation(
    written: &mut String,
    punctuation: char,
    closes: bool,
    layout: Layout,
    depth: &mut usize,
) {
    let indent = match layout {
        Layout::Indented(indent) => indent,
        Layout::Spaced => {
            written.push(punctuation);
            return if matches!(punctuation, ':' | ',') {
                written.push(' ')
            };
        }
        Layout::AsSent | Layout::Compact => return written.push(punctuation),
    };
    let line = |written: &mut String, depth: usize| {
        written.push('\n');
        written.push_str(&" ".repeat(indent * depth));
    };
    match punctuation {
        '{' | '[' => {
            written.push(punctuation);
            *depth += 1;
            // Empty objects and lists stay on one line.
            if !closes {
                line(written, *depth);
            }
        }
        '}' | ']' => {
            *depth = depth.saturating_sub(1);
            if !written.ends_with(['{', '[']) {
                line(written, *depth);
            }
            written.push(punctuation);
        }
        ',' => {
            written.push(punctuation);
            line(written, *depth);
        }
        _ => {
            written.push(punctuation);
            written.push(' ');
        }
    }
}

fn write_string(written: &mut String, text: &str, strings: StringEscapes) {
    written.push('"');
    for character in text.chars() {
        match character {
            '/' if strings.slashes => written.push_str("\\/"),
            _ if strings.escapes(character) => {
                character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| match strings.upper_hex {
                    true => written.push_str(&format!("\\u{unit:04X}")),
                    false => written.push_str(&format!("\\u{unit:04x}")),
                });
            }
            '"' | '\\' | '\0'..' ' => {
                let quoted = serde_json::to_string(&character).unwrap_or_default();
                written.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
            }
            _ => written.push(character),
        }
    }
    written.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ASCII: StringEscapes = StringEscapes { non_ascii: true, ..StringEscapes::PLAIN };
    const SLASHED: StringEscapes = StringEscapes { slashes: true, ..ASCII };
    const SIGNS: StringEscapes = StringEscapes { characters: "<\"", upper_hex: true, ..StringEscapes::PLAIN };

    const SENT: &str = "{ \"b\":\"ä/\\u0041\\\"\",\"a\" : [1.50,{}, true] }";

    fn written(layout: Layout, strings: StringEscapes) -> String {
        JsonText::read(SENT.as_bytes()).unwrap().write(layout, strings, NumberFormat::AsSent)
    }

    #[test]
    fn a_body_is_written_as_the_well_known_writers_do() {
        assert_eq!(written(Layout::Compact, StringEscapes::PLAIN), r#"{"b":"ä/A\"","a":[1.50,{},true]}"#);
        assert_eq!(written(Layout::Spaced, ASCII), r#"{"b": "\u00e4/A\"", "a": [1.50, {}, true]}"#);
        assert_eq!(written(Layout::Compact, SLASHED), r#"{"b":"\u00e4\/A\"","a":[1.50,{},true]}"#);
        assert_eq!(written(Layout::AsSent, StringEscapes::PLAIN), r#"{ "b":"ä/A\"","a" : [1.50,{}, true] }"#);
        assert_eq!(
            written(Layout::Indented(2), StringEscapes::PLAIN),
            "{\n  \"b\": \"ä/A\\\"\",\n  \"a\": [\n    1.50,\n    {},\n    true\n  ]\n}"
        );
        let sorted = JsonText::read(SENT.as_bytes()).unwrap().sorted().write(
            Layout::Compact,
            StringEscapes::PLAIN,
            NumberFormat::AsSent,
        );
        assert_eq!(sorted, r#"{"a":[1.50,{},true],"b":"ä/A\""}"#);
    }

    #[test]
    fn surrogates_and_signs_of_html_are_escaped() {
        let text = JsonText::read("\"😀<\"".as_bytes()).unwrap();
        assert_eq!(text.write(Layout::Compact, ASCII, NumberFormat::AsSent), "\"\\ud83d\\ude00<\"");
        assert_eq!(text.write(Layout::Compact, SIGNS, NumberFormat::AsSent), "\"😀\\u003C\"");
        let quote = JsonText::read(br#""\"\\\n\u001f""#).unwrap();
        assert_eq!(quote.write(Layout::Compact, SIGNS, NumberFormat::AsSent), r#""\u0022\\\n\u001f""#);
        assert!(JsonText::read(b"{").is_none());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_way_of_writing_means_the_same(value in value()) {
            let text = JsonText::read(serde_json::to_string_pretty(&value).unwrap().as_bytes()).unwrap();
            for layout in [Layout::AsSent, Layout::Compact, Layout::Spaced, Layout::Indented(3)] {
                for strings in [StringEscapes::PLAIN, ASCII, SLASHED, SIGNS] {
                    let written = text.write(layout, strings, NumberFormat::AsSent);
                    prop_assert_eq!(&serde_json::from_str::<Value>(&written).unwrap(), &value);
                }
            }
            prop_assert_eq!(text.write(Layout::Compact, StringEscapes::PLAIN, NumberFormat::AsSent), value.to_string());
            prop_assert_eq!(
                text.write(Layout::Indented(2), StringEscapes::PLAIN, NumberFormat::AsSent),
                serde_json::to_string_pretty(&value).unwrap()
            );
            // A map of the library is sorted.
            prop_assert_eq!(text.sorted().write(Layout::Compact, StringEscapes::PLAIN, NumberFormat::AsSent), value.to_string());
        }

        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>) {
            let _ = JsonText::read(&bytes);
        }
    }
}
