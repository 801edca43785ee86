//! PDF: header, trailer, and whether any trailer or cross-reference stream says that the document is encrypted.
//!
//! A small scanner, not a loader: it follows the chain of trailers and inflates nothing, because the relevant
//! dictionaries are never compressed. A file whose chain is broken is searched as a whole, as viewers do to repair it.

mod dictionary;

use std::collections::HashSet;

use memchr::memmem;
use rebuttal_protocol::FileFormat;
use rebuttal_protocol::scene::DISPUTE_EVIDENCE_MAX_BYTES;

use super::{InvalidFile, sniff};
use dictionary::{Lexer, Trailer};

const FORMAT: FileFormat = FileFormat::Pdf;

/// Most trailers that are followed; each saving of changes adds one.
const TRAILERS_MAX: usize = 1_024;
/// Most bytes that are scanned in total, repetitions included: three times the largest file. A file that must be
/// searched is read once to find its dictionaries and at most once again to parse them.
const SCAN_MAX_BYTES: usize = 3 * DISPUTE_EVIDENCE_MAX_BYTES as usize;
/// Most bytes before the header, as in common readers; printers and mail programs insert some.
const HEADER_WITHIN_BYTES: usize = 1_024;
/// The end marker is within this many bytes of the end.
const END_WITHIN_BYTES: usize = 1_024;
/// `startxref` is within this many bytes of the end.
const START_WITHIN_BYTES: usize = 2_048;

/// Most bytes of the two numbers before `obj`, white space included.
const NUMBERS_MAX_BYTES: usize = 64;
/// A linearized file may be this much shorter than it declares, for white space lost at its end.
const LENGTH_SLACK_BYTES: usize = 16;

/// Why the scan failed.
enum Stop {
    /// An expected object is missing; searching the whole file may find it.
    Broken,
    /// The budget is used up.
    Exhausted,
}

pub(super) fn validate(content: &[u8]) -> Result<(), InvalidFile> {
    let start = from_header(content).ok_or_else(|| sniff::other_kind(FORMAT, content))?;
    let damaged = |fault| InvalidFile::damaged(FORMAT, fault);
    let end = content.iter().rposition(|byte| !byte.is_ascii_whitespace() && *byte != 0);
    let body = content.get(..=end.unwrap_or_default()).unwrap_or_default();
    if memmem::rfind(last(body, END_WITHIN_BYTES), b"%%EOF").is_none() {
        return Err(damaged("it has no end marker (%%EOF)"));
    }
    let tail = last(body, START_WITHIN_BYTES);
    let start_at = memmem::rfind(tail, b"startxref").ok_or(damaged("it has no trailer (startxref)"))?;
    let first = Lexer::new(tail, start_at + b"startxref".len()).integer();
    let mut scan = Scan {
        // Offsets count from the header.
        content: start,
        budget: SCAN_MAX_BYTES,
    };
    // A linearized file has a trailer near its beginning, so a truncated one looks complete.
    if scan.length_of_linearized().is_some_and(|length| length > start.len() + LENGTH_SLACK_BYTES) {
        return Err(damaged("it is shorter than it declares"));
    }
    let found = match scan.follow(first) {
        Err(Stop::Broken) => scan.search(),
        followed => followed,
    };
    match found {
        Ok(found) if found.encrypted => Err(InvalidFile::Encrypted { format: FORMAT }),
        Ok(found) if found.leads_into(start) => Ok(()),
        Ok(_) | Err(Stop::Broken) => Err(damaged("its trailer points to no object")),
        Err(Stop::Exhausted) => Err(InvalidFile::too_much(FORMAT, "too many or too long trailers")),
    }
}

/// The file from its header on. A file that begins like another format counts as that format.
fn from_header(content: &[u8]) -> Option<&[u8]> {
    let head = content.get(..HEADER_WITHIN_BYTES + sniff::PDF.len()).unwrap_or(content);
    match memmem::find(head, sniff::PDF)? {
        0 => Some(content),
        at => content.get(at..).filter(|_| sniff::known_kind(content).is_none()),
    }
}

fn last(content: &[u8], bytes: usize) -> &[u8] {
    content.get(content.len().saturating_sub(bytes)..).unwrap_or_default()
}

/// Where the dictionary of the object at an offset begins: after its two numbers and `obj`.
fn object_dictionary(content: &[u8], at: usize) -> Option<usize> {
    let mut lexer = Lexer::new(content, at);
    lexer.integer()?;
    lexer.integer()?;
    lexer.keyword(b"obj").then_some(lexer.at())
}

/// The number of the object whose word `obj` is at an offset: the first of the two numbers before it.
fn object_number(content: &[u8], at: usize) -> Option<usize> {
    let before = last(content.get(..at)?, NUMBERS_MAX_BYTES).trim_ascii_end();
    let digits = |text: &[u8]| text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, generation) = before.split_at_checked(before.len() - digits(before))?;
    let before = before.trim_ascii_end();
    let (_, number) = before.split_at_checked(before.len() - digits(before))?;
    str::from_utf8(number).ok().filter(|_| !generation.is_empty())?.parse().ok()
}

/// The values of all trailers.
#[derive(Default)]
struct Trailers {
    /// Numbers of the root objects, one for each incremental update.
    roots: HashSet<usize>,
    encrypted: bool,
}

impl Trailers {
    fn add(&mut self, trailer: &Trailer) {
        self.roots.extend(trailer.root);
        self.encrypted |= trailer.encrypted;
    }

    /// Whether a root object exists, or may be in a compressed object stream.
    fn leads_into(&self, content: &[u8]) -> bool {
        let is_root = |at| object_number(content, at).is_some_and(|number| self.roots.contains(&number));
        let packed = || memmem::find(content, b"/ObjStm").is_some();
        !self.roots.is_empty() && (memmem::find_iter(content, b"obj").any(is_root) || packed())
    }
}

struct Scan<'a> {
    content: &'a [u8],
    budget: usize,
}

impl Scan<'_> {
    fn spend(&mut self, bytes: usize) -> Result<(), Stop> {
        self.budget = self.budget.checked_sub(bytes).ok_or(Stop::Exhausted)?;
        Ok(())
    }

    /// Follows the chain of trailers from the newest one.
    fn follow(&mut self, first: Option<usize>) -> Result<Trailers, Stop> {
        let mut found = Trailers::default();
        let mut seen = HashSet::new();
        let mut waiting = vec![first.ok_or(Stop::Broken)?];
        while let Some(at) = waiting.pop() {
            if !seen.insert(at) {
                continue;
            }
            if seen.len() > TRAILERS_MAX {
                return Err(Stop::Exhausted);
            }
            let trailer = self.section(at)?;
            found.add(&trailer);
            waiting.extend([trailer.previous, trailer.hybrid].into_iter().flatten());
        }
        if !found.roots.is_empty() || found.encrypted { Ok(found) } else { Err(Stop::Broken) }
    }

    fn length_of_linearized(&self) -> Option<usize> {
        let dictionary_at = object_dictionary(self.content, 0)?;
        let (first, _) = Trailer::read(self.content, dictionary_at);
        first.filter(|first| first.linearized)?.length
    }

    /// The trailer of the cross-reference table or stream at an offset.
    fn section(&mut self, at: usize) -> Result<Trailer, Stop> {
        let mut lexer = Lexer::new(self.content, at);
        let dictionary_at = if lexer.keyword(b"xref") {
            let rest = self.content.get(lexer.at()..).unwrap_or_default();
            let table_bytes = memmem::find(rest, b"trailer").ok_or(Stop::Broken)?;
            self.spend(table_bytes)?;
            lexer.at() + table_bytes + b"trailer".len()
        } else {
            object_dictionary(self.content, at).ok_or(Stop::Broken)?
        };
        self.dictionary(dictionary_at)?.ok_or(Stop::Broken)
    }

    fn dictionary(&mut self, at: usize) -> Result<Option<Trailer>, Stop> {
        let (trailer, read) = Trailer::read(self.content, at);
        self.spend(read)?;
        Ok(trailer)
    }

    /// Reads every trailer and every cross-reference stream in the file.
    fn search(&mut self) -> Result<Trailers, Stop> {
        let mut found = Trailers::default();
        self.spend(self.content.len())?;
        let content = self.content;
        for at in memmem::find_iter(content, b"trailer") {
            if let Some(trailer) = self.dictionary(at + b"trailer".len())? {
                found.add(&trailer);
            }
        }
        for at in memmem::find_iter(content, b"obj") {
            let trailer = self.dictionary(at + b"obj".len())?;
            if let Some(trailer) = trailer.filter(|trailer| trailer.cross_reference_stream) {
                found.add(&trailer);
            }
        }
        Ok(found)
    }
}
