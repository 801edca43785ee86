//! PNG: header, dimensions, and the chunks up to the end. Nothing is decoded or inflated.

use flate2::Crc;
use rebuttal_protocol::FileFormat;

use super::dimensions;
use super::reader::{array, byte, slice, u32_be};
use super::{InvalidFile, sniff};

const FORMAT: FileFormat = FileFormat::Png;
const HEADER_BYTES: usize = 13;
/// Length, type and checksum around a chunk's data.
const CHUNK_OVERHEAD_BYTES: usize = 12;

const fn damaged(fault: &'static str) -> InvalidFile {
    InvalidFile::damaged(FORMAT, fault)
}

pub(super) fn validate(content: &[u8]) -> Result<(), InvalidFile> {
    if !content.starts_with(sniff::PNG) {
        return Err(sniff::other_kind(FORMAT, content));
    }
    let mut at = sniff::PNG.len();
    let mut seen_data = false;
    let mut first = true;
    loop {
        let (kind, data) = chunk(content, at).ok_or(damaged("it ends before its last chunk"))?;
        // A decoder refuses a critical chunk, one with an upper-case letter first, whose checksum is wrong.
        if kind.first().is_some_and(u8::is_ascii_uppercase) && !checksum_holds(content, at, data) {
            return Err(damaged("a checksum is wrong"));
        }
        match (first, &kind) {
            (true, b"IHDR") => validate_header(data)?,
            (true, _) | (false, b"IHDR") => return Err(damaged("its header is not at its beginning")),
            (false, b"IDAT") => seen_data = true,
            (false, b"IEND") if seen_data => return Ok(()),
            (false, b"IEND") => return Err(damaged("it has no picture data")),
            _ => {}
        }
        first = false;
        at += data.len() + CHUNK_OVERHEAD_BYTES;
    }
}

fn chunk(content: &[u8], at: usize) -> Option<([u8; 4], &[u8])> {
    let length = usize::try_from(u32_be(content, at)?).ok()?;
    let kind = array(content, at.checked_add(4)?)?;
    let data = slice(content, at.checked_add(8)?, length)?;
    slice(content, at.checked_add(8)?.checked_add(length)?, 4)?;
    Some((kind, data))
}

fn checksum_holds(content: &[u8], at: usize, data: &[u8]) -> bool {
    let mut crc = Crc::new();
    crc.update(slice(content, at + 4, 4).unwrap_or_default());
    crc.update(data);
    u32_be(content, at + 8 + data.len()) == Some(crc.sum())
}

fn validate_header(header: &[u8]) -> Result<(), InvalidFile> {
    let fault = damaged("its header is invalid");
    let [Some(width), Some(height)] = [u32_be(header, 0), u32_be(header, 4)] else {
        return Err(fault);
    };
    let [depth, colour, compression, filter, interlace] = [8, 9, 10, 11, 12].map(|at| byte(header, at));
    let depth_fits = match (colour, depth) {
        (Some(0), Some(depth)) => [1, 2, 4, 8, 16].contains(&depth),
        (Some(3), Some(depth)) => [1, 2, 4, 8].contains(&depth),
        (Some(2 | 4 | 6), Some(depth)) => [8, 16].contains(&depth),
        _ => false,
    };
    let known = compression == Some(0) && filter == Some(0) && matches!(interlace, Some(0 | 1));
    if !depth_fits || !known || header.len() != HEADER_BYTES {
        return Err(fault);
    }
    dimensions::validate(FORMAT, width, height)
}
