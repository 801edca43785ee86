//! Excel since 2007: a ZIP of XML parts, with a workbook among them.

mod archive;
mod relationships;
mod xml;

use std::collections::{BTreeSet, HashSet};

use memchr::memmem;
use rebuttal_protocol::{Extent, FileFormat, FileInspection, InvalidFile, Note};

use crate::office::Container;
use crate::sniff;
use archive::Archive;
use relationships::{ContentTypes, Relationships};
use xml::Findings;

const FORMAT: FileFormat = FileFormat::Xlsx;

const CONTENT_TYPES: &str = "[content_types].xml";
/// Folders whose parts Office opens a workbook without.
const UNREAD_FOLDERS: [&str; 2] = ["docprops/", "customxml/"];
const VBA_PROJECT: &str = "vbaproject.bin";

pub(crate) fn inspect(content: &[u8]) -> Result<FileInspection, InvalidFile> {
    if content.starts_with(sniff::OLE) {
        return Err(ole_in_place(content));
    }
    if !content.starts_with(sniff::ZIP) {
        return Err(sniff::other_kind(FORMAT, content));
    }
    let mut archive = Archive::open(content)?;
    let names: HashSet<_> = archive.names().map(str::to_owned).collect();
    let package = Package::read(&mut archive)?;
    let mut notes = package.relationships.notes();
    let workbook = package.types.workbook(&names);
    let mut sheets = None;
    for index in 0..archive.len() {
        let part = archive.read(index)?;
        let found = package.check(&part.name, &part.content, &mut notes)?;
        if Some(&part.name) == workbook.as_ref() {
            let is_there = |id: &String| {
                package.relationships.target(&part.name, id).is_some_and(|name| names.contains(&name))
            };
            sheets = Some((found.sheets.len(), found.sheets.iter().any(is_there)));
        }
    }
    if archive.has_bytes_after() {
        notes.insert(Note::BytesAfter);
    }
    match sheets {
        None => {
            Err(InvalidFile::OtherKind { format: FORMAT, found: "a ZIP archive without a workbook".into() })
        }
        Some((_, false)) => Err(InvalidFile::empty(FORMAT, "sheet")),
        Some((count, true)) => Ok(FileInspection::new(FORMAT, Extent::Sheets(count), notes)),
    }
}

/// An OLE container under the name of a workbook: Office wraps encrypted documents in one.
fn ole_in_place(content: &[u8]) -> InvalidFile {
    match Container::open(FORMAT, content) {
        Ok(container) if container.is_encrypted() => InvalidFile::Encrypted { format: FORMAT },
        _ => sniff::other_kind(FORMAT, content),
    }
}

/// What the lists of a package say about its parts.
struct Package {
    types: ContentTypes,
    relationships: Relationships,
}

impl Package {
    fn read(archive: &mut Archive<'_>) -> Result<Self, InvalidFile> {
        let mut package = Self { types: ContentTypes::default(), relationships: Relationships::default() };
        for index in 0..archive.len() {
            let is_list =
                archive.name(index).is_some_and(|name| name == CONTENT_TYPES || relationships::is_list(name));
            if !is_list {
                continue;
            }
            let part = archive.read_list(index)?;
            if part.name == CONTENT_TYPES {
                package.types.read(&part.content)?;
            } else {
                package.relationships.read(&part.name, &part.content)?;
            }
        }
        Ok(package)
    }

    /// Refuses a part that runs; notes what is embedded; returns what was found in its XML.
    fn check(&self, name: &str, content: &[u8], notes: &mut BTreeSet<Note>) -> Result<Findings, InvalidFile> {
        if name.ends_with(VBA_PROJECT)
            || self.types.of(name).contains("vbaproject")
            || self.relationships.is_vba(name)
        {
            return check_vba(content, notes);
        }
        if content.is_empty() && UNREAD_FOLDERS.iter().any(|folder| name.starts_with(folder)) {
            return Ok(Findings::default());
        }
        if name.ends_with("xml") || relationships::is_list(name) || self.types.of(name).ends_with("xml") {
            let found = xml::read(content)?;
            let holds_macros =
                self.types.of(name).contains("macrosheet") || self.relationships.is_macro_sheet(name);
            if holds_macros && found.has_formula {
                return Err(InvalidFile::macros(FORMAT, "an Excel 4 macro sheet"));
            }
            return Ok(found);
        }
        let is_program = content.starts_with(b"MZ") || content.starts_with(b"\x7fELF");
        if is_program || crate::office::is_program_name(name.as_bytes()) {
            return Err(InvalidFile::active_content(FORMAT, "an embedded program"));
        }
        if xml::declares_entities(content) {
            return Err(xml::ENTITIES);
        }
        if content.starts_with(sniff::OLE) {
            notes.insert(Note::EmbeddedFiles);
            // An object that Office cannot open does nothing either.
            if let Ok(mut container) = Container::open(FORMAT, content) {
                container.check(notes)?;
            }
        } else if content.starts_with(sniff::ZIP) {
            notes.insert(Note::EmbeddedFiles);
            if memmem::find(&content.to_ascii_lowercase(), VBA_PROJECT.as_bytes()).is_some() {
                return Err(InvalidFile::macros(FORMAT, "in an embedded document"));
            }
        }
        Ok(Findings::default())
    }
}

/// A VBA project without code is noted; anything else in its place counts as code.
fn check_vba(content: &[u8], notes: &mut BTreeSet<Note>) -> Result<Findings, InvalidFile> {
    let mut container =
        Container::open(FORMAT, content).map_err(|_| InvalidFile::macros(FORMAT, "a VBA project"))?;
    container.check(notes)?;
    if notes.contains(&Note::EmptyMacros) {
        Ok(Findings::default())
    } else {
        Err(InvalidFile::macros(FORMAT, "a VBA project"))
    }
}
