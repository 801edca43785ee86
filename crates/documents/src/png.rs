//! PNG, decoded row by row.

use std::collections::BTreeSet;
use std::io::Cursor;

use flate2::Crc;
use png::{DecodeOptions, Decoder, DecodingError, Limits};
use rebuttal_protocol::{Extent, FileFormat, FileInspection, InvalidFile, Note};

use crate::{pixels, sniff};

const FORMAT: FileFormat = FileFormat::Png;

/// Most bytes of a picture's rows together, as they are inflated: 50 million pixels of four bytes.
const ROWS_MAX_BYTES: u64 = 200_000_000;
/// Most memory of the decoder, which holds a few rows at a time.
const DECODER_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Length, type and checksum around a chunk's data.
const CHUNK_OVERHEAD_BYTES: usize = 12;
const DATA: &[u8] = b"IDAT";
const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";

pub(crate) fn inspect(content: &[u8]) -> Result<FileInspection, InvalidFile> {
    if !content.starts_with(sniff::PNG) {
        return Err(sniff::other_kind(FORMAT, content));
    }
    let mut options = DecodeOptions::default();
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(tidy(content)), options);
    decoder.set_limits(Limits { bytes: DECODER_MAX_BYTES });
    let header = decoder.read_header_info().map_err(|error| fault(&error))?;
    let (width, height) = (header.width, header.height);
    pixels::check(FORMAT, width, height)?;
    let row_bytes = header.raw_row_length() as u64;
    if row_bytes * u64::from(height) > ROWS_MAX_BYTES {
        return Err(InvalidFile::too_much(FORMAT, "more than 200 MB of pixels"));
    }
    let mut reader = decoder.read_info().map_err(|error| fault(&error))?;
    while reader.next_interlaced_row().map_err(|error| fault(&error))?.is_some() {}
    let mut notes = BTreeSet::new();
    let rest = content.get(end_of_chunks(content)..).unwrap_or_default();
    if rest.get(4..8) != Some(b"IEND") {
        notes.insert(Note::MissingEndMarker);
    } else if rest.len() > END.len() {
        notes.insert(Note::BytesAfter);
    }
    Ok(FileInspection::new(FORMAT, Extent::Pixels { width, height }, notes))
}

/// The picture with a last chunk, whose checksum viewers do not look at, and nothing behind it. A chunk of data that is
/// cut short may have all that is needed.
pub(crate) fn tidy(content: &[u8]) -> Vec<u8> {
    let (chunks, rest) = content.split_at(end_of_chunks(content));
    let mut tidy = chunks.to_vec();
    if rest.get(4..8) == Some(DATA) {
        let length = rest.first_chunk().map_or(0, |length| u32::from_be_bytes(*length));
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len() - 8);
        let data = rest.get(4..8 + length).unwrap_or_default();
        let mut checksum = Crc::new();
        checksum.update(data);
        tidy.extend(u32::try_from(length).unwrap_or_default().to_be_bytes());
        tidy.extend_from_slice(data);
        tidy.extend(checksum.sum().to_be_bytes());
    }
    tidy.extend_from_slice(END);
    tidy
}

/// Where the last chunk begins, or whatever is in its place.
fn end_of_chunks(content: &[u8]) -> usize {
    let mut at = sniff::PNG.len();
    while let Some([length @ .., b0, b1, b2, b3]) = content.get(at..).and_then(|rest| rest.first_chunk::<8>())
    {
        let kind = [*b0, *b1, *b2, *b3];
        let length = u32::from_be_bytes(*length);
        let end =
            usize::try_from(length).ok().and_then(|length| at.checked_add(length + CHUNK_OVERHEAD_BYTES));
        match end.filter(|end| *end <= content.len()) {
            Some(end) if kind != *b"IEND" && kind.iter().all(u8::is_ascii_alphabetic) => at = end,
            _ => break,
        }
    }
    at.min(content.len())
}

fn fault(error: &DecodingError) -> InvalidFile {
    match error {
        DecodingError::LimitsExceeded => InvalidFile::too_much(FORMAT, "too much for its decoder"),
        DecodingError::IoError(_) => InvalidFile::damaged(FORMAT, "its picture ends too early"),
        DecodingError::Format(_) | DecodingError::Parameter(_) => {
            InvalidFile::damaged(FORMAT, "its picture cannot be decoded")
        }
    }
}
