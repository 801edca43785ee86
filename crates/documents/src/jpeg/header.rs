//! The segments before a JPEG's first scan, found as common readers find them: bytes between markers are skipped.

use super::START;

const START_OF_SCAN: u8 = 0xda;
const END_OF_IMAGE: u8 = 0xd9;
const QUANTISATION: u8 = 0xdb;
const HUFFMAN: u8 = 0xc4;
const RESTART_INTERVAL: u8 = 0xdd;
const EXIF: u8 = 0xe1;
const ADOBE: u8 = 0xee;
// Length of the segment in which Adobe programs say how colours are coded, without its marker.
const ADOBE_BYTES: usize = 14;
const PROGRESSIVE: [u8; 2] = [0xc2, 0xc6];

/// What is before the first scan, and the scan with all that follows.
pub(crate) struct Header<'a> {
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// The EXIF data, if there is any.
    pub(crate) exif: Option<&'a [u8]>,
    /// From the first scan's marker to the end of the file.
    pub(super) scan: &'a [u8],
    /// Whether common readers skip bytes between the markers.
    pub(super) had_stray_bytes: bool,
    frame: u8,
    /// The identifiers of the picture's components.
    pub(super) components: Vec<u8>,
    /// The segments that a decoder needs, with their markers.
    segments: Vec<&'a [u8]>,
}

/// A segment: its marker, and the bytes from its length on.
struct Segment<'a> {
    marker: u8,
    whole: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    pub(crate) fn read(content: &'a [u8]) -> Result<Self, &'static str> {
        let mut header = Header {
            width: 0,
            height: 0,
            exif: None,
            scan: &[],
            had_stray_bytes: false,
            frame: 0,
            components: Vec::new(),
            segments: Vec::new(),
        };
        let mut rest = content.get(START.len()..).unwrap_or_default();
        loop {
            let (stray_bytes, marked) = next_marker(rest).ok_or("it ends within its header")?;
            header.had_stray_bytes |= stray_bytes > 0;
            let segment = match marked {
                [_, END_OF_IMAGE, ..] => return Err("it has no picture data"),
                [_, START_OF_SCAN, ..] if header.frame == 0 => return Err("its header lacks the dimensions"),
                [_, START_OF_SCAN, ..] => {
                    header.scan = marked;
                    return Ok(header);
                }
                _ => segment(marked),
            };
            // A marker whose length cannot be right is a stray one.
            header.had_stray_bytes |= segment.is_none();
            rest =
                marked.get(segment.as_ref().map_or(2, |segment| segment.whole.len())..).unwrap_or_default();
            if let Some(segment) = segment {
                header.add(&segment)?;
            }
        }
    }

    fn add(&mut self, segment: &Segment<'a>) -> Result<(), &'static str> {
        let is_needed = match segment.marker {
            // The frame headers of every coding. The excluded values are tables and other segments.
            0xc0..=0xcf if !matches!(segment.marker, HUFFMAN | 0xc8 | 0xcc) => {
                let [_, height_high, height_low, width_high, width_low, count, components @ ..] =
                    segment.data
                else {
                    return Err("it ends within its header");
                };
                self.height = u16::from_be_bytes([*height_high, *height_low]);
                self.width = u16::from_be_bytes([*width_high, *width_low]);
                self.frame = segment.marker;
                let components = components.chunks(3).take((*count).into());
                self.components = components.filter_map(|component| component.first().copied()).collect();
                true
            }
            EXIF => {
                self.exif = self.exif.or_else(|| segment.data.strip_prefix(b"Exif\0\0"));
                false
            }
            ADOBE => segment.whole.len() >= ADOBE_BYTES + 2 && segment.data.starts_with(b"Adobe"),
            QUANTISATION | HUFFMAN | RESTART_INTERVAL => true,
            _ => false,
        };
        if is_needed {
            self.segments.push(segment.whole);
        }
        Ok(())
    }

    pub(super) fn is_progressive(&self) -> bool {
        PROGRESSIVE.contains(&self.frame)
    }

    /// Whether a decoder holds the coefficients, or four colours, of the whole picture.
    pub(super) fn is_buffered(&self) -> bool {
        let in_first_scan = self.scan.get(4).copied().unwrap_or_default();
        self.is_progressive()
            || usize::from(in_first_scan) < self.components.len()
            || self.components.len() > 3
    }

    /// The picture with the segments that a decoder needs and nothing between them.
    pub(crate) fn tidy(&self) -> Vec<u8> {
        [&[START], self.segments.as_slice(), &[self.scan]].concat().concat()
    }
}

/// How many bytes are before the next marker, and the rest from its last `FF` on.
fn next_marker(content: &[u8]) -> Option<(usize, &[u8])> {
    let mut at = 0;
    loop {
        at += memchr::memchr(0xff, content.get(at..)?)?;
        let fill = content.get(at + 1..)?.iter().take_while(|byte| **byte == 0xff).count();
        match content.get(at + 1 + fill)? {
            0 => at += fill + 2,
            _ => return Some((at, content.get(at + fill..)?)),
        }
    }
}

/// The segment that a marker begins; `None` if it has no length, or not a possible one.
fn segment(marked: &[u8]) -> Option<Segment<'_>> {
    let [_, marker, high, low, ..] = *marked else { return None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let has_length = !matches!(marker, 0x01 | 0xd0..=0xd8);
    let whole = marked.get(..2 + length).filter(|_| has_length && length >= 2)?;
    Some(Segment { marker, whole, data: whole.get(4..)? })
}
