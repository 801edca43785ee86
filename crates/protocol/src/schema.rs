//! Helpers for the OpenAPI schemas of this crate's types. A schema has the limits of its parser, from the same
//! constants; if the parser's rule is code, the schema has an equivalent pattern.

use utoipa::openapi::{ObjectBuilder, SchemaFormat, Type};

/// Implements `ToSchema` for a type that is serialized as one string or number.
macro_rules! schema {
    ($type:ty, $schema:expr, $description:expr) => {
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $schema.description(Some($description)).into()
            }
        }

        impl utoipa::ToSchema for $type {}
    };
}
pub(crate) use schema;

/// A text.
pub(crate) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A text that matches a pattern.
pub(crate) fn pattern(pattern: impl Into<String>) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

/// `digits` lower-case hex digits.
pub(crate) fn hex(digits: usize) -> ObjectBuilder {
    pattern(format!("^[0-9a-f]{{{digits}}}$"))
}

/// A text of a registered format.
pub(crate) fn format(name: &str) -> ObjectBuilder {
    text().format(Some(SchemaFormat::Custom(name.to_owned())))
}

/// One of these words.
pub(crate) fn one_of<'w>(words: impl IntoIterator<Item = &'w str>) -> ObjectBuilder {
    text().enum_values(Some(words))
}

/// A whole number within bounds.
pub(crate) fn number(min: usize, max: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(min)).maximum(Some(max))
}

/// One line of 1 to `max` characters as [`crate::text`] parses it: no control characters, bidirectional ones included,
/// and at least one visible character.
pub(crate) fn line(max: usize) -> ObjectBuilder {
    const LINE: &str = concat!(
        r"^[^\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*",
        r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028-\u202f\u205f\u2066-\u2069\u3000]",
        r"[^\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$",
    );
    pattern(LINE).min_length(Some(1)).max_length(Some(max))
}
