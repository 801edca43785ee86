//! How large a picture may be, checked before its pixels are allocated.

use rebuttal_protocol::{FileFormat, InvalidFile};

/// Longest side of a picture; long screenshots of receipts reach 20,000.
const SIDE_MAX_PIXELS: u32 = 30_000;
/// Most pixels of a picture. Telephones make photos of 50 million, in larger files than may be uploaded.
const IMAGE_MAX_PIXELS: u64 = 50_000_000;

pub(crate) fn check(format: FileFormat, width: u32, height: u32) -> Result<(), InvalidFile> {
    if width == 0 || height == 0 {
        return Err(InvalidFile::damaged(format, "its picture has no width or no height"));
    }
    if width.max(height) > SIDE_MAX_PIXELS {
        return Err(InvalidFile::too_much(format, "a side of more than 30,000 pixels"));
    }
    if u64::from(width) * u64::from(height) > IMAGE_MAX_PIXELS {
        return Err(InvalidFile::too_much(format, "more than 50 million pixels"));
    }
    Ok(())
}
