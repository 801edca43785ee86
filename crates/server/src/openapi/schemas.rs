//! Short forms for schemas without a type: parameters, headers, and the bodies of the HTTP layer.

use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{
    ArrayBuilder, KnownFormat, ObjectBuilder, RefOr, Schema as Inline, SchemaFormat, Type,
};

/// A schema, or a reference to one among the components.
pub(super) type Schema = RefOr<Inline>;

/// Any text.
pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A text that matches a pattern.
pub(super) fn pattern(pattern: impl Into<String>) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

/// One of these words.
pub(super) fn one_of<'w>(words: impl IntoIterator<Item = &'w str>) -> ObjectBuilder {
    text().enum_values(Some(words))
}

/// Bytes of any kind.
pub(super) fn binary() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
}

/// A whole number from `min` on.
pub(super) fn integer(min: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(min))
}

/// True or false.
pub(super) fn boolean() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

/// Nothing but null.
pub(super) fn null() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Null)
}

/// A text, or null.
pub(super) fn nullable_text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null]))
}

/// Any number of items.
pub(super) fn list(items: Schema) -> ArrayBuilder {
    ArrayBuilder::new().items(items)
}

/// An object that always has these members.
pub(super) fn object(members: impl IntoIterator<Item = (&'static str, Schema)>) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    members.into_iter().fold(object, |object, (name, schema)| object.property(name, schema).required(name))
}
