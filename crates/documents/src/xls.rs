//! Excel 97–2003: an OLE container with a workbook of BIFF records.

use std::collections::BTreeSet;

use rebuttal_protocol::{Extent, FileFormat, FileInspection, InvalidFile, Note};

use crate::office::Container;
use crate::sniff;

const FORMAT: FileFormat = FileFormat::Xls;

/// The workbook's stream: of Excel 97 and later, of Excel 5 and 95.
const WORKBOOK_NAMES: [&str; 2] = ["workbook", "book"];

const BEGIN: u16 = 0x0809;
const END: u16 = 0x000a;
const FORMULA: u16 = 0x0006;
const EXTERNAL_SHEET: u16 = 0x0017;
const FILE_PASS: u16 = 0x002f;
const BOUND_SHEET: u16 = 0x0085;
const SUPPORTING_BOOK: u16 = 0x01ae;
const HYPERLINK: u16 = 0x01b8;
/// The kinds of records that hold cells.
const CELLS: [u16; 9] = [FORMULA, 0x00bd, 0x00be, 0x00d6, 0x00fd, 0x0201, 0x0203, 0x0204, 0x027e];
// The kinds of a `BOUND_SHEET`: Excel 4 macros, a Visual Basic module.
const MACRO_SHEET: u8 = 1;
const MODULE_SHEET: u8 = 6;
/// The kinds of a `BEGIN`, likewise.
const MACRO_SUBSTREAM: u16 = 0x0040;
const MODULE_SUBSTREAM: u16 = 0x0006;
const GLOBALS: u16 = 0x0005;
/// The versions of the records in an OLE container: Excel 97, Excel 5.
const VERSIONS: [u16; 2] = [0x0600, 0x0500];
// Separates the program from its topic in the name of a link.
const TOPIC: u8 = 3;
/// Lengths of a `SUPPORTING_BOOK`'s name that mean the workbook itself, and its add-ins.
const OWN_BOOKS: [u16; 2] = [0x0401, 0x3a01];

const MACROS: InvalidFile = InvalidFile::macros(FORMAT, "an Excel 4 macro sheet");
const ENCRYPTED: InvalidFile = InvalidFile::Encrypted { format: FORMAT };

const fn damaged(fault: &'static str) -> InvalidFile {
    InvalidFile::damaged(FORMAT, fault)
}

pub(crate) fn inspect(content: &[u8]) -> Result<FileInspection, InvalidFile> {
    if !content.starts_with(sniff::OLE) {
        return Err(sniff::other_kind(FORMAT, content));
    }
    let mut container = Container::open(FORMAT, content)?;
    if container.is_encrypted() {
        return Err(ENCRYPTED);
    }
    let mut notes = BTreeSet::new();
    container.check(&mut notes)?;
    // Workbooks embedded in the workbook are looked at, too.
    let workbooks = container.read_named(&WORKBOOK_NAMES)?;
    let mut sheets = None;
    for (is_in_root, stream) in &workbooks {
        let count = Workbook { stream, macro_sheets: BTreeSet::new() }.check(&mut notes)?;
        if *is_in_root {
            sheets.get_or_insert(count);
        } else {
            notes.insert(Note::EmbeddedFiles);
        }
    }
    let other = "an older Office document, but no workbook";
    let sheets = sheets.ok_or(InvalidFile::OtherKind { format: FORMAT, found: other.into() })?;
    Ok(FileInspection::new(FORMAT, Extent::Sheets(sheets), notes))
}

/// How many cells readers allocate for the sheets: a rectangle around those of each.
pub(crate) fn allocated_cells(content: &[u8]) -> Result<usize, InvalidFile> {
    let mut container = Container::open(FORMAT, content)?;
    let streams = container.read_named(&WORKBOOK_NAMES)?;
    Ok(streams
        .iter()
        .map(|(_, stream)| Workbook { stream, macro_sheets: BTreeSet::new() }.allocated_cells())
        .sum())
}

/// A workbook's records.
struct Workbook<'a> {
    stream: &'a [u8],
    /// Where the sheets begin that are declared as macro sheets.
    macro_sheets: BTreeSet<usize>,
}

impl<'a> Workbook<'a> {
    /// A record: its kind, its data, and where the next one begins.
    fn record(&self, at: usize) -> Option<(u16, &'a [u8], usize)> {
        let [k0, k1, l0, l1] = *self.stream.get(at..)?.first_chunk::<4>()?;
        let next = at + 4 + usize::from(u16::from_le_bytes([l0, l1]));
        Some((u16::from_le_bytes([k0, k1]), self.stream.get(at + 4..next)?, next))
    }

    /// How many sheets there are, unless something in them is refused.
    fn check(mut self, notes: &mut BTreeSet<Note>) -> Result<usize, InvalidFile> {
        let first = self.record(0).filter(|(kind, data, _)| {
            let version = u16_at(data, 0).unwrap_or_default();
            *kind == BEGIN && VERSIONS.contains(&version) && u16_at(data, 2) == Some(GLOBALS)
        });
        let (_, _, mut at) = first.ok_or(damaged("its workbook has no valid first record"))?;
        let mut sheets = 0;
        loop {
            let (kind, data, next) = self.record(at).ok_or(damaged("its workbook is cut short"))?;
            match kind {
                BOUND_SHEET => {
                    self.sheet(data)?;
                    sheets += 1;
                }
                END => break,
                _ => check_record(kind, data, notes)?,
            }
            at = next;
        }
        if sheets == 0 {
            return Err(InvalidFile::empty(FORMAT, "sheet"));
        }
        let mut holds_macros = false;
        while let Some((kind, data, next)) = self.record(at) {
            match kind {
                BEGIN if u16_at(data, 2) == Some(MODULE_SUBSTREAM) => return Err(MACROS),
                BEGIN => {
                    holds_macros = u16_at(data, 2) == Some(MACRO_SUBSTREAM) || self.macro_sheets.contains(&at)
                }
                FORMULA if holds_macros => return Err(MACROS),
                _ => check_record(kind, data, notes)?,
            }
            at = next;
        }
        Ok(sheets)
    }

    fn allocated_cells(&self) -> usize {
        let (mut at, mut cells) = (0, 0);
        let mut sheet = Rectangle::default();
        while let Some((kind, data, next)) = self.record(at) {
            if kind == BEGIN {
                cells += std::mem::take(&mut sheet).cells();
            } else if CELLS.contains(&kind) {
                sheet.add(data);
            }
            at = next;
        }
        cells + sheet.cells()
    }

    fn sheet(&mut self, data: &[u8]) -> Result<(), InvalidFile> {
        let at = data.first_chunk::<4>().and_then(|at| usize::try_from(u32::from_le_bytes(*at)).ok());
        let at = at
            .filter(|at| matches!(self.record(*at), Some((BEGIN, ..))))
            .ok_or(damaged("a sheet is missing"))?;
        match data.get(5) {
            Some(&MODULE_SHEET) => return Err(MACROS),
            Some(&MACRO_SHEET) => drop(self.macro_sheets.insert(at)),
            _ => {}
        }
        Ok(())
    }
}

/// The rows and columns of a sheet's cells, each from the first to behind the last.
#[derive(Default)]
struct Rectangle {
    rows: Option<(u16, u16)>,
    columns: Option<(u16, u16)>,
}

impl Rectangle {
    /// Adds a record of cells, which begins with row and first column.
    fn add(&mut self, data: &[u8]) {
        let numbers = [u16_at(data, 0), u16_at(data, 2)].map(Option::unwrap_or_default);
        for (range, number) in [&mut self.rows, &mut self.columns].into_iter().zip(numbers) {
            let (first, last) = range.unwrap_or((number, number));
            *range = Some((first.min(number), last.max(number)));
        }
    }

    fn cells(&self) -> usize {
        let sides = [self.rows, self.columns]
            .map(|range| range.map_or(0, |(first, last)| usize::from(last - first) + 1));
        sides.iter().product()
    }
}

fn check_record(kind: u16, data: &[u8], notes: &mut BTreeSet<Note>) -> Result<(), InvalidFile> {
    let names_topic = match kind {
        FILE_PASS => return Err(ENCRYPTED),
        HYPERLINK => {
            notes.insert(Note::ExternalLinks);
            false
        }
        SUPPORTING_BOOK if !u16_at(data, 2).is_some_and(|length| OWN_BOOKS.contains(&length)) => {
            notes.insert(Note::ExternalLinks);
            data.get(4..).unwrap_or_default().contains(&TOPIC)
        }
        // Of Excel 5; the first two bytes are the length and how the name is coded.
        EXTERNAL_SHEET => {
            let length = data.first().copied().unwrap_or_default();
            usize::from(length) + 1 == data.len() && data.get(2..).unwrap_or_default().contains(&TOPIC)
        }
        _ => false,
    };
    if names_topic {
        return Err(InvalidFile::active_content(FORMAT, "a link to another program (DDE)"));
    }
    Ok(())
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}
