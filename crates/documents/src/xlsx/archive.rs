//! The parts of a ZIP archive, inflated one after another within one budget of counted bytes.

use rebuttal_protocol::InvalidFile;
use std::collections::HashSet;
use std::io::{Cursor, Read as _};

use zip::ZipArchive;
use zip::result::ZipError;

use super::FORMAT;

/// Most parts. A workbook of 1,000 sheets with drawings has about 4,000.
const PARTS_MAX: usize = 4_096;
/// Most bytes of all parts together, once inflated.
const INFLATED_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most inflated bytes for each byte of the archive; sheets of one repeated value reach about 60.
const INFLATION_MAX_RATIO: usize = 200;
/// Up to this size the ratio is not checked.
const INFLATED_FREE_BYTES: usize = 4 * 1024 * 1024;
/// Most bytes of one list of content types or relationships, once inflated; one of 4,096 parts has about 600,000.
const LIST_MAX_BYTES: usize = 1024 * 1024;
/// Most bytes of all those lists together; 4,096 parts of the usual names have about 2,000,000.
const LISTS_MAX_BYTES: usize = 4 * 1024 * 1024;
// Length of the record at the end of an archive, without its comment.
const END_BYTES: usize = 22;

const INFLATED_TOO_MUCH: InvalidFile =
    InvalidFile::too_much(FORMAT, "more decompressed content than 64 MB or 200 times its size");

const fn damaged(fault: &'static str) -> InvalidFile {
    InvalidFile::damaged(FORMAT, fault)
}

/// An archive, and how much of it may still be inflated.
pub(super) struct Archive<'a> {
    content: &'a [u8],
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// In lower case, with `/` between folders and none before the first: Office looks parts up like this.
    names: Vec<String>,
    room: usize,
    lists_room: usize,
}

/// A part of a package.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

impl<'a> Archive<'a> {
    pub(super) fn open(content: &'a [u8]) -> Result<Self, InvalidFile> {
        let mut zip = ZipArchive::new(Cursor::new(content)).map_err(|error| fault(&error))?;
        if zip.len() > PARTS_MAX {
            return Err(InvalidFile::too_much(FORMAT, "more than 4,096 parts"));
        }
        let names: Vec<_> = zip.file_names_raw().map(part_name).collect();
        let distinct: HashSet<_> = names.iter().collect();
        if zip.has_duplicate_names() || distinct.len() < names.len() {
            return Err(damaged("a part occurs twice"));
        }
        // Overlapping parts would be inflated many times at almost no cost in file size.
        if zip.has_overlapping_files().map_err(|error| fault(&error))? {
            return Err(damaged("its directory contradicts its parts"));
        }
        let by_ratio = content.len().saturating_mul(INFLATION_MAX_RATIO);
        let room = by_ratio.clamp(INFLATED_FREE_BYTES, INFLATED_MAX_BYTES);
        Ok(Self { content, zip, names, room, lists_room: LISTS_MAX_BYTES })
    }

    pub(super) fn len(&self) -> usize {
        self.zip.len()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(super) fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }

    /// Whether anything follows the archive.
    pub(super) fn has_bytes_after(&self) -> bool {
        let end = memchr::memmem::rfind(self.content, b"PK\x05\x06").unwrap_or_default();
        end + END_BYTES + self.zip.comment().len() < self.content.len()
    }

    pub(super) fn read(&mut self, index: usize) -> Result<Part, InvalidFile> {
        let content = self.inflate(index, self.room)?.ok_or(INFLATED_TOO_MUCH)?;
        self.room = self.room.checked_sub(content.len()).ok_or(INFLATED_TOO_MUCH)?;
        Ok(Part { name: self.name(index).unwrap_or_default().to_owned(), content })
    }

    /// A part that lists others, counted against limits of its own.
    pub(super) fn read_list(&mut self, index: usize) -> Result<Part, InvalidFile> {
        let too_long = InvalidFile::too_much(FORMAT, "a list of parts of more than 1 MB");
        let content = self.inflate(index, LIST_MAX_BYTES)?.ok_or(too_long)?;
        let too_many = InvalidFile::too_much(FORMAT, "lists of parts of more than 4 MB together");
        self.lists_room = self.lists_room.checked_sub(content.len()).ok_or(too_many)?;
        Ok(Part { name: self.name(index).unwrap_or_default().to_owned(), content })
    }

    /// A part's content, or nothing if it is longer than the limit.
    fn inflate(&mut self, index: usize, limit: usize) -> Result<Option<Vec<u8>>, InvalidFile> {
        let part = self.zip.by_index(index).map_err(|error| fault(&error))?;
        let declared = usize::try_from(part.size()).unwrap_or(usize::MAX);
        // Some producers declare a part of no bytes as compressed.
        if part.compressed_size() == 0 && declared == 0 {
            return Ok(Some(Vec::new()));
        }
        if declared > limit {
            return Ok(None);
        }
        let mut content = Vec::with_capacity(declared);
        let read = part.take(limit as u64 + 1).read_to_end(&mut content);
        if content.len() > limit {
            return Ok(None);
        }
        read.map_err(|_| damaged("a part cannot be decompressed, or its checksum is wrong"))?;
        if content.len() == declared { Ok(Some(content)) } else { Err(damaged("a part's size is wrong")) }
    }
}

fn part_name(raw: &[u8]) -> String {
    let name = String::from_utf8_lossy(raw).replace('\\', "/").to_lowercase();
    name.trim_start_matches('/').to_owned()
}

fn fault(error: &ZipError) -> InvalidFile {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            InvalidFile::Encrypted { format: FORMAT }
        }
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
            damaged("a part uses a compression method that Office does not support")
        }
        _ => damaged("its directory is missing, cut short, or contradicts its parts"),
    }
}
