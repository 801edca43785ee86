//! JSON values that satisfy the body rules, and the two ways in which they are read.
//!
//! Most bodies are read in one pass. It gives up on numbers, which the parser would round, and on every fault, because
//! it would not report the one that comes first in the order of the rules. Such a body is read again level by level.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{DEPTH_MAX, Malformed, Object, check_names};

/// A JSON value that satisfies the body rules at every depth.
#[derive(Debug, PartialEq)]
pub enum JsonValue<'a> {
    /// As a member, it counts as missing.
    Null,
    /// True or false.
    Bool(bool),
    /// As sent, so that it is not rounded.
    Number(&'a str),
    /// Unescaped, and borrowed where it has no escapes.
    Text(Cow<'a, str>),
    /// The elements of an array.
    List(Vec<Self>),
    /// The members of an object.
    Object(Object<'a>),
}

impl<'a> JsonValue<'a> {
    /// Reads a whole text in one pass; `None` if it contains a number or breaks a rule.
    pub(super) fn in_one_pass(text: &'a str) -> Option<Self> {
        let mut json = serde_json::Deserializer::from_str(text);
        let value = Depth(1).deserialize(&mut json).ok()?;
        json.end().ok().map(|()| value)
    }

    /// Reads a value at this depth by skipping over the levels below it and reading each of them again, so the work is
    /// bounded by the body's length times [`DEPTH_MAX`].
    pub(super) fn by_level(json: &'a RawValue, depth: usize) -> Result<Self, Malformed> {
        let json = json.get();
        Ok(match json.as_bytes().first() {
            Some(b'{' | b'[') if depth > DEPTH_MAX => return Err(Malformed::TooDeep),
            Some(b'{') => Self::Object(Object::by_level(json, depth)?),
            Some(b'[') => {
                let elements: Vec<&RawValue> = serde_json::from_str(json).map_err(not_json)?;
                let elements = elements.into_iter().map(|element| Self::by_level(element, depth + 1));
                Self::List(elements.collect::<Result<_, _>>()?)
            }
            // Unescaping detects a lone surrogate.
            Some(b'"') => Self::Text(serde_json::from_str::<Text<'_>>(json).map_err(not_json)?.0),
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Bool(json == "true"),
            _ => Self::Number(json),
        })
    }
}

fn not_json(error: serde_json::Error) -> Malformed {
    Malformed::NotJson(error.to_string())
}

/// A JSON string, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Reads a value at this depth in one pass.
#[derive(Clone, Copy)]
struct Depth(usize);

impl Depth {
    /// The depth of what an array or an object at this depth contains.
    fn below<E: Error>(self) -> Result<Self, E> {
        if self.0 > DEPTH_MAX {
            return Err(E::custom(Malformed::TooDeep));
        }
        Ok(Self(self.0 + 1))
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = JsonValue<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<JsonValue<'de>, D::Error> {
        json.deserialize_any(self)
    }
}

/// Without a method for numbers, which are an error then.
impl<'de> Visitor<'de> for Depth {
    type Value = JsonValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value but a number")
    }

    fn visit_unit<E>(self) -> Result<JsonValue<'de>, E> {
        Ok(JsonValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<JsonValue<'de>, E> {
        Ok(JsonValue::Bool(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<JsonValue<'de>, E> {
        Ok(JsonValue::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<JsonValue<'de>, E> {
        Ok(JsonValue::Text(text.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<JsonValue<'de>, A::Error> {
        let (depth, mut elements) = (self.below()?, Vec::new());
        while let Some(element) = array.next_element_seed(depth)? {
            elements.push(element);
        }
        Ok(JsonValue::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonValue<'de>, A::Error> {
        let (depth, mut members) = (self.below()?, Vec::new());
        while let Some(Text(name)) = map.next_key()? {
            members.push((name, map.next_value_seed(depth)?));
        }
        check_names(&members).map_err(A::Error::custom)?;
        Ok(JsonValue::Object(Object { members }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_is_enough_without_numbers_and_faults() {
        let lists = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for (text, is_enough) in [
            (r#" {"a":"b","c":["\u00e9",null,true,{}]} "#, true),
            (r#"{"a":1}"#, false),
            (r#"{"a":"b","a":"b"}"#, false),
            (r#"{"a":"\ud800"}"#, false),
            ("{} {}", false),
            (&lists(DEPTH_MAX), true),
            (&lists(DEPTH_MAX + 1), false),
        ] {
            assert_eq!(JsonValue::in_one_pass(text).is_some(), is_enough, "{text}");
        }
    }
}
