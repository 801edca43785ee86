//! What runs, leads elsewhere or is embedded in a PDF. Every object of the newest revision is looked at.

use rebuttal_protocol::{InvalidFile, Note};
use std::collections::BTreeSet;

use hayro_syntax::Pdf;
use hayro_syntax::object::{Dict, MaybeRef, Name, Object, String};

use super::FORMAT;
use crate::office;

/// Deepest nesting of dictionaries and arrays within an object.
const OBJECT_DEPTH_MAX: usize = 32;

/// What is noted about the objects, unless one is refused.
pub(super) fn notes(pdf: &Pdf) -> Result<BTreeSet<Note>, InvalidFile> {
    let mut notes = BTreeSet::new();
    for object in pdf.objects() {
        let mut waiting = vec![(object, 1)];
        while let Some((object, depth)) = waiting.pop() {
            if depth > OBJECT_DEPTH_MAX {
                return Err(InvalidFile::too_much(FORMAT, "more than 32 levels in an object"));
            }
            let parts: Vec<_> = match &object {
                Object::Dict(dictionary) => of_dictionary(dictionary, &mut notes)?,
                Object::Stream(stream) => of_dictionary(stream.dict(), &mut notes)?,
                Object::Array(array) => array.raw_iter().filter_map(nested).collect(),
                _ => Vec::new(),
            };
            waiting.extend(parts.into_iter().map(|part| (part, depth + 1)));
        }
    }
    Ok(notes)
}

fn nested(value: MaybeRef<Object<'_>>) -> Option<Object<'_>> {
    match value {
        MaybeRef::NotRef(object @ (Object::Dict(_) | Object::Array(_))) => Some(object),
        _ => None,
    }
}

/// Notes what a dictionary is, and returns what is nested in it.
fn of_dictionary<'a>(
    dictionary: &Dict<'a>,
    notes: &mut BTreeSet<Note>,
) -> Result<Vec<Object<'a>>, InvalidFile> {
    match dictionary.get::<Name<'_>>("S").as_deref() {
        Some(b"Launch") => {
            return Err(InvalidFile::active_content(FORMAT, "an action that starts a program"));
        }
        Some(b"JavaScript") => drop(notes.insert(Note::JavaScript)),
        Some(b"URI" | b"GoToR" | b"SubmitForm" | b"ImportData") => drop(notes.insert(Note::ExternalLinks)),
        Some(b"GoToE") => drop(notes.insert(Note::EmbeddedFiles)),
        _ => {}
    }
    if dictionary.contains_key("JS") {
        notes.insert(Note::JavaScript);
    }
    if dictionary.contains_key("XFA") {
        notes.insert(Note::Xfa);
    }
    if dictionary.contains_key("EF") {
        notes.insert(Note::EmbeddedFiles);
        let names = ["F", "UF", "DOS", "Unix"].map(|key| dictionary.get::<String<'_>>(key));
        if names.iter().flatten().any(|name| office::is_program_name(name.as_bytes())) {
            return Err(InvalidFile::active_content(FORMAT, "an attached program"));
        }
    }
    Ok(dictionary.entries().filter_map(|(_, value)| nested(value)).collect())
}
