//! Validates that a file's content matches its name, within bounded time and memory (contract §3).
//!
//! Every validator reads only what it needs and trusts no length that it did not count. They are small parsers written
//! for this crate, because the libraries for these formats copy the file, inflate what a header declares, or refuse
//! files of real producers. Nothing is rendered or decoded.

mod dimensions;
mod invalid_file;
mod jpeg;
mod ole;
mod pdf;
mod png;
mod reader;
mod sniff;
mod xls;
mod xlsx;
mod zip;

use rebuttal_protocol::{FileFormat, Scene};

pub use invalid_file::InvalidFile;

/// Validates a file's content by the scene's limit and by the format of its name.
pub fn validate(scene: Scene, format: FileFormat, content: &[u8]) -> Result<(), InvalidFile> {
    if content.len() as u64 > scene.max_bytes() {
        return Err(InvalidFile::TooLarge { format, max_bytes: scene.max_bytes() });
    }
    match format {
        FileFormat::Jpg | FileFormat::Jpeg => jpeg::validate(format, content),
        FileFormat::Png => png::validate(content),
        FileFormat::Pdf => pdf::validate(content),
        FileFormat::Xls => xls::validate(content),
        FileFormat::Xlsx => xlsx::validate(content),
    }
}

#[cfg(test)]
mod tests;
