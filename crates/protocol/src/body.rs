//! The body rules (contract §1): exactly one JSON object, in strict UTF-8, with nothing before or after it.
//!
//! The signature depends on them. SHA-256 over `secret ‖ … ‖ body` can be extended by anyone who saw one signature
//! (length extension); the appended bytes always contain LF, byte 80h and zeros, and no body with those is accepted
//! here. Every signed answer has a top-level `code`, so a request with one is refused, and an answer cannot be replayed
//! as a request. Loosening a rule of this file breaks [`crate::signature::verify`].

mod value;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

pub use self::value::JsonValue;
use self::value::Text;

/// Most bytes of a request's body (contract §7).
pub const BODY_MAX_BYTES: usize = 64 * 1024;
/// Deepest nesting of objects and arrays, the outermost object being the first level (contract §1).
pub const DEPTH_MAX: usize = 16;

/// How a body breaks the rules; each message says what to send instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not UTF-8, or with a byte order mark.
    #[error("the body must be UTF-8 without a byte order mark")]
    NotUtf8,
    /// A byte below 20h that is not TAB, LF or CR.
    #[error("the body must not contain control bytes other than TAB, LF and CR")]
    ControlByte,
    /// Not one JSON object.
    #[error("the body must be exactly one JSON object, `{{}}` where there are no parameters ({0})")]
    NotOneObject(String),
    /// A syntax error, with the parser's position.
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    /// Half of a UTF-16 surrogate pair in a string or name, at the position of its escape in the body, in characters.
    #[error(
        "the string at line {line} column {column} has a lone surrogate ({escape}); send both halves of the pair, or the \
         character itself"
    )]
    LoneSurrogate {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// The escape as sent, such as `\ud800`.
        escape: String,
    },
    /// One name twice in an object.
    #[error("the member {0:?} is given twice in one object; give it once")]
    TwiceNamed(String),
    /// Nested too deeply.
    #[error("the body is nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// A top-level member named `code`.
    #[error("the top-level member \"code\" is reserved for answers; remove it from the request")]
    TopLevelCode,
    /// A member of another JSON type than the field has.
    #[error("{0}")]
    WrongType(String),
}

/// A JSON object that satisfies the rules at every depth.
#[derive(Debug, PartialEq)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, JsonValue<'a>)>,
}

impl<'a> Object<'a> {
    /// Reads the body of a signed request.
    pub fn parse_signed(body: &'a [u8]) -> Result<Self, Malformed> {
        let object = Self::parse(body)?;
        match object.members.iter().any(|(name, _)| name == "code") {
            true => Err(Malformed::TopLevelCode),
            false => Ok(object),
        }
    }

    /// Reads an unsigned body: the same rules, but `code` may be a member's name.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(body)
            .ok()
            .filter(|text| !text.starts_with('\u{feff}'))
            .ok_or(Malformed::NotUtf8)?;
        // Without an early end, so that it compiles to vector instructions.
        if text.bytes().fold(false, |found, byte| found | is_forbidden(byte)) {
            return Err(Malformed::ControlByte);
        }
        if let Some(JsonValue::Object(object)) = JsonValue::in_one_pass(text) {
            return Ok(object);
        }
        // The parser reports a lone surrogate behind it, and with the position in the part that it parsed.
        Self::by_level(text, 1).map_err(|error| match error {
            Malformed::NotJson(_) if is_json(text) => lone_surrogate(text).unwrap_or(error),
            _ => error,
        })
    }

    /// The members in the order sent; those that are null count as missing and are left out.
    pub fn members(&self) -> impl Iterator<Item = (&str, &JsonValue<'a>)> {
        let members = self.members.iter().map(|(name, value)| (&**name, value));
        members.filter(|(_, value)| **value != JsonValue::Null)
    }

    /// The names of all members in the order sent, those that are null too.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| &**name)
    }

    /// The member of that name, unless it is missing or null.
    pub fn member(&self, name: &str) -> Option<&JsonValue<'a>> {
        self.members().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// Whether a member of that name was sent as null.
    pub fn is_null(&self, name: &str) -> bool {
        self.members.iter().any(|(known, value)| known == name && *value == JsonValue::Null)
    }

    /// Reads an object at this depth: first its members without reading them, then their names, then each member.
    fn by_level(text: &'a str, depth: usize) -> Result<Self, Malformed> {
        let mut json = serde_json::Deserializer::from_str(text);
        let members = json.deserialize_map(MembersVisitor).map_err(|error| match error.classify() {
            Category::Data => Malformed::NotOneObject(format!("it is {}", type_of(text))),
            _ if text.trim().is_empty() => Malformed::NotOneObject(error.to_string()),
            _ => Malformed::NotJson(error.to_string()),
        })?;
        json.end().map_err(|error| Malformed::NotOneObject(error.to_string()))?;
        check_names(&members)?;
        let read = |(name, json)| Ok((name, JsonValue::by_level(json, depth + 1)?));
        Ok(Self { members: members.into_iter().map(read).collect::<Result<_, _>>()? })
    }
}

/// Refuses a name that occurs twice.
fn check_names<T>(members: &[(Cow<'_, str>, T)]) -> Result<(), Malformed> {
    let mut names: Vec<_> = members.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    match names.array_windows().find(|[name, next]| name == next) {
        Some([name, _]) => Err(Malformed::TwiceNamed((*name).to_owned())),
        None => Ok(()),
    }
}

const fn is_forbidden(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// Whether a text is JSON apart from lone surrogates, which only unescaping detects.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The first lone surrogate of a JSON text, in which a backslash is always part of an escape.
fn lone_surrogate(text: &str) -> Option<Malformed> {
    let unit = |at| u16::from_str_radix(text.get(at..at + 6)?.strip_prefix("\\u")?, 16).ok();
    let mut at = 0;
    loop {
        at += text.get(at..)?.find('\\')?;
        at += match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => break,
            _ => 2,
        };
    }
    let before = text.get(..at)?;
    Some(Malformed::LoneSurrogate {
        line: before.split('\n').count(),
        column: 1 + before.rsplit('\n').next()?.chars().count(),
        escape: text.get(at..at + 6)?.to_owned(),
    })
}

/// The type of a JSON value, by its first byte.
fn type_of(json: &str) -> &'static str {
    match json.trim_ascii_start().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(Text(name)) = map.next_key()? {
            members.push((name, map.next_value()?));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_another_type_is_refused_with_its_type() {
        for (body, its_type) in [
            ("[1]", "an array"),
            (" \n\"a\"", "a string"),
            ("true", "true or false"),
            ("null", "null"),
            ("-1.5", "a number"),
        ] {
            let refused = Object::parse(body.as_bytes()).unwrap_err().to_string();
            assert!(
                refused.ends_with(&format!("where there are no parameters (it is {its_type})")),
                "{refused}"
            );
        }
    }

    #[test]
    fn lone_surrogate_is_reported_where_its_escape_begins() {
        for (body, line, column, escape) in [
            (r#"{"a":"\ud800"}"#, 1, 7, r"\ud800"),
            (r#"{"a":"\uD83D \udc00"}"#, 1, 7, r"\uD83D"),
            (r#"{"a":"\ud83d\ude00\ude00"}"#, 1, 19, r"\ude00"),
            (r#"{"a":"\ud800\ud83d\ude00"}"#, 1, 7, r"\ud800"),
            (r#"{"a":"\ud800x"}"#, 1, 7, r"\ud800"),
            (r#"{"a":"\ud800\n"}"#, 1, 7, r"\ud800"),
            (r#"{"a":"\\ud800 \" \udfff"}"#, 1, 18, r"\udfff"),
            (r#"{"a":1,"b":"é \udc00 y"}"#, 1, 15, r"\udc00"),
            ("{\n  \"a\": {\"b\": [1, \"x\", \"y \\ud800\"]}\n}", 2, 26, r"\ud800"),
            ("{\"a\":\r\n{\"b\":1,\n\"\\udfff\":2}}", 3, 2, r"\udfff"),
            (r#"{"\ud800":1}"#, 1, 3, r"\ud800"),
        ] {
            let at = body.lines().nth(line - 1).unwrap().chars().skip(column - 1).collect::<String>();
            assert!(at.starts_with(escape), "the case itself: {at}");
            let refused = Object::parse(body.as_bytes()).unwrap_err();
            let escape = escape.to_owned();
            assert_eq!(refused, Malformed::LoneSurrogate { line, column, escape }, "{body}");
        }
        let refused = Object::parse(br#"{"a":"\ud800"}"#).unwrap_err().to_string();
        assert!(
            refused.starts_with(r"the string at line 1 column 7 has a lone surrogate (\ud800);"),
            "{refused}"
        );
        assert!(Object::parse(br#"{"a":"\ud83d\ude00 \\ud800"}"#).is_ok());
    }

    #[test]
    fn syntax_error_is_distinguished_from_another_type() {
        for (body, expected) in [
            ("", "the body must be exactly one JSON object"),
            (" ", "the body must be exactly one JSON object"),
            ("[1]", "the body must be exactly one JSON object"),
            ("{}{}", "the body must be exactly one JSON object"),
            (r#"{"a":"\x"}"#, "the body is not valid JSON: invalid escape at line 1 column 8"),
            (r#"{"a":"\u12x4"}"#, "the body is not valid JSON: "),
            (r#"{"a":"\ud800","#, "the body is not valid JSON: "),
            ("{\"a\":\"b", "the body is not valid JSON: EOF while parsing a string at line 1 column 7"),
            ("{a:1}", "the body is not valid JSON: key must be a string at line 1 column 2"),
        ] {
            let refused = Object::parse(body.as_bytes()).unwrap_err().to_string();
            assert!(refused.starts_with(expected), "{body}: {refused}");
        }
    }
}
