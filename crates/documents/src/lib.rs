//! Evidence files, opened by readers of their formats: whether a file is what its name says, what it has in it, and how
//! a page of it looks (contract §3). No network, no files, nothing asynchronous.
//!
//! The readers are other people's crates and meet files made to hurt them. Limits here bound their work where a
//! look at the file can; a process of its own, limited in memory and processor time, has to bound the rest.

mod jpeg;
mod office;
mod pdf;
mod pixels;
mod png;
mod preview;
mod sniff;
pub mod worker;
mod xls;
mod xlsx;

use rebuttal_protocol::{FileFormat, FileInspection, InvalidFile};

pub use preview::PREVIEW_MAX_PIXELS;

/// Opens a file and says what it has in it, or why it cannot be evidence. What ordinary viewers open without asking is
/// taken, also when it needs repair.
///
/// # Errors
///
/// The content is of another format, cannot be shown, is protected, has something that runs, or exceeds a limit.
pub fn inspect(content: &[u8], format: FileFormat) -> Result<FileInspection, InvalidFile> {
    match format {
        FileFormat::Jpg | FileFormat::Jpeg => jpeg::inspect(content, format),
        FileFormat::Png => png::inspect(content),
        FileFormat::Pdf => pdf::inspect(content),
        FileFormat::Xls => xls::inspect(content),
        FileFormat::Xlsx => xlsx::inspect(content),
    }
}

/// A picture of one page, as PNG: of a document the page, of a workbook the first rows of the sheet with this number,
/// of a picture itself. Numbers start at 0; the width is a wish within [`PREVIEW_MAX_PIXELS`].
///
/// # Errors
///
/// As [`inspect`], and where there is no such page.
pub fn preview(content: &[u8], format: FileFormat, page: usize, width: u16) -> Result<Vec<u8>, InvalidFile> {
    preview::render(content, format, page, width)
}
