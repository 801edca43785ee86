//! Schemas in words: of what kind a value is, and within which limits.

use serde_json::Value;
use utoipa::openapi::schema::{AdditionalProperties, Array, ArrayItems, Object, SchemaType};
use utoipa::openapi::{RefOr, Schema, SchemaFormat, Type};

use super::markdown::{escape, html};

type Either = RefOr<Schema>;

/// A schema as a section of its own tells it.
pub(super) fn told(schema: &Schema) -> String {
    let described = match schema {
        Schema::Object(object) => object.description.as_deref(),
        Schema::Array(array) => array.description.as_deref(),
        Schema::AllOf(all) => all.description.as_deref(),
        _ => None,
    };
    format!("<p>{}</p>\n{}{}", kind(schema), html(described.unwrap_or_default()), members(schema))
}

/// The members of an object, and of an object that it is made of.
pub(super) fn members(schema: &Schema) -> String {
    let rows: String = match schema {
        Schema::Object(object) => {
            object.properties.iter().map(|(name, schema)| row(object, name, schema)).collect()
        }
        Schema::AllOf(all) => all.items.iter().filter_map(inline).map(members).collect(),
        _ => String::new(),
    };
    match schema {
        Schema::Object(_) if !rows.is_empty() => format!("<table>\n{rows}</table>\n"),
        _ => rows,
    }
}

fn row(object: &Object, name: &str, schema: &Either) -> String {
    let optional =
        if object.required.iter().any(|required| required == name) { "" } else { "; may be left out" };
    let described = match schema {
        RefOr::Ref(reference) => Some(reference.description.as_str()),
        RefOr::T(Schema::Object(object)) => object.description.as_deref(),
        RefOr::T(Schema::Array(array)) => array.description.as_deref(),
        RefOr::T(Schema::OneOf(one)) => one.items.iter().find_map(|item| match item {
            RefOr::Ref(reference) => Some(reference.description.as_str()),
            RefOr::T(_) => None,
        }),
        RefOr::T(_) => None,
    };
    let nested = match schema {
        RefOr::T(Schema::Array(Array { items: ArrayItems::RefOrSchema(items), .. })) => {
            inline(items).map(members)
        }
        RefOr::T(nested @ Schema::Object(_)) => Some(members(nested)),
        _ => None,
    };
    format!(
        "<tr><td><code>{}</code></td><td>{}{optional}{}{}</td></tr>\n",
        escape(name),
        type_of(schema),
        html(described.unwrap_or_default()),
        nested.unwrap_or_default()
    )
}

/// The kind of a value, or a link to where it is told.
pub(super) fn type_of(schema: &Either) -> String {
    match schema {
        RefOr::T(schema) => kind(schema),
        RefOr::Ref(reference) => {
            let name = escape(reference.ref_location.rsplit('/').next().unwrap_or_default());
            format!("<a href=\"#schema-{name}\">{name}</a>")
        }
    }
}

fn inline(of: &Either) -> Option<&Schema> {
    match of {
        RefOr::T(schema) => Some(schema),
        RefOr::Ref(_) => None,
    }
}

fn kind(schema: &Schema) -> String {
    let joined = |items: &[Either], word: &str| items.iter().map(type_of).collect::<Vec<_>>().join(word);
    match schema {
        Schema::Array(array) => list(array),
        Schema::Object(object) => plain(object),
        Schema::OneOf(one) => joined(&one.items, " or "),
        Schema::AllOf(all) => joined(&all.items, " and "),
        Schema::AnyOf(any) => joined(&any.items, " or "),
        _ => String::new(),
    }
}

fn list(array: &Array) -> String {
    let of = match &array.items {
        ArrayItems::RefOrSchema(items) => type_of(items),
        ArrayItems::False => String::new(),
    };
    let bounds =
        bounds(array.min_items.map(|min| min.to_string()), array.max_items.map(|max| max.to_string()));
    format!("list of {of}{}", bounds.map(|bounds| format!(", {bounds} items")).unwrap_or_default())
}

fn plain(object: &Object) -> String {
    if let Some(words) = &object.enum_values {
        let words: Vec<_> = words.iter().map(word).collect();
        return format!("one of {}", words.join(" "));
    }
    let mut told = types(&object.schema_type);
    let lengths =
        bounds(object.min_length.map(|min| min.to_string()), object.max_length.map(|max| max.to_string()));
    told.extend(lengths.map(|lengths| format!(" of {lengths} characters")));
    let number = |number: &Option<utoipa::Number>| number.as_ref().map(digits);
    told.extend(bounds(number(&object.minimum), number(&object.maximum)).map(|bounds| format!(" {bounds}")));
    if let Some(format) = &object.format {
        let name = match format {
            SchemaFormat::Custom(name) => name.clone(),
            known => serde_json::to_value(known)
                .ok()
                .and_then(|name| Some(name.as_str()?.to_owned()))
                .unwrap_or_default(),
        };
        told += &format!(", {}", escape(&name));
    }
    told.extend(
        object.pattern.as_ref().map(|pattern| format!(", of the form <code>{}</code>", escape(pattern))),
    );
    if let Some(AdditionalProperties::FreeForm(false)) = object.additional_properties.as_deref() {
        told += ", without other members";
    }
    told
}

fn word(word: &Value) -> String {
    let text = word.as_str().map_or_else(|| word.to_string(), str::to_owned);
    format!("<code>{}</code>", escape(&text))
}

fn types(kinds: &SchemaType) -> String {
    let name = |kind: &Type| match kind {
        Type::String => "text",
        Type::Integer | Type::Number => "number",
        Type::Boolean => "true or false",
        Type::Null => "null",
        Type::Object => "object",
        Type::Array => "list",
    };
    match kinds {
        SchemaType::Type(one) => name(one).to_owned(),
        SchemaType::Array(several) => several.iter().map(name).collect::<Vec<_>>().join(" or "),
        SchemaType::AnyValue => "anything".to_owned(),
    }
}

fn digits(number: &utoipa::Number) -> String {
    match number {
        utoipa::Number::Int(number) => number.to_string(),
        utoipa::Number::UInt(number) => number.to_string(),
        utoipa::Number::Float(number) => number.to_string(),
    }
}

fn bounds(min: Option<String>, max: Option<String>) -> Option<String> {
    match (min, max) {
        (Some(min), Some(max)) if min == max => Some(min),
        (Some(min), Some(max)) => Some(format!("{min} to {max}")),
        (None, Some(max)) => Some(format!("at most {max}")),
        (Some(min), None) => Some(format!("at least {min}")),
        (None, None) => None,
    }
}
