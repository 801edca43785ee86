//! A picture, made smaller and turned as its camera was held.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder};
use rebuttal_protocol::{FileFormat, InvalidFile};

use super::{PREVIEW_MAX_PIXELS, not_shown};
use crate::{jpeg, png};

/// Most bytes of a decoded picture: 50 million pixels of three bytes.
const DECODED_MAX_BYTES: u64 = 150_000_000;

pub(super) fn jpeg(content: &[u8], format: FileFormat, width: u16) -> Result<DynamicImage, InvalidFile> {
    let header = jpeg::Header::read(content).map_err(|fault| InvalidFile::damaged(format, fault))?;
    let orientation = header.exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
    let decoder = JpegDecoder::new(Cursor::new(header.tidy())).map_err(|_| not_shown(format))?;
    shrink(decoder, format, orientation, width)
}

pub(super) fn png(content: &[u8], width: u16) -> Result<DynamicImage, InvalidFile> {
    let format = FileFormat::Png;
    let mut decoder = PngDecoder::new(Cursor::new(png::tidy(content))).map_err(|_| not_shown(format))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    shrink(decoder, format, orientation, width)
}

fn shrink(
    decoder: impl ImageDecoder,
    format: FileFormat,
    orientation: Orientation,
    width: u16,
) -> Result<DynamicImage, InvalidFile> {
    if decoder.total_bytes() > DECODED_MAX_BYTES {
        return Err(InvalidFile::too_much(format, "too many pixels for a preview"));
    }
    let picture = DynamicImage::from_decoder(decoder).map_err(|_| not_shown(format))?;
    let is_on_its_side = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let limits = [u32::from(width), u32::from(PREVIEW_MAX_PIXELS)];
    let [across, down] = if is_on_its_side { [limits[1], limits[0]] } else { limits };
    let is_larger = picture.width() > across || picture.height() > down;
    let mut preview = if is_larger { picture.thumbnail(across, down) } else { picture };
    preview.apply_orientation(orientation);
    Ok(preview.into_rgba8().into())
}
