//! Who judges whether a file is what its name says (contract §3). The readers of documents are not in this crate: files
//! are made to hurt them, so the server has them opened in processes of their own.

use futures_util::future::BoxFuture;
use rebuttal_protocol::{FileInspection, InvalidFile, StorageUri};

use crate::EvidenceError;

/// What a file is, or why it is not accepted, once it is judged.
pub type Judging<'a> = BoxFuture<'a, Result<Result<FileInspection, InvalidFile>, EvidenceError>>;

/// Judges files, whatever is in them, in bounded time and memory.
pub trait Judge: Send + Sync {
    /// What the content of a file at an address is, or why it is not accepted.
    ///
    /// # Errors
    /// [`EvidenceError::Unjudged`] where it could not be judged, which says nothing about the file.
    fn judge<'a>(&'a self, uri: &'a StorageUri, content: &'a [u8]) -> Judging<'a>;
}
