//! PDF: header, trailer, and whether any trailer or cross-reference stream says that the document is encrypted.
//!
//! A small scanner, not a loader: it follows the chain of trailers and inflates nothing, because the dictionaries
//! that matter are never packed. A file whose chain is broken is searched as a whole, as viewers do that repair it.

mod dictionary;

use std::collections::HashSet;

use memchr::memmem;
use rebuttal_protocol::FileFormat;

use super::{Lie, sniff};
use dictionary::{Lexer, Trailer};

const FORMAT: FileFormat = FileFormat::Pdf;

/// Most trailers that are followed; each saving of changes adds one.
const TRAILERS_MAX: usize = 1_024;
/// Most bytes that are looked at in all, counted each time: eight times the largest file.
const SCAN_MAX_BYTES: usize = 16 * 1024 * 1024;
/// The end marker stands within this many bytes of the end.
const END_WITHIN_BYTES: usize = 1_024;
/// `startxref` stands within this many bytes before the end.
const START_WITHIN_BYTES: usize = 2_048;

/// A linearized file may be this much shorter than it says, for white space lost at its end.
const LENGTH_SLACK_BYTES: usize = 16;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why the scan gave up.
enum Stop {
    /// What should be there is not; searching the whole file may still find it.
    Broken,
    /// The budget is used up.
    Exhausted,
}

pub(super) fn judge(content: &[u8]) -> Result<(), Lie> {
    let start = content.strip_prefix(UTF8_MARK).unwrap_or(content).trim_ascii_start();
    if !start.starts_with(sniff::PDF) {
        return Err(sniff::other_kind(FORMAT, content));
    }
    let damaged = |fault| Lie::damaged(FORMAT, fault);
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
    // Such a file has a trailer near its beginning, which half of it seems to end with.
    if scan.length_of_linearized().is_some_and(|length| length > start.len() + LENGTH_SLACK_BYTES) {
        return Err(damaged("it is shorter than it says"));
    }
    let found = match scan.follow(first) {
        Err(Stop::Broken) => scan.search(),
        followed => followed,
    };
    match found {
        Ok(found) if found.encrypted => Err(Lie::Encrypted { format: FORMAT }),
        Ok(found) if found.root => Ok(()),
        Ok(_) | Err(Stop::Broken) => Err(damaged("its trailer leads nowhere")),
        Err(Stop::Exhausted) => {
            Err(Lie::too_much(FORMAT, "more trailers or longer ones than can be followed"))
        }
    }
}

fn last(content: &[u8], bytes: usize) -> &[u8] {
    content.get(content.len().saturating_sub(bytes)..).unwrap_or_default()
}

/// Where the dictionary of the object at an offset begins: behind its two numbers and `obj`.
fn object_dictionary(content: &[u8], at: usize) -> Option<usize> {
    let mut lexer = Lexer::new(content, at);
    lexer.integer()?;
    lexer.integer()?;
    lexer.keyword(b"obj").then_some(lexer.at())
}

/// What the trailers say together.
#[derive(Default)]
struct Found {
    root: bool,
    encrypted: bool,
}

impl Found {
    fn add(&mut self, trailer: &Trailer) {
        self.root |= trailer.root;
        self.encrypted |= trailer.encrypted;
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
    fn follow(&mut self, first: Option<usize>) -> Result<Found, Stop> {
        let mut found = Found::default();
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
        if found.root || found.encrypted { Ok(found) } else { Err(Stop::Broken) }
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

    /// Looks at every trailer and every cross-reference stream in the file.
    fn search(&mut self) -> Result<Found, Stop> {
        let mut found = Found::default();
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
