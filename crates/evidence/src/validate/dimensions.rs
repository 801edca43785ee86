//! How large a picture may be, in pixels, so that an operator's viewer can show it without running out of memory.

use rebuttal_protocol::FileFormat;

use super::InvalidFile;

/// Longest side of a picture; long screenshots of receipts reach 20,000.
const IMAGE_SIDE_MAX_PIXELS: u32 = 30_000;
/// Most pixels of a picture: 400 MB once decoded to four bytes each. Cameras reach 108 million, in larger files.
const IMAGE_MAX_PIXELS: u64 = 110_000_000;

pub(super) fn validate(format: FileFormat, width: u32, height: u32) -> Result<(), InvalidFile> {
    if width == 0 || height == 0 {
        return Err(InvalidFile::damaged(format, "its picture has no width or no height"));
    }
    if width.max(height) > IMAGE_SIDE_MAX_PIXELS {
        return Err(InvalidFile::too_much(format, "a side of more than 30,000 pixels"));
    }
    if u64::from(width) * u64::from(height) > IMAGE_MAX_PIXELS {
        return Err(InvalidFile::too_much(format, "more than 110 million pixels"));
    }
    Ok(())
}
