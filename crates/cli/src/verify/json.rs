//! JSON as text: its tokens, and the ways in which they can be written.

use std::iter::Peekable;

use serde_json::Value;

use super::numbers::Numbers;

/// White space between tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    AsSent,
    Compact,
    /// One space after colons and commas.
    Spaced,
    Indented(usize),
}

/// What strings are written with beyond what JSON asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strings {
    /// `\u` for everything beyond ASCII.
    pub(super) non_ascii: bool,
    /// `\/` for each slash.
    pub(super) slashes: bool,
    /// `\u` for these.
    pub(super) signs: &'static str,
    /// The digits of `\u` in upper case.
    pub(super) upper: bool,
}

impl Strings {
    /// Nothing more than JSON asks for.
    pub(super) const PLAIN: Self = Self { non_ascii: false, slashes: false, signs: "", upper: false };

    fn escapes(self, character: char) -> bool {
        (self.non_ascii && !character.is_ascii()) || self.signs.contains(character)
    }
}

#[derive(Debug, Clone)]
enum Token {
    Space(String),
    /// One of `{ } [ ] : ,`.
    Sign(char),
    /// Unescaped.
    Text(String),
    /// A number or a word.
    Other(String),
}

/// A JSON text in tokens.
#[derive(Debug)]
pub(super) struct Text(Vec<Token>);

impl Text {
    /// `None` where it is no JSON.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        serde_json::from_str::<Value>(text).ok()?;
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (token, length) = match first {
                '{' | '}' | '[' | ']' | ':' | ',' => (Token::Sign(first), 1),
                '"' => {
                    let length = string_length(rest);
                    (Token::Text(serde_json::from_str(rest.get(..length)?).ok()?), length)
                }
                _ if first.is_ascii_whitespace() => {
                    let length = rest.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(rest.len());
                    (Token::Space(rest.get(..length)?.to_owned()), length)
                }
                _ => {
                    let ends = |c: char| c.is_ascii_whitespace() || "{}[]:,\"".contains(c);
                    let length = rest.find(ends).unwrap_or(rest.len());
                    (Token::Other(rest.get(..length)?.to_owned()), length)
                }
            };
            tokens.push(token);
            rest = rest.get(length..)?;
        }
        Some(Self(tokens))
    }

    /// The same without white space, and with the members of every object in the order of their names.
    pub(super) fn sorted(&self) -> Self {
        let mut tokens = self.0.iter().filter(|token| !matches!(token, Token::Space(_))).peekable();
        Self(sorted(&mut tokens))
    }

    /// A number that is written otherwise in this way, and how.
    pub(super) fn renumbered(&self, numbers: Numbers) -> Option<(&str, String)> {
        self.0.iter().find_map(|token| match token {
            Token::Other(sent) => {
                Some((sent.as_str(), numbers.write(sent))).filter(|(sent, written)| sent != written)
            }
            _ => None,
        })
    }

    /// Whether a character of this kind is in a string.
    pub(super) fn has(&self, is: impl Fn(char) -> bool) -> bool {
        self.0.iter().any(|token| matches!(token, Token::Text(text) if text.contains(&is)))
    }

    pub(super) fn write(&self, layout: Layout, strings: Strings, numbers: Numbers) -> String {
        let mut written = String::new();
        let mut depth = 0;
        let mut tokens =
            self.0.iter().filter(|token| layout == Layout::AsSent || !matches!(token, Token::Space(_)));
        let mut next = tokens.next();
        while let Some(token) = next {
            next = tokens.next();
            match token {
                Token::Space(space) => written.push_str(space),
                Token::Text(text) => write_string(&mut written, text, strings),
                Token::Other(other) => written.push_str(&numbers.write(other)),
                Token::Sign(sign) => {
                    let closes = matches!(next, Some(Token::Sign('}' | ']')));
                    write_sign(&mut written, *sign, closes, layout, &mut depth);
                }
            }
        }
        written
    }
}

/// The next value, its objects sorted. As deep as the library reads, which is 128 levels.
fn sorted<'a>(tokens: &mut Peekable<impl Iterator<Item = &'a Token>>) -> Vec<Token> {
    let Some(first) = tokens.next() else { return Vec::new() };
    let Token::Sign(open @ ('{' | '[')) = first else { return vec![first.clone()] };
    let mut members = Vec::new();
    while let Some(next) = tokens.peek() {
        match next {
            Token::Sign('}' | ']') => break,
            Token::Sign(',') => drop(tokens.next()),
            Token::Text(name) if *open == '{' => {
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
        all.extend((index > 0).then_some(Token::Sign(',')));
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

/// `closes` tells that a closing bracket follows.
fn write_sign(written: &mut String, sign: char, closes: bool, layout: Layout, depth: &mut usize) {
    let indent = match layout {
        Layout::Indented(indent) => indent,
        Layout::Spaced => {
            written.push(sign);
            return if matches!(sign, ':' | ',') {
                written.push(' ')
            };
        }
        Layout::AsSent | Layout::Compact => return written.push(sign),
    };
    let line = |written: &mut String, depth: usize| {
        written.push('\n');
        written.push_str(&" ".repeat(indent * depth));
    };
    match sign {
        '{' | '[' => {
            written.push(sign);
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
            written.push(sign);
        }
        ',' => {
            written.push(sign);
            line(written, *depth);
        }
        _ => {
            written.push(sign);
            written.push(' ');
        }
    }
}

fn write_string(written: &mut String, text: &str, strings: Strings) {
    written.push('"');
    for character in text.chars() {
        match character {
            '/' if strings.slashes => written.push_str("\\/"),
            _ if strings.escapes(character) => {
                character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| match strings.upper {
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

    const ASCII: Strings = Strings { non_ascii: true, ..Strings::PLAIN };
    const SLASHED: Strings = Strings { slashes: true, ..ASCII };
    const SIGNS: Strings = Strings { signs: "<\"", upper: true, ..Strings::PLAIN };

    const SENT: &str = "{ \"b\":\"ä/\\u0041\\\"\",\"a\" : [1.50,{}, true] }";

    fn written(layout: Layout, strings: Strings) -> String {
        Text::read(SENT.as_bytes()).unwrap().write(layout, strings, Numbers::AsSent)
    }

    #[test]
    fn a_body_is_written_as_the_well_known_writers_do() {
        assert_eq!(written(Layout::Compact, Strings::PLAIN), r#"{"b":"ä/A\"","a":[1.50,{},true]}"#);
        assert_eq!(written(Layout::Spaced, ASCII), r#"{"b": "\u00e4/A\"", "a": [1.50, {}, true]}"#);
        assert_eq!(written(Layout::Compact, SLASHED), r#"{"b":"\u00e4\/A\"","a":[1.50,{},true]}"#);
        assert_eq!(written(Layout::AsSent, Strings::PLAIN), r#"{ "b":"ä/A\"","a" : [1.50,{}, true] }"#);
        assert_eq!(
            written(Layout::Indented(2), Strings::PLAIN),
            "{\n  \"b\": \"ä/A\\\"\",\n  \"a\": [\n    1.50,\n    {},\n    true\n  ]\n}"
        );
        let sorted = Text::read(SENT.as_bytes()).unwrap().sorted().write(
            Layout::Compact,
            Strings::PLAIN,
            Numbers::AsSent,
        );
        assert_eq!(sorted, r#"{"a":[1.50,{},true],"b":"ä/A\""}"#);
    }

    #[test]
    fn surrogates_and_signs_of_html_are_escaped() {
        let text = Text::read("\"😀<\"".as_bytes()).unwrap();
        assert_eq!(text.write(Layout::Compact, ASCII, Numbers::AsSent), "\"\\ud83d\\ude00<\"");
        assert_eq!(text.write(Layout::Compact, SIGNS, Numbers::AsSent), "\"😀\\u003C\"");
        let quote = Text::read(br#""\"\\\n\u001f""#).unwrap();
        assert_eq!(quote.write(Layout::Compact, SIGNS, Numbers::AsSent), r#""\u0022\\\n\u001f""#);
        assert!(Text::read(b"{").is_none());
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
            let text = Text::read(serde_json::to_string_pretty(&value).unwrap().as_bytes()).unwrap();
            for layout in [Layout::AsSent, Layout::Compact, Layout::Spaced, Layout::Indented(3)] {
                for strings in [Strings::PLAIN, ASCII, SLASHED, SIGNS] {
                    let written = text.write(layout, strings, Numbers::AsSent);
                    prop_assert_eq!(&serde_json::from_str::<Value>(&written).unwrap(), &value);
                }
            }
            prop_assert_eq!(text.write(Layout::Compact, Strings::PLAIN, Numbers::AsSent), value.to_string());
            prop_assert_eq!(
                text.write(Layout::Indented(2), Strings::PLAIN, Numbers::AsSent),
                serde_json::to_string_pretty(&value).unwrap()
            );
            // A map of the library is sorted.
            prop_assert_eq!(text.sorted().write(Layout::Compact, Strings::PLAIN, Numbers::AsSent), value.to_string());
        }

        #[test]
        fn no_bytes_are_too_strange_to_be_looked_at(bytes: Vec<u8>) {
            let _ = Text::read(&bytes);
        }
    }
}
