//! Excel since 2007: a ZIP with a list of content types and a workbook, no macros, nothing encrypted.

mod content_types;

use rebuttal_protocol::FileFormat;

use super::zip::{self, Budget, Entry};
use super::{Lie, ole, sniff};
use content_types::{ContentTypes, related_macros};

const FORMAT: FileFormat = FileFormat::Xlsx;
/// Most bytes of a list of content types or relationships, once inflated; one of 4,096 parts has about 600,000.
const LIST_MAX_BYTES: usize = 1024 * 1024;

const CONTENT_TYPES: &str = "[content_types].xml";
const RELATIONSHIPS: &str = "rels";
const VBA_PROJECT: &str = "vbaproject.bin";

pub(super) fn judge(content: &[u8]) -> Result<(), Lie> {
    if content.starts_with(sniff::OLE) {
        return Err(judge_ole(content));
    }
    if !content.starts_with(sniff::ZIP) {
        return Err(sniff::other_kind(FORMAT, content));
    }
    let entries = zip::entries(content)?;
    if entries.iter().any(|entry| file_name(&entry.name) == VBA_PROJECT) {
        return Err(Lie::Macros { format: FORMAT, found: "vbaProject.bin" });
    }
    let mut budget = Budget::of(content);
    let mut content_types = None;
    for entry in &entries {
        if entry.name == CONTENT_TYPES {
            content_types = Some(list(entry, &mut budget)?);
        } else if extension_of(&entry.name) == RELATIONSHIPS {
            let list = list(entry, &mut budget)?;
            let macros = related_macros(&list).map_err(|fault| Lie::damaged(FORMAT, fault))?;
            if let Some(found) = macros {
                return Err(Lie::Macros { format: FORMAT, found });
            }
        } else {
            entry.inflate(&mut budget, |_| {})?;
        }
    }
    let other = Lie::OtherKind { format: FORMAT, found: "a ZIP archive without a workbook" };
    let list = content_types.ok_or(other.clone())?;
    let types = ContentTypes::read(&list).map_err(|fault| Lie::damaged(FORMAT, fault))?;
    if let Some(found) =
        types.macros(|extension| entries.iter().any(|entry| extension_of(&entry.name) == extension))
    {
        return Err(Lie::Macros { format: FORMAT, found });
    }
    let has_part = |part: &str| entries.iter().any(|entry| entry.name == part.trim_start_matches('/'));
    if types.workbook_part().is_some_and(has_part) { Ok(()) } else { Err(other) }
}

/// The content of a part that lists others.
fn list(entry: &Entry<'_>, budget: &mut Budget) -> Result<Vec<u8>, Lie> {
    let mut list = Vec::new();
    entry.inflate(budget, |block| {
        let room = (LIST_MAX_BYTES + 1).saturating_sub(list.len());
        list.extend(block.iter().take(room));
    })?;
    if list.len() > LIST_MAX_BYTES {
        return Err(Lie::too_much(FORMAT, "a list of parts of more than 1 MB"));
    }
    Ok(list)
}

/// An OLE container under the name of a workbook: Office wraps encrypted documents in one.
fn judge_ole(content: &[u8]) -> Lie {
    match ole::Container::open(FORMAT, content) {
        Ok(container) if container.is_encrypted() => Lie::Encrypted { format: FORMAT },
        _ => sniff::other_kind(FORMAT, content),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The text behind the last dot of a part's name.
fn extension_of(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or_default()
}
