//! JPEG: the segments up to the first scan, the dimensions among them, and the end marker. Nothing is decoded.

use memchr::memmem;
use rebuttal_protocol::FileFormat;

use super::dimensions;
use super::reader::{byte, u16_be};
use super::{InvalidFile, sniff};

const START_OF_SCAN: u8 = 0xda;
const END_OF_IMAGE: u8 = 0xd9;
const MARKER: u8 = 0xff;

pub(super) fn validate(format: FileFormat, content: &[u8]) -> Result<(), InvalidFile> {
    if !content.starts_with(sniff::JPEG) {
        return Err(sniff::other_kind(format, content));
    }
    let damaged = |fault| InvalidFile::damaged(format, fault);
    let mut at = 2;
    let mut seen_frame = false;
    loop {
        let (marker, segment) = next_marker(content, at).ok_or(damaged("it ends within its header"))?;
        match marker {
            // Markers without a length may appear anywhere.
            0x01 | 0xd0..=0xd7 => {
                at = segment;
                continue;
            }
            END_OF_IMAGE => return Err(damaged("it has no picture data")),
            START_OF_SCAN if !seen_frame => return Err(damaged("its header lacks the dimensions")),
            START_OF_SCAN => break,
            // The frame headers of every coding. The excluded values are tables and other segments.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let sizes = [u16_be(content, segment + 5), u16_be(content, segment + 3)];
                let [Some(width), Some(height)] = sizes else {
                    return Err(damaged("it ends within its header"));
                };
                dimensions::validate(format, width.into(), height.into())?;
                seen_frame = true;
            }
            _ => {}
        }
        let length = u16_be(content, segment).filter(|length| *length >= 2);
        at = segment + usize::from(length.ok_or(damaged("a field of its header is invalid"))?);
    }
    let scan = content.get(at..).unwrap_or_default();
    memmem::rfind(scan, &[MARKER, END_OF_IMAGE]).map(drop).ok_or(damaged("it ends before its end marker"))
}

/// The marker at a position, any number of fill bytes skipped, and where its segment begins.
fn next_marker(content: &[u8], at: usize) -> Option<(u8, usize)> {
    let rest = content.get(at..)?;
    let fill = rest.iter().take_while(|byte| **byte == MARKER).count();
    if fill == 0 {
        return None;
    }
    let marker = byte(rest, fill)?;
    (marker != 0).then_some((marker, at + fill + 1))
}
