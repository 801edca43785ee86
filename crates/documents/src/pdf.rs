//! PDF, opened as viewers do: with a repair of what is broken, and the empty password.

mod active;
mod survey;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use hayro_syntax::object::{Dict, Name, Object, Stream};
use hayro_syntax::{LoadPdfError, Pdf};
use memchr::memmem;
use rebuttal_protocol::{Extent, FileFormat, FileInspection, InvalidFile, Note};

use crate::sniff;
use survey::Survey;

const FORMAT: FileFormat = FileFormat::Pdf;

/// Most bytes before the header, as in common readers; printers, mail programs and web servers insert some.
const HEADER_WITHIN_BYTES: usize = 1_024;
/// Most pages; 2 MB hold a few thousand.
const PAGES_MAX: usize = 10_000;
/// A linearized file may be this much shorter than it declares, after a change of line ends on its way.
const LENGTH_SLACK_BYTES: usize = 1_024;
const END: &[u8] = b"%%EOF";

pub(crate) fn inspect(content: &[u8]) -> Result<FileInspection, InvalidFile> {
    let (before, document) = from_header(content).ok_or_else(|| sniff::other_kind(FORMAT, content))?;
    let survey = Survey::of(document)?;
    let pdf = load(document, &survey)?;
    let mut notes = active::notes(&pdf)?;
    notes.extend(notes_on_structure(before, document));
    if survey.is_encrypted {
        // A document whose newest trailer does not say so any more is one that viewers cannot show.
        if first_stream(&pdf).is_some_and(|stream| matches!(stream.raw_data(), Cow::Borrowed(_))) {
            return Err(InvalidFile::Encrypted { format: FORMAT });
        }
        notes.insert(Note::OwnerPassword);
    }
    let pages = pdf.pages().iter().filter(|page| is_page(page.raw())).count();
    if pages == 0 {
        return Err(InvalidFile::empty(FORMAT, "page"));
    }
    if pages > PAGES_MAX {
        return Err(InvalidFile::too_much(FORMAT, "more than 10,000 pages"));
    }
    let declared_bytes = survey.length_of_linearized.unwrap_or_default();
    let is_cut =
        notes.contains(&Note::MissingEndMarker) || declared_bytes > document.len() + LENGTH_SLACK_BYTES;
    if is_cut && lacks_pages(&pdf) {
        return Err(InvalidFile::damaged(FORMAT, "some of its pages are missing"));
    }
    Ok(FileInspection::new(FORMAT, Extent::Pages(pages), notes))
}

/// Opens a document to draw it.
pub(crate) fn open(content: &[u8]) -> Result<Pdf, InvalidFile> {
    let (_, document) = from_header(content).ok_or_else(|| sniff::other_kind(FORMAT, content))?;
    load(document, &Survey::of(document)?)
}

fn load(document: &[u8], survey: &Survey) -> Result<Pdf, InvalidFile> {
    Pdf::new(Arc::new(document.to_vec())).map_err(|error| match error {
        LoadPdfError::Decryption(_) => InvalidFile::Encrypted { format: FORMAT },
        LoadPdfError::Invalid if survey.is_encrypted => InvalidFile::Encrypted { format: FORMAT },
        LoadPdfError::Invalid => InvalidFile::damaged(FORMAT, "no reader can open it"),
    })
}

/// What is before the header, and the document. A file that begins like another format counts as that format; text
/// and markup may come first, because viewers skip them.
fn from_header(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let head = content.get(..HEADER_WITHIN_BYTES + sniff::PDF.len()).unwrap_or(content);
    let at = memmem::find(head, sniff::PDF)?;
    (at == 0 || !sniff::is_binary(content)).then(|| content.split_at(at))
}

fn notes_on_structure(before: &[u8], document: &[u8]) -> BTreeSet<Note> {
    let mut notes = BTreeSet::new();
    if !before.iter().all(u8::is_ascii_whitespace) {
        notes.insert(Note::BytesBefore);
    }
    let end = memmem::rfind(document, END).map(|at| at + END.len());
    let start = memmem::rfind(document, b"startxref").unwrap_or(document.len());
    match end.filter(|end| *end > start) {
        None => drop(notes.insert(Note::MissingEndMarker)),
        Some(end) => {
            let is_padding = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
            if !document.get(end..).unwrap_or_default().iter().all(is_padding) {
                notes.insert(Note::BytesAfter);
            }
        }
    }
    if !leads_to_table(document, start) {
        notes.insert(Note::RepairedStructure);
    }
    notes
}

/// Whether the last `startxref` is followed by the place of a table or a cross-reference stream.
fn leads_to_table(document: &[u8], start: usize) -> bool {
    let number = document.get(start + b"startxref".len()..).unwrap_or_default().trim_ascii_start();
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = str::from_utf8(number.get(..digits).unwrap_or_default()).unwrap_or_default();
    let table = number.parse().ok().and_then(|at: usize| document.get(at..)).unwrap_or_default();
    let words = table.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let is_number = |word: &[u8]| word.iter().all(u8::is_ascii_digit);
    match words.take(3).collect::<Vec<_>>().as_slice() {
        [word, ..] if word.starts_with(b"xref") => true,
        [number, generation, word] => is_number(number) && is_number(generation) && word.starts_with(b"obj"),
        _ => false,
    }
}

fn first_stream(pdf: &Pdf) -> Option<Stream<'_>> {
    pdf.objects().into_iter().find_map(Object::into_stream)
}

/// Whether a leaf of the tree of pages is one, although it does not say so.
fn is_page(leaf: &Dict<'_>) -> bool {
    let is_named = leaf.get::<Name<'_>>("Type").is_some_and(|kind| *kind == *b"Page");
    is_named || ["Contents", "MediaBox", "Resources", "Parent"].iter().any(|key| leaf.contains_key(key))
}

/// Whether the tree of pages declares more of them than there are, or a page has lost its content.
fn lacks_pages(pdf: &Pdf) -> bool {
    let root = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id());
    let tree = root.and_then(|root| root.get::<Dict<'_>>("Pages"));
    let declared = tree.and_then(|tree| tree.get::<usize>("Count")).unwrap_or_default();
    let has_lost_content =
        |page: &Dict<'_>| page.contains_key("Contents") && page.get::<Object<'_>>("Contents").is_none();
    pdf.pages().len() < declared || pdf.pages().iter().any(|page| has_lost_content(page.raw()))
}
