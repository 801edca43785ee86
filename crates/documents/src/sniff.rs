//! Names the kind of a file by its first bytes, for the error text that shows a merchant what was uploaded by mistake.

use rebuttal_protocol::{FileFormat, InvalidFile};

/// The first bytes of a PNG.
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// The first bytes of a JPEG: start of image and the first byte of any marker.
pub(crate) const JPEG: &[u8] = b"\xff\xd8\xff";
/// The first bytes of a PDF, as far as viewers look at them.
pub(crate) const PDF: &[u8] = b"%PDF";
/// The first bytes of a ZIP that has entries.
pub(crate) const ZIP: &[u8] = b"PK\x03\x04";
/// The first bytes of an OLE container.
pub(crate) const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// Magic bytes, their offset, and the kind of file.
const SIGNATURES: [(&[u8], usize, &str); 24] = [
    (PNG, 0, "a PNG image"),
    (JPEG, 0, "a JPEG image"),
    (PDF, 0, "a PDF document"),
    (ZIP, 0, "a ZIP archive (perhaps a newer Office document)"),
    (OLE, 0, "an older Office document"),
    (b"GIF8", 0, "a GIF image"),
    (b"WEBP", 8, "a WebP image"),
    (b"ftypheic", 4, "a HEIC image"),
    (b"ftypheix", 4, "a HEIC image"),
    (b"ftypmif1", 4, "a HEIF image"),
    (b"ftypavif", 4, "an AVIF image"),
    (b"ftyp", 4, "a video"),
    (b"II*\0", 0, "a TIFF image"),
    (b"MM\0*", 0, "a TIFF image"),
    (b"BM", 0, "a BMP image"),
    (b"{\\rtf", 0, "a rich text document"),
    (b"Rar!", 0, "a RAR archive"),
    (b"7z\xbc\xaf", 0, "a 7z archive"),
    (b"\x1f\x8b", 0, "a gzip archive"),
    (b"MZ", 0, "a program"),
    (b"\x7fELF", 0, "a program"),
    (b"#!", 0, "a script"),
    (b"PK\x05\x06", 0, "an empty ZIP archive"),
    (b"%!PS", 0, "a PostScript document"),
];

/// Beginnings of markup, in lower case, after white space.
const MARKUP: [(&[u8], &str); 5] = [
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<table", "an HTML table"),
    (b"<svg", "an SVG image"),
    (b"<?xml", "an XML document"),
];

/// How many bytes are read to distinguish text from other data.
const TEXT_SAMPLE_BYTES: usize = 512;

/// The known kind that a file begins like.
fn known_kind(content: &[u8]) -> Option<&'static str> {
    let matches =
        |signature: &[u8], at: usize| content.get(at..).is_some_and(|rest| rest.starts_with(signature));
    if let Some((_, _, kind)) = SIGNATURES.iter().find(|(signature, at, _)| matches(signature, *at)) {
        return Some(kind);
    }
    let sample = sample(content);
    let text = sample.strip_prefix(b"\xef\xbb\xbf").unwrap_or(sample).trim_ascii_start();
    let begins =
        |prefix: &[u8]| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    MARKUP.iter().find(|(prefix, _)| begins(prefix)).map(|(_, kind)| *kind)
}

/// Whether a file begins like one of the kinds that are not text.
pub(crate) fn is_binary(content: &[u8]) -> bool {
    known_kind(content).is_some_and(|kind| !MARKUP.iter().any(|(_, markup)| *markup == kind))
}

fn sample(content: &[u8]) -> &[u8] {
    content.get(..TEXT_SAMPLE_BYTES).unwrap_or(content)
}

fn kind_of(content: &[u8]) -> &'static str {
    if let Some(kind) = known_kind(content) {
        return kind;
    }
    match sample(content) {
        [] => "empty",
        sample if sample.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..)) => {
            "text"
        }
        _ => "data of another kind",
    }
}

/// The error for a file that does not begin like its format.
pub(crate) fn other_kind(format: FileFormat, content: &[u8]) -> InvalidFile {
    let found = kind_of(content);
    InvalidFile::OtherKind { format, found: found.into() }
}
