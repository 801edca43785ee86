//! JPEG, decoded whole.

mod header;
mod scans;

use std::collections::BTreeSet;

use rebuttal_protocol::{Extent, FileFormat, FileInspection, InvalidFile, Note};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::{pixels, sniff};
pub(crate) use header::Header;

/// Most pixels of a picture whose coefficients are decoded before any pixel is: up to six bytes for a pixel.
const BUFFERED_MAX_PIXELS: u64 = 25_000_000;
/// Most scans of a picture; encoders write about ten.
const SCANS_MAX: usize = 100;

const START: &[u8] = b"\xff\xd8";
const END: &[u8] = b"\xff\xd9";
// What pixels are that could not be decoded.
const FILL: u8 = 128;
/// Eight ones as coded data has them; no table has a code of ones only.
const NO_CODE: &[u8] = b"\xff\0";
const NO_CODES: usize = 64;

pub(crate) fn inspect(content: &[u8], format: FileFormat) -> Result<FileInspection, InvalidFile> {
    if !content.starts_with(START) {
        return Err(sniff::other_kind(format, content));
    }
    let header = Header::read(content).map_err(|fault| InvalidFile::damaged(format, fault))?;
    let (width, height) = (header.width.into(), header.height.into());
    pixels::check(format, width, height)?;
    if header.is_buffered() && u64::from(width) * u64::from(height) > BUFFERED_MAX_PIXELS {
        return Err(InvalidFile::too_much(format, "more than 25 million pixels in a progressive picture"));
    }
    let mut notes = BTreeSet::new();
    match scans::end_marker(header.scan) {
        None => drop(notes.insert(Note::MissingEndMarker)),
        Some(end) if end < header.scan.len() => drop(notes.insert(Note::BytesAfter)),
        Some(_) => {}
    }
    let is_whole = !notes.contains(&Note::MissingEndMarker) || !header.is_progressive();
    if !is_whole && !scans::cover_all(&header) {
        return Err(InvalidFile::damaged(format, "its picture ends too early"));
    }
    if header.had_stray_bytes {
        notes.insert(Note::RepairedStructure);
    }
    if decode(&header, true).is_none() {
        // Viewers show a picture up to where its data is damaged, but one cut short is a failed transfer.
        let can_be_in_part = !notes.contains(&Note::MissingEndMarker) && !header.is_buffered();
        let shown = can_be_in_part.then(|| decode(&header, false)).flatten();
        if !shown.is_some_and(|pixels| is_mostly_decoded(&pixels)) {
            return Err(InvalidFile::damaged(format, "its picture cannot be decoded or ends too early"));
        }
        notes.insert(Note::RepairedStructure);
    }
    Ok(FileInspection::new(format, Extent::Pixels { width, height }, notes))
}

/// Decodes every block, or up to the first error. Of colours that can be left out, the brightness alone becomes pixels.
fn decode(header: &Header<'_>, every_block: bool) -> Option<Vec<u8>> {
    let mut picture = header.tidy();
    if header.is_progressive() {
        // Its decoder wants a marker behind every scan. A scan that is cut short runs into bits that are no code.
        picture.extend(NO_CODE.repeat(NO_CODES));
        picture.extend_from_slice(END);
    }
    let options = DecoderOptions::default().set_strict_mode(every_block).jpeg_set_max_scans(SCANS_MAX);
    let options = options.set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(picture.as_slice()), options);
    decoder.decode_headers().ok()?;
    if matches!(decoder.input_colorspace(), Some(ColorSpace::YCbCr | ColorSpace::Luma)) {
        decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::Luma));
    }
    decoder.decode().ok()
}

/// Whether half of a picture was decoded. The decoder fills the rest with grey.
fn is_mostly_decoded(pixels: &[u8]) -> bool {
    let grey = pixels.iter().rev().take_while(|pixel| **pixel == FILL).count();
    grey <= pixels.len() / 2
}
