//! An OpenAPI document for tests: finds the responses of an operation, and validates values against schemas. Supports
//! only the keywords that the project's document uses, and panics at any other, so that none is ignored.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use crate::http::Response;

/// Keywords that do not affect validity.
const REMARKS: [&str; 7] = ["description", "title", "example", "examples", "format", "xml", "propertyNames"];

/// A document.
#[derive(Clone, Debug)]
pub struct Document(pub Value);

impl Document {
    /// The target of a `$ref`, or the value itself.
    #[must_use]
    pub fn resolve<'d>(&'d self, value: &'d Value) -> &'d Value {
        let Some(reference) = value["$ref"].as_str() else { return value };
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads out"));
        let found = self.0.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
        self.resolve(found)
    }

    /// Every operation: its path, its method in upper case, and itself.
    pub fn operations(&self) -> impl Iterator<Item = (&str, String, &Value)> {
        let paths = self.0["paths"].as_object().expect("paths").iter();
        paths.flat_map(|(path, item)| {
            let operations = item.as_object().expect("a path item").iter();
            operations.map(|(method, operation)| (path.as_str(), method.to_uppercase(), operation))
        })
    }

    /// The operation at a path template.
    #[must_use]
    #[track_caller]
    pub fn operation(&self, method: &str, path: &str) -> &Value {
        let operation = &self.0["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "the document has no {method} {path}");
        operation
    }

    /// The schema of a body of that media type, of a request or of a response.
    #[must_use]
    pub fn schema<'d>(&'d self, of: &'d Value, media_type: &str) -> Option<&'d Value> {
        let content = self.resolve(of)["content"].as_object()?;
        content.get(media_type).map(|content| &content["schema"])
    }

    /// Panics unless an answer is one that the operation has, and has only members that the document describes.
    #[track_caller]
    pub fn holds(&self, method: &str, path: &str, response: &Response) {
        let operation = self.operation(method, path);
        let documented = &operation["responses"][response.status.to_string()];
        assert!(
            documented.is_object(),
            "{method} {path} does not document {}: {}",
            response.status,
            response.text()
        );
        let media_type = response.header("content-type").unwrap_or_default();
        if response.body.is_empty() && self.resolve(documented)["content"].is_null() {
            return;
        }
        let schema = self.schema(documented, media_type);
        let schema = schema.unwrap_or_else(|| panic!("{method} {path}: no {media_type} in {documented}"));
        if media_type.contains("json") {
            let mut faults = Vec::new();
            self.check(schema, &response.json(), Members::AllDocumented, "", &mut faults);
            assert!(faults.is_empty(), "{method} {path}: {faults:#?} in {}", response.text());
        }
    }

    /// The faults of a value, by a schema.
    #[must_use]
    pub fn faults(&self, schema: &Value, value: &Value, members: Members) -> Vec<String> {
        let mut faults = Vec::new();
        self.check(schema, value, members, "", &mut faults);
        faults
    }

    fn check(&self, schema: &Value, value: &Value, members: Members, at: &str, faults: &mut Vec<String>) {
        if let (Members::AllDocumented, Some(object)) = (members, value.as_object()) {
            let (documented, open) = self.documented_properties(schema);
            let undocumented = object.keys().filter(|name| !open && !documented.contains(name.as_str()));
            faults.extend(undocumented.map(|name| format!("{at}/{name} is not documented")));
        }
        self.check_keywords(schema, value, members, at, faults);
    }

    /// The members that a schema names, in all its parts, and whether it has a schema for others.
    fn documented_properties<'d>(&'d self, schema: &'d Value) -> (BTreeSet<&'d str>, bool) {
        let schema = self.resolve(schema);
        let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let mut documented: BTreeSet<_> = own.collect();
        let mut open = schema["additionalProperties"].is_object();
        for part in ["allOf", "oneOf"].iter().filter_map(|word| schema[word].as_array()).flatten() {
            let (more, is_open) = self.documented_properties(part);
            documented.extend(more);
            open |= is_open;
        }
        (documented, open)
    }

    fn check_keywords(
        &self,
        schema: &Value,
        value: &Value,
        members: Members,
        at: &str,
        faults: &mut Vec<String>,
    ) {
        let schema = self.resolve(schema);
        for (keyword, says) in schema.as_object().unwrap_or_else(|| panic!("{schema} is no schema")) {
            let parts = || says.as_array().into_iter().flatten();
            match keyword.as_str() {
                word if REMARKS.contains(&word) => {}
                "allOf" => parts().for_each(|part| self.check_keywords(part, value, members, at, faults)),
                "oneOf" => {
                    let fits = |part: &&Value| {
                        let mut of_part = Vec::new();
                        self.check_keywords(part, value, members, at, &mut of_part);
                        of_part.is_empty()
                    };
                    let count = parts().filter(fits).count();
                    if count != 1 {
                        faults.push(format!("{at} {value} fits {count} of {says}"));
                    }
                }
                "properties" => {
                    for (name, schema) in says.as_object().into_iter().flatten() {
                        if let Some(value) = value.get(name) {
                            self.check(schema, value, members, &format!("{at}/{name}"), faults);
                        }
                    }
                }
                "items" => {
                    for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(says, value, members, &format!("{at}/{index}"), faults);
                    }
                }
                "additionalProperties" => self.check_additional(schema, value, members, at, faults),
                keyword if !fits(keyword, says, value) => {
                    faults.push(format!("{at} {value} is not of {keyword} {says}"));
                }
                _ => {}
            }
        }
    }

    fn check_additional(
        &self,
        schema: &Value,
        value: &Value,
        members: Members,
        at: &str,
        faults: &mut Vec<String>,
    ) {
        let others = value.as_object().into_iter().flatten();
        for (name, value) in others.filter(|(name, _)| schema["properties"].get(name).is_none()) {
            match &schema["additionalProperties"] {
                Value::Bool(false) => faults.push(format!("{at}/{name} may not be")),
                schema => self.check(schema, value, members, &format!("{at}/{name}"), faults),
            }
        }
    }
}

/// Whether members that a schema does not describe are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    AllDocumented,
    OthersToo,
}

/// Validates a keyword; one for another type of value is ignored.
fn fits(keyword: &str, says: &Value, value: &Value) -> bool {
    let limit = || says.as_u64().unwrap_or_else(|| panic!("{keyword} {says}"));
    let length = || value.as_str().map(|text| text.chars().count() as u64);
    let items = || value.as_array().map(|items| items.len() as u64);
    match keyword {
        "type" => match says.as_array() {
            Some(types) => types.iter().any(|says| is_of(says, value)),
            None => is_of(says, value),
        },
        "enum" => says.as_array().expect("a list of words").contains(value),
        "required" => value.as_object().is_none_or(|object| {
            says.as_array()
                .expect("names")
                .iter()
                .all(|name| object.contains_key(name.as_str().unwrap_or_default()))
        }),
        "pattern" => value.as_str().is_none_or(|text| {
            let pattern = says.as_str().unwrap_or_default();
            Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).is_match(text)
        }),
        "minLength" => length().is_none_or(|length| length >= limit()),
        "maxLength" => length().is_none_or(|length| length <= limit()),
        "minItems" => items().is_none_or(|items| items >= limit()),
        "maxItems" => items().is_none_or(|items| items <= limit()),
        "minimum" => value.as_u64().is_none_or(|number| number >= limit()),
        "maximum" => value.as_u64().is_none_or(|number| number <= limit()),
        _ => panic!("the testbed does not support the keyword {keyword}"),
    }
}

fn is_of(says: &Value, value: &Value) -> bool {
    match says.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the testbed does not support the type {other}"),
    }
}
