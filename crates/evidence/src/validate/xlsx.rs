//! Excel since 2007: a ZIP with a list of content types and a workbook, no macros, nothing encrypted.

mod content_types;

use std::collections::HashSet;

use rebuttal_protocol::FileFormat;

use super::zip::{self, Inflater, ZipEntry};
use super::{InvalidFile, ole, sniff};
use content_types::{ContentTypes, related_macros};

const FORMAT: FileFormat = FileFormat::Xlsx;
/// Most bytes of a list of content types or relationships, once inflated; one of 4,096 parts has about 600,000.
const LIST_MAX_BYTES: usize = 1024 * 1024;
/// Most content types that are declared: one for each of 4,096 parts, and as many for extensions.
const CONTENT_TYPES_MAX: usize = 8_192;
/// Most bytes of all those lists together; 4,096 parts of the usual names have about 2,000,000.
const LISTS_MAX_BYTES: usize = 4 * 1024 * 1024;

const CONTENT_TYPES: &str = "[content_types].xml";
const RELATIONSHIPS: &str = "rels";
const VBA_PROJECT: &str = "vbaproject.bin";

pub(super) fn validate(content: &[u8]) -> Result<(), InvalidFile> {
    if content.starts_with(sniff::OLE) {
        return Err(validate_ole(content));
    }
    if !content.starts_with(sniff::ZIP) {
        return Err(sniff::other_kind(FORMAT, content));
    }
    let entries = zip::entries(content)?;
    if entries.iter().any(|entry| file_name(&entry.name) == VBA_PROJECT) {
        return Err(InvalidFile::Macros { format: FORMAT, found: "vbaProject.bin" });
    }
    let mut inflater = Inflater::of(content);
    let mut lists_room = LISTS_MAX_BYTES;
    let mut content_types = None;
    for entry in &entries {
        if entry.name == CONTENT_TYPES {
            content_types = Some(list(entry, &mut inflater, &mut lists_room)?);
        } else if extension_of(&entry.name) == RELATIONSHIPS {
            let list = list(entry, &mut inflater, &mut lists_room)?;
            let macros = related_macros(&list).map_err(|fault| InvalidFile::damaged(FORMAT, fault))?;
            if let Some(found) = macros {
                return Err(InvalidFile::Macros { format: FORMAT, found });
            }
        } else {
            inflater.inflate(entry, |_| {})?;
        }
    }
    let other = InvalidFile::OtherKind { format: FORMAT, found: "a ZIP archive without a workbook" };
    let list = content_types.ok_or(other.clone())?;
    let types = ContentTypes::read(&list).map_err(|fault| InvalidFile::damaged(FORMAT, fault))?;
    if types.declared() > CONTENT_TYPES_MAX {
        return Err(InvalidFile::too_much(FORMAT, "more than 8,192 content types"));
    }
    let extensions: HashSet<_> = entries.iter().map(|entry| extension_of(&entry.name)).collect();
    if let Some(found) = types.macros(|extension| extensions.contains(extension)) {
        return Err(InvalidFile::Macros { format: FORMAT, found });
    }
    let has_part = |part: &str| entries.iter().any(|entry| entry.name == part.trim_start_matches('/'));
    if types.workbook_part().is_some_and(has_part) { Ok(()) } else { Err(other) }
}

/// The content of a part that lists others, counted against the limit of all of them.
fn list(entry: &ZipEntry<'_>, inflater: &mut Inflater, room: &mut usize) -> Result<Vec<u8>, InvalidFile> {
    let mut list = Vec::new();
    inflater.inflate(entry, |block| {
        let rest = (LIST_MAX_BYTES + 1).saturating_sub(list.len());
        list.extend_from_slice(block.get(..rest).unwrap_or(block));
    })?;
    if list.len() > LIST_MAX_BYTES {
        return Err(InvalidFile::too_much(FORMAT, "a list of parts of more than 1 MB"));
    }
    *room = room
        .checked_sub(list.len())
        .ok_or(InvalidFile::too_much(FORMAT, "lists of parts of more than 4 MB together"))?;
    Ok(list)
}

/// An OLE container under the name of a workbook: Office wraps encrypted documents in one.
fn validate_ole(content: &[u8]) -> InvalidFile {
    match ole::Container::open(FORMAT, content) {
        Ok(container) if container.is_encrypted() => InvalidFile::Encrypted { format: FORMAT },
        _ => sniff::other_kind(FORMAT, content),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The text after the last dot of a part's name.
fn extension_of(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or_default()
}
