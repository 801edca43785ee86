//! The body rules (contract §1): exactly one JSON object, in strict UTF-8, with nothing before or after it.
//!
//! The signature depends on them. SHA-256 over `secret ‖ … ‖ body` can be extended by anyone who saw one signature
//! (length extension); the appended bytes always contain LF, byte 80h and zeros, and no body with those is accepted
//! here. Every signed answer has a top-level `code`, so a request with one is refused, and an answer cannot be replayed
//! as a request. Loosening a rule of this file breaks [`crate::signature::verify`].

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

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

/// A JSON object that satisfies the rules at every depth, with unparsed members.
#[derive(Debug)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
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
        if text.bytes().any(|byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) {
            return Err(Malformed::ControlByte);
        }
        let object = Self::of_json(text)?;
        object.check(text, 1)?;
        Ok(object)
    }

    /// The members in the order sent; those that are null count as missing and are left out.
    pub fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.members.iter().filter(|(_, value)| value.get() != "null").map(|(name, value)| (&**name, *value))
    }

    /// The names of all members in the order sent, those that are null too.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| &**name)
    }

    /// The member of that name, unless it is missing or null.
    pub fn member(&self, name: &str) -> Option<&'a RawValue> {
        self.members().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// Whether a member of that name was sent as null.
    pub fn is_null(&self, name: &str) -> bool {
        self.members.iter().any(|(known, value)| known == name && value.get() == "null")
    }

    /// Splits one object into its members without parsing them: for text that has been checked before.
    pub(crate) fn of_json(text: &'a str) -> Result<Self, Malformed> {
        Self::of_part(text, text)
    }

    /// Parses the object in this part of a text.
    fn of_part(whole: &str, part: &'a str) -> Result<Self, Malformed> {
        let mut json = serde_json::Deserializer::from_str(part);
        let members = json.deserialize_map(MembersVisitor).and_then(|members| json.end().map(|()| members));
        members.map(|members| Self { members }).map_err(|error| not_one_object(whole, part, &error))
    }

    /// Checks the names, and every member at every depth.
    fn check(&self, whole: &str, depth: usize) -> Result<(), Malformed> {
        if let Some(name) = self.twice_named() {
            return Err(Malformed::TwiceNamed(name.to_owned()));
        }
        self.members.iter().try_for_each(|(_, value)| check(whole, value.get(), depth + 1))
    }

    fn twice_named(&self) -> Option<&str> {
        let mut names: Vec<_> = self.members.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names.array_windows().find(|[name, next]| name == next).map(|[name, _]| *name)
    }
}

/// Checks a value at every depth. Each level parses its text again, so the work is bounded by the body's length times
/// [`DEPTH_MAX`]; in return every name and string is unescaped by one established parser.
fn check(whole: &str, json: &str, depth: usize) -> Result<(), Malformed> {
    match json.as_bytes().first() {
        Some(b'{' | b'[') if depth > DEPTH_MAX => Err(Malformed::TooDeep),
        Some(b'{') => Object::of_part(whole, json)?.check(whole, depth),
        Some(b'[') => {
            elements(json)?.into_iter().try_for_each(|element| check(whole, element.get(), depth + 1))
        }
        // Unescaping detects a lone surrogate.
        Some(b'"') => serde_json::from_str::<Cow<'_, str>>(json)
            .map(drop)
            .map_err(|error| not_one_object(whole, json, &error)),
        _ => Ok(()),
    }
}

pub(crate) fn elements(json: &str) -> Result<Vec<&RawValue>, Malformed> {
    serde_json::from_str(json).map_err(|error| not_one_object(json, json, &error))
}

/// The parser's error, with line and column counted in the whole text instead of the parsed part.
fn not_one_object(whole: &str, part: &str, error: &serde_json::Error) -> Malformed {
    if error.is_data() {
        return Malformed::NotOneObject(format!("it is {}", type_of(part)));
    }
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let before = part.as_ptr().addr().checked_sub(whole.as_ptr().addr()).and_then(|at| whole.get(..at));
    let (Some(before), Some(what)) = (before, text.strip_suffix(&format!(" at line {line} column {column}")))
    else {
        return Malformed::NotOneObject(text);
    };
    let column = match line {
        1 => before.len() - before.rfind('\n').map_or(0, |at| at + 1) + column,
        _ => column,
    };
    let line = before.matches('\n').count() + line;
    Malformed::NotOneObject(format!("{what} at line {line} column {column}"))
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
        while let Some(Name(name)) = map.next_key()? {
            members.push((name, map.next_value()?));
        }
        Ok(members)
    }
}

/// A member's name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

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

    /// Line and column of a lone surrogate are those of the whole body.
    #[test]
    fn fault_in_a_part_has_its_position_in_the_body() {
        for body in [
            r#"{"a":"\ud800"}"#,
            r#"{"a":1,"b":"é \udc00 y"}"#,
            "{\n  \"a\": {\"b\": [1, \"x\", \"y \\ud800\"]}\n}",
            "{\"a\":\r\n{\"b\":1,\n\"\\udfff\":2}}",
            r#"{"\ud800":1}"#,
        ] {
            let Err(Malformed::NotOneObject(message)) = Object::parse(body.as_bytes()) else {
                panic!("{body} was taken");
            };
            let whole = serde_json::from_str::<serde_json::Value>(body).unwrap_err();
            assert_eq!(message, whole.to_string(), "{body}");
        }
    }
}
