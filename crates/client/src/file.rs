//! One evidence file, read and checked against the contract's limits before anything is sent.

use std::io;
use std::path::Path;

use bytes::Bytes;
use rebuttal_protocol::file::Filename;
use rebuttal_protocol::{FileFormat, Scene};
use tokio::io::AsyncReadExt;

use crate::error::Error;

/// The scene of evidence files.
const SCENE: Scene = Scene::DisputeEvidence;

/// A file to upload: its content and its type.
///
/// The gateway does not store file names, so a generic name with the same extension is sent; the merchant's name for
/// the evidence is part of the contest.
#[derive(Debug, Clone)]
pub struct EvidenceFile {
    name: String,
    format: FileFormat,
    content: Bytes,
}

impl EvidenceFile {
    /// A file from its name and content. The extension determines the format.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the extension is not jpg, jpeg, png, pdf, xls or xlsx, or if the content is empty or
    /// longer than [`Scene::max_bytes`]. The gateway checks whether the content matches the extension.
    pub fn new(name: &str, content: impl Into<Bytes>) -> Result<Self, Error> {
        let content = content.into();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let format = SCENE.format(extension).ok_or_else(|| {
            let known = SCENE.extensions();
            Error::Invalid(format!("{name}: evidence must be a file with one of the extensions {known}"))
        })?;
        let max_bytes = SCENE.max_bytes();
        match content.len() as u64 {
            0 => Err(Error::Invalid(format!("{name}: the file is empty"))),
            bytes if bytes > max_bytes => {
                Err(Error::Invalid(format!("{name}: evidence must have at most {max_bytes} bytes")))
            }
            _ => Ok(Self { name: name.to_owned(), format, content }),
        }
    }

    /// Reads a file, at most one byte over the limit.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be read or is not a regular file, otherwise as [`EvidenceFile::new`].
    pub async fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let refused = |source: io::Error| Error::File { path: path.to_owned(), source };
        // Opening a pipe would wait for its writer.
        if !tokio::fs::metadata(path).await.map_err(refused)?.is_file() {
            return Err(refused(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
        }
        let file = tokio::fs::File::open(path).await.map_err(refused)?;
        let mut content = Vec::new();
        file.take(SCENE.max_bytes() + 1).read_to_end(&mut content).await.map_err(refused)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Self::new(&name, content)
    }

    /// The given name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The scene that it is uploaded for.
    #[must_use]
    pub const fn scene(&self) -> Scene {
        SCENE
    }

    /// The format of its extension.
    #[must_use]
    pub const fn format(&self) -> FileFormat {
        self.format
    }

    /// Its content.
    #[must_use]
    pub const fn content(&self) -> &Bytes {
        &self.content
    }

    /// The name that is sent: always valid, independent of the file's name on this machine.
    pub(crate) fn wire_name(&self) -> Result<Filename, Error> {
        Ok(format!("evidence.{}", self.format.extension()).parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGEST: usize = SCENE.max_bytes() as usize;

    #[test]
    fn a_file_is_checked_before_anything_is_sent() {
        let file = EvidenceFile::new("Quittung Nr. 5 (Köln).PDF", "%PDF-1.7").unwrap();
        assert_eq!((file.format(), file.wire_name().unwrap().as_str()), (FileFormat::Pdf, "evidence.pdf"));
        assert!(EvidenceFile::new("receipt.exe", "MZ").is_err());
        assert!(EvidenceFile::new("receipt", "x").is_err());
        assert!(EvidenceFile::new("receipt.png", "").is_err());
        assert!(EvidenceFile::new("receipt.png", vec![0; LARGEST]).is_ok());
        assert!(EvidenceFile::new("receipt.png", vec![0; LARGEST + 1]).is_err());
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let error = EvidenceFile::read("/nowhere/receipt.png").await.unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/receipt.png: "), "{error}");
        for special in [env!("CARGO_MANIFEST_DIR"), "/dev/zero"] {
            let error = EvidenceFile::read(special).await.unwrap_err();
            assert_eq!(error.to_string(), format!("{special}: it is not a regular file"));
        }
    }
}
