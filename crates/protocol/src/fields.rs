//! Parses typed fields of a strict JSON object and reports every faulty one, with its limit (contract §7).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::body::{JsonValue, Malformed, Object};
use crate::text::escaped;
use crate::{Code, Invalid};

/// Why a body was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// The body rules are broken, or a member has the wrong JSON type.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Fields are missing, empty, too long or of unknown value; the message names each.
    #[error("{0}")]
    Invalid(String),
}

impl BadRequest {
    /// The code of the answer.
    pub const fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::RequestMalformed,
            Self::Invalid(_) => Code::InvalidParameter,
        }
    }
}

/// The body of a merchant's request.
pub trait RequestBody: Sized {
    /// The envelope's `data` on success.
    type Data: Serialize + for<'de> Deserialize<'de>;

    /// Parses the request from a strictly parsed body.
    ///
    /// # Errors
    ///
    /// Every fault of every field.
    fn parse(body: &Object<'_>) -> Result<Self, BadRequest>;
}

/// Most faults that one message lists; more than a valid number of evidence items can have.
const FAULTS_LISTED_MAX: usize = 64;

/// Reads the fields of one object; the message lists all faults.
#[derive(Debug)]
pub struct Fields<'o, 'p> {
    object: &'o Object<'o>,
    path: JsonPath<'p>,
    faults: FieldFaults,
}

/// The path of an object in the body, as a prefix of a field's name in messages, such as `evidenceList[2].`.
#[derive(Debug, Clone, Copy)]
enum JsonPath<'p> {
    Top,
    Item { of: &'p JsonPath<'p>, list: &'p str, index: usize },
}

impl fmt::Display for JsonPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Item { of, list, index } => write!(f, "{of}{list}[{index}]."),
        }
    }
}

#[derive(Debug, Default)]
struct FieldFaults {
    wrong_types: Vec<String>,
    invalid: Vec<String>,
}

impl<'o> Fields<'o, '_> {
    /// Starts reading an object.
    pub fn of(object: &'o Object<'_>) -> Self {
        Self { object, path: JsonPath::Top, faults: FieldFaults::default() }
    }

    /// A required text field.
    pub fn required<T: FromStr<Err = Invalid>>(&mut self, name: &str) -> Option<T> {
        self.required_with(name, str::parse)
    }

    /// A required text field, parsed by a function.
    pub fn required_with<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&'o str) -> Result<T, Invalid>,
    ) -> Option<T> {
        if self.object.member(name).is_none() {
            self.fault(name, "is missing");
        }
        self.optional_with(name, read)
    }

    /// An optional text field.
    pub fn optional<T: FromStr<Err = Invalid>>(&mut self, name: &str) -> Option<T> {
        self.optional_with(name, str::parse)
    }

    /// An optional text field, parsed by a function.
    pub fn optional_with<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&'o str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let JsonValue::Text(text) = self.object.member(name)? else {
            self.wrong_type(name, "a string");
            return None;
        };
        read(text).map_err(|error| self.fault(name, &error.0)).ok()
    }

    /// An optional boolean field.
    pub fn optional_bool(&mut self, name: &str) -> Option<bool> {
        let JsonValue::Bool(value) = self.object.member(name)? else {
            self.wrong_type(name, "true or false");
            return None;
        };
        Some(*value)
    }

    /// A required integer field within bounds. JSON has one kind of number: `7.0` is an integer.
    pub fn required_number(&mut self, name: &str, min: u64, max: u64) -> Option<u64> {
        let Some(value) = self.object.member(name) else {
            self.fault(name, "is missing");
            return None;
        };
        let JsonValue::Number(number) = value else {
            self.wrong_type(name, "a number");
            return None;
        };
        let whole = match number.split_once('.') {
            Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole,
            _ => number,
        };
        let number = whole.parse().ok().filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.fault(name, &format!("must be a whole number from {min} to {max}"));
        }
        number
    }

    /// A list of `min` to `max` objects, each parsed by a function.
    pub fn required_list<T>(
        &mut self,
        name: &str,
        (min, max): (usize, usize),
        mut read: impl FnMut(&mut Fields<'o, '_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(value) = self.object.member(name) else {
            self.fault(name, "is missing");
            return None;
        };
        let JsonValue::List(items) = value else {
            self.wrong_type(name, "an array");
            return None;
        };
        // Types come first: a list that is also too long is malformed before it is invalid.
        let in_bounds = (min..=max).contains(&items.len());
        if !in_bounds {
            self.fault(name, &format!("must have {min} to {max} items"));
        }
        let before = self.faults.invalid.len();
        // Collected first, so that the faults of every item are listed.
        let list: Vec<Option<T>> =
            items.iter().enumerate().map(|(index, item)| self.item(name, index, item, &mut read)).collect();
        if in_bounds {
            return list.into_iter().collect();
        }
        // It is unknown which items will be removed, so only the number is reported.
        self.faults.invalid.truncate(before);
        None
    }

    fn item<T>(
        &mut self,
        name: &str,
        index: usize,
        item: &'o JsonValue<'_>,
        read: &mut impl FnMut(&mut Fields<'o, '_>) -> Option<T>,
    ) -> Option<T> {
        let JsonValue::Object(object) = item else {
            self.wrong_type(&format!("{name}[{index}]"), "an object");
            return None;
        };
        let faults = std::mem::take(&mut self.faults);
        let path = JsonPath::Item { of: &self.path, list: name, index };
        let mut fields = Fields { object, path, faults };
        let value = read(&mut fields);
        self.faults = fields.faults;
        value
    }

    /// Refuses members that are not among `known`, null ones included, so that a misspelt option is reported.
    pub fn refuse_unknown(&mut self, known: &[&str]) {
        let unknown: Vec<_> = self.object.names().filter(|name| !known.contains(name)).collect();
        for name in unknown {
            self.fault(&escaped(name), &format!("is unknown; known members are {}", known.join(", ")));
        }
    }

    /// Adds a fault that a field's type cannot detect.
    pub fn fault(&mut self, name: &str, sentence: &str) {
        self.faults.invalid.push(format!("{}{name} {sentence}", self.path));
    }

    /// Ends parsing: the value if no field is faulty, otherwise all faults.
    pub fn finish<T>(self, value: impl FnOnce() -> Option<T>) -> Result<T, BadRequest> {
        if !self.faults.wrong_types.is_empty() {
            return Err(Malformed::WrongType(listed(&self.faults.wrong_types)).into());
        }
        match value() {
            Some(value) if self.faults.invalid.is_empty() => Ok(value),
            _ => Err(BadRequest::Invalid(listed(&self.faults.invalid))),
        }
    }

    fn wrong_type(&mut self, name: &str, wanted: &str) {
        self.faults.wrong_types.push(format!("{}{name} must be {wanted}", self.path));
    }
}

/// The faults as one message of bounded length.
fn listed(faults: &[String]) -> String {
    match faults.split_at_checked(FAULTS_LISTED_MAX) {
        Some((listed, more)) if !more.is_empty() => format!("{}; and {} more", listed.join("; "), more.len()),
        _ => faults.join("; "),
    }
}
