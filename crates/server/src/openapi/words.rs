//! The vocabulary that the document is written in: schemas of texts, numbers, lists and objects, each in one line.
//!
//! Invariant: what may be left out of a request may also be sent as null ([`rebuttal_protocol::body::Object::member`]),
//! so [`may`] says both.

use serde_json::Value;
use utoipa::openapi::schema::{AdditionalProperties, SchemaType};
use utoipa::openapi::{
    ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema as Inline, SchemaFormat, Type,
};

/// A schema, or the name of one.
pub(super) type Schema = RefOr<Inline>;

/// A line of text: no control characters, bidirectional ones included, and at least one visible character.
const LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028-\u202f\u205f\u2066-\u2069\u3000][^\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$";

/// A line, or nothing.
pub(super) const WITHOUT_CONTROLS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// One line of 1 to `max` characters, as `protocol::text` reads it.
pub(super) fn line(max: usize) -> ObjectBuilder {
    text().min_length(Some(1)).max_length(Some(max)).pattern(Some(LINE))
}

/// Any text.
pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A text of a regular form.
pub(super) fn form(pattern: impl Into<String>) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

/// So many lower-case hex digits.
pub(super) fn hex_digits(digits: usize) -> ObjectBuilder {
    form(format!("^[0-9a-f]{{{digits}}}$"))
}

/// One of a few words.
pub(super) fn one_of<'w>(words: impl IntoIterator<Item = &'w str>) -> ObjectBuilder {
    text().enum_values(Some(words))
}

/// A text of a form that has a name.
pub(super) fn named_form(name: &str) -> ObjectBuilder {
    text().format(Some(SchemaFormat::Custom(name.to_owned())))
}

/// Bytes that are no text.
pub(super) fn binary() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
}

/// A whole number within bounds.
pub(super) fn number(min: usize, max: usize) -> ObjectBuilder {
    whole().minimum(Some(min)).maximum(Some(max))
}

/// A whole number of any size that is not negative.
pub(super) fn count() -> ObjectBuilder {
    whole().minimum(Some(0_usize))
}

fn whole() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer)
}

/// True or false.
pub(super) fn flag() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

/// Nothing but null.
pub(super) fn null() -> Schema {
    ObjectBuilder::new().schema_type(Type::Null).into()
}

/// Any number of items.
pub(super) fn list(of: impl Into<Schema>) -> ArrayBuilder {
    ArrayBuilder::new().items(of.into())
}

/// The schema of that name among the components.
pub(super) fn of(name: &str) -> Schema {
    Ref::from_schema_name(name).into()
}

/// The schema of that name, with what it is here.
pub(super) fn of_as(name: &str, here: &str) -> Schema {
    Ref::builder().ref_location_from_schema_name(name).description(Some(here)).into()
}

/// That, or null.
pub(super) fn or_null(schema: impl Into<Schema>) -> Schema {
    match schema.into() {
        RefOr::T(Inline::Object(mut plain)) => {
            if let SchemaType::Type(one) = plain.schema_type {
                plain.schema_type = SchemaType::Array(vec![one, Type::Null]);
            }
            if let Some(words) = &mut plain.enum_values {
                words.push(Value::Null);
            }
            RefOr::T(Inline::Object(plain))
        }
        other => OneOfBuilder::new().item(other).item(null()).into(),
    }
}

/// A member of an object.
pub(super) struct Member {
    name: &'static str,
    schema: Schema,
    is_required: bool,
}

/// A member that is always there.
pub(super) fn must(name: &'static str, schema: impl Into<Schema>) -> Member {
    Member { name, schema: schema.into(), is_required: true }
}

/// A member of a request that may be left out, or be null.
pub(super) fn may(name: &'static str, schema: impl Into<Schema>) -> Member {
    Member { name, schema: or_null(schema), is_required: false }
}

/// A member of an answer that is not always there, and never null.
pub(super) fn sometimes(name: &'static str, schema: impl Into<Schema>) -> Member {
    Member { name, schema: schema.into(), is_required: false }
}

/// An object with these members, and perhaps with more.
pub(super) fn object(members: impl IntoIterator<Item = Member>) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    members.into_iter().fold(object, |object, Member { name, schema, is_required }| {
        let object = object.property(name, schema);
        if is_required { object.required(name) } else { object }
    })
}

/// An object with these members and no other.
pub(super) fn exactly(members: impl IntoIterator<Item = Member>) -> ObjectBuilder {
    object(members).additional_properties(Some(AdditionalProperties::FreeForm(false)))
}
