//! Reads a part's XML to its end. Nothing is resolved or kept; what Office does not read is refused.

use rebuttal_protocol::InvalidFile;
use std::borrow::Cow;

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::FORMAT;
use crate::office;

/// Deepest nesting of elements; drawings reach about 40.
const ELEMENT_DEPTH_MAX: usize = 256;
/// Most sheets of a workbook, each of which is a part.
const SHEETS_MAX: usize = 4_096;
/// Beginnings of the encodings, in lower case, in which all markup is ASCII.
const ENCODINGS: [&str; 5] = ["utf-8", "utf8", "us-ascii", "iso-8859-", "windows-125"];

/// Elements whose text is a formula: of cells and charts, names, conditional formats, validations, and tables.
const FORMULAS: [&str; 6] =
    [CELL_FORMULA, "definedName", "formula", "formula1", "formula2", "calculatedColumnFormula"];
const CELL_FORMULA: &str = "f";

pub(super) const ENTITIES: InvalidFile =
    InvalidFile::active_content(FORMAT, "a part with XML entity declarations");
const MALFORMED: InvalidFile = InvalidFile::damaged(FORMAT, "a part is not valid XML");

/// What a part has in it.
#[derive(Default)]
pub(super) struct Findings {
    /// The relationships of the workbook's sheets.
    pub(super) sheets: Vec<String>,
    pub(super) has_formula: bool,
}

pub(super) fn read(content: &[u8]) -> Result<Findings, InvalidFile> {
    let mut findings = Findings::default();
    let mut formula: Option<String> = None;
    for_each(content, |event| {
        match event {
            Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                "ddeLink" => {
                    return Err(InvalidFile::active_content(FORMAT, "a link to another program (DDE)"));
                }
                "sheet" => {
                    findings.sheets.extend(attribute(tag, "id"));
                    if findings.sheets.len() > SHEETS_MAX {
                        return Err(InvalidFile::too_much(FORMAT, "more than 4,096 sheets"));
                    }
                }
                name if FORMULAS.contains(&name) => {
                    findings.has_formula |= name == CELL_FORMULA;
                    formula = matches!(event, Event::Start(_)).then(String::new);
                }
                _ => {}
            },
            Event::Text(text) if formula.is_some() => {
                formula.get_or_insert_default().push_str(text.as_ref());
            }
            Event::CData(text) if formula.is_some() => {
                formula.get_or_insert_default().push_str(text.as_ref());
            }
            Event::GeneralRef(reference) if formula.is_some() => {
                let character = reference.resolve_char_ref().ok().flatten().map(String::from);
                let predefined = resolve_predefined_entity(reference.as_ref()).map(str::to_owned);
                formula.get_or_insert_default().extend(character.or(predefined));
            }
            Event::End(_) if formula.take().is_some_and(|formula| office::is_dde(&formula)) => {
                return Err(InvalidFile::active_content(
                    FORMAT,
                    "a formula that starts another program (DDE)",
                ));
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(findings)
}

/// Whether markup that need not be well-formed, as that of old drawings, declares entities.
pub(super) fn declares_entities(content: &[u8]) -> bool {
    let Ok(text) = decode(content) else { return false };
    text.trim_start().starts_with('<') && (text.contains("<!DOCTYPE") || text.contains("<!ENTITY"))
}

/// Calls back for every event of a part, which must be one whole element.
pub(super) fn for_each(
    content: &[u8],
    mut visit: impl FnMut(&Event<'_>) -> Result<(), InvalidFile>,
) -> Result<(), InvalidFile> {
    let content = decode(content)?;
    let mut reader = Reader::from_str(&content);
    let mut depth = 0_usize;
    let mut is_empty = true;
    loop {
        let event = reader.read_event().map_err(|_| MALFORMED)?;
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.checked_sub(1).ok_or(MALFORMED)?,
            Event::DocType(_) => {
                return Err(ENTITIES);
            }
            Event::Eof if depth == 0 && !is_empty => return Ok(()),
            Event::Eof => return Err(MALFORMED),
            _ => {}
        }
        is_empty &= !matches!(event, Event::Start(_) | Event::Empty(_));
        if depth > ELEMENT_DEPTH_MAX {
            return Err(InvalidFile::too_much(FORMAT, "XML of more than 256 levels"));
        }
        visit(&event)?;
    }
}

/// The value of an attribute, by its local name.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute =
        tag.attributes().flatten().find(|attribute| attribute.key.local_name().as_ref() == name)?;
    attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(Cow::into_owned)
}

/// A part's text, in one of the encodings that Office reads.
fn decode(content: &[u8]) -> Result<Cow<'_, str>, InvalidFile> {
    let foreign = InvalidFile::damaged(FORMAT, "a part is in an encoding that Office does not read");
    let units = |combine: fn([u8; 2]) -> u16| {
        let pairs = content.chunks_exact(2).filter_map(|pair| pair.first_chunk::<2>());
        let units: Vec<u16> = pairs.map(|pair| combine(*pair)).collect();
        String::from_utf16(&units).map(|text| text.trim_start_matches('\u{feff}').to_owned())
    };
    match content {
        [0xff, 0xfe, ..] | [b'<', 0, ..] => units(u16::from_le_bytes).map(Cow::Owned).map_err(|_| foreign),
        [0xfe, 0xff, ..] | [0, b'<', ..] => units(u16::from_be_bytes).map(Cow::Owned).map_err(|_| foreign),
        _ => {
            let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
            let text = String::from_utf8_lossy(content);
            let declaration = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
            let declaration = declaration.map_or("", |(declaration, _)| declaration).to_lowercase();
            let encoding = declaration.split_once("encoding").map(|(_, value)| value);
            let encoding = encoding.map(|value| value.trim_start_matches([' ', '\t', '=', '"', '\'']));
            match encoding {
                Some(name) if !ENCODINGS.iter().any(|known| name.starts_with(known)) => Err(foreign),
                _ => Ok(text),
            }
        }
    }
}
