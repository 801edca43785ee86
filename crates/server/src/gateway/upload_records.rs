//! Records the file of a storage URI: at an upload to the folder, at the first contest that refers to an upload in S3,
//! and when a file is adopted whose record was never committed.

use rebuttal_disputes::{Fingerprint, FoundFile};
use rebuttal_protocol::{FileInspection, Note, StorageUri};
use rebuttal_store::{CommitError, Operation, Store, Upload, WriteRequest, WriteResult};

use crate::clock;

/// Records permanently which file a storage URI refers to, whatever is stored there later. Recording the same file
/// again is a repetition; another file is rejected, and the first stays. What an operator should know before opening it
/// is logged.
pub(crate) async fn record(
    store: &Store,
    url: StorageUri,
    sha256: [u8; 32],
    size: u64,
    inspection: Option<FileInspection>,
) -> Result<WriteResult, CommitError> {
    let media_type = url.format.media_type().to_owned();
    let file = FoundFile { sha256: Fingerprint(sha256), size, media_type };
    let notes = inspection.as_ref().map(|inspection| inspection.notes.clone()).unwrap_or_default();
    let operation = Operation::RecordUpload { upload: Upload { url, file }, inspection };
    let recorded = store.commit(WriteRequest::internal(clock::now(), operation)).await?;
    if recorded.is_ok() && !notes.is_empty() {
        let notes: Vec<_> = notes.into_iter().map(Note::as_str).collect();
        tracing::info!(%url, notes = notes.join(" "), "evidence file has what operators should know before opening it");
    }
    Ok(recorded)
}
