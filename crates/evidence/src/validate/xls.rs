//! Excel 97–2003: an OLE container with a workbook of BIFF records, no macros of either kind, nothing encrypted.

use rebuttal_protocol::FileFormat;

use super::ole::Container;
use super::reader::{byte, index, slice, u16_le, u32_le};
use super::{InvalidFile, sniff};

const FORMAT: FileFormat = FileFormat::Xls;

/// The workbook's stream: of Excel 97 and later, of Excel 5 and 95.
const WORKBOOK_NAMES: [&str; 2] = ["workbook", "book"];
/// Storages and streams of VBA projects.
const MACRO_NAMES: [&str; 4] = ["_vba_project_cur", "_vba_project", "vba", "macros"];

const BEGIN: u16 = 0x0809;
const END: u16 = 0x000a;
const FILE_PASS: u16 = 0x002f;
const BOUND_SHEET: u16 = 0x0085;
/// The kinds of a `BOUND_SHEET` that hold macros: Excel 4 macros, a Visual Basic module.
const MACRO_SHEETS: [u8; 2] = [1, 6];
/// The kinds of a `BEGIN` that hold macros, likewise.
const MACRO_SUBSTREAMS: [u16; 2] = [0x0040, 0x0006];
const GLOBALS: u16 = 0x0005;
/// The versions of the records in an OLE container: Excel 97, Excel 5.
const VERSIONS: [u16; 2] = [0x0600, 0x0500];

const MACRO_SHEET: InvalidFile = InvalidFile::Macros { format: FORMAT, found: "an Excel 4 macro sheet" };
const ENCRYPTED: InvalidFile = InvalidFile::Encrypted { format: FORMAT };

const fn damaged(fault: &'static str) -> InvalidFile {
    InvalidFile::damaged(FORMAT, fault)
}

pub(super) fn validate(content: &[u8]) -> Result<(), InvalidFile> {
    if !content.starts_with(sniff::OLE) {
        return Err(sniff::other_kind(FORMAT, content));
    }
    let container = Container::open(FORMAT, content)?;
    if container.is_encrypted() {
        return Err(ENCRYPTED);
    }
    if container.entries().any(|entry| MACRO_NAMES.contains(&entry.name.as_str())) {
        return Err(InvalidFile::Macros { format: FORMAT, found: "a VBA project" });
    }
    let is_workbook = |name: &str| WORKBOOK_NAMES.contains(&name);
    let top = container.top_entries()?;
    if !top.iter().any(|entry| entry.is_stream() && is_workbook(&entry.name)) {
        return Err(InvalidFile::OtherKind {
            format: FORMAT,
            found: "an older Office document, but no workbook",
        });
    }
    // Workbooks embedded in the workbook are validated, too. Streams share no bytes, so together they are no longer
    // than the file, unless the directory is forged.
    let mut room = content.len();
    for entry in container.entries().filter(|entry| entry.is_stream() && is_workbook(&entry.name)) {
        let stream = container.read(&entry)?;
        room = room.checked_sub(stream.len().max(1)).ok_or(damaged("its OLE directory is broken"))?;
        validate_workbook(&stream)?;
    }
    Ok(())
}

/// A record: its kind, its data, and where the next one begins.
fn record(stream: &[u8], at: usize) -> Option<(u16, &[u8], usize)> {
    let kind = u16_le(stream, at)?;
    let length = usize::from(u16_le(stream, at.checked_add(2)?)?);
    let data = slice(stream, at.checked_add(4)?, length)?;
    Some((kind, data, at + 4 + length))
}

fn validate_workbook(stream: &[u8]) -> Result<(), InvalidFile> {
    let first = record(stream, 0).filter(|(kind, data, _)| {
        let version = u16_le(data, 0).unwrap_or_default();
        *kind == BEGIN && VERSIONS.contains(&version) && u16_le(data, 2) == Some(GLOBALS)
    });
    let (_, _, mut at) = first.ok_or(damaged("its workbook has no valid first record"))?;
    let mut sheets = 0_u32;
    loop {
        let (kind, data, next) = record(stream, at).ok_or(damaged("its workbook is cut short"))?;
        match kind {
            FILE_PASS => return Err(ENCRYPTED),
            BOUND_SHEET => {
                validate_sheet(stream, data)?;
                sheets += 1;
            }
            END => break,
            _ => {}
        }
        at = next;
    }
    if sheets == 0 {
        return Err(damaged("its workbook has no sheets"));
    }
    // The sheets' own first records.
    while let Some((kind, data, next)) = record(stream, at) {
        match kind {
            FILE_PASS => return Err(ENCRYPTED),
            BEGIN => validate_substream(data)?,
            _ => {}
        }
        at = next;
    }
    Ok(())
}

fn validate_sheet(stream: &[u8], data: &[u8]) -> Result<(), InvalidFile> {
    if byte(data, 5).is_some_and(|kind| MACRO_SHEETS.contains(&kind)) {
        return Err(MACRO_SHEET);
    }
    let begin = u32_le(data, 0).and_then(|at| record(stream, index(at)));
    match begin {
        Some((BEGIN, begin, _)) => validate_substream(begin),
        _ => Err(damaged("a sheet is missing")),
    }
}

fn validate_substream(begin: &[u8]) -> Result<(), InvalidFile> {
    match u16_le(begin, 2) {
        Some(kind) if MACRO_SUBSTREAMS.contains(&kind) => Err(MACRO_SHEET),
        _ => Ok(()),
    }
}
