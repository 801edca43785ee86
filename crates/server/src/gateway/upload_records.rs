//! Records the file of a storage URI: at an upload to the folder, at the first contest that refers to an upload in S3,
//! and when a file is adopted whose record was never committed.

use rebuttal_disputes::{Fingerprint, FoundFile};
use rebuttal_protocol::StorageUri;
use rebuttal_store::{CommitError, Operation, Store, Upload, WriteRequest, WriteResult};

use crate::clock;

/// Records permanently which file a storage URI refers to, whatever is stored there later. Recording the same file
/// again is a repetition; another file is rejected, and the first stays.
pub(crate) async fn record(
    store: &Store,
    url: StorageUri,
    sha256: [u8; 32],
    size: u64,
) -> Result<WriteResult, CommitError> {
    let media_type = url.format.media_type().to_owned();
    let file = FoundFile { sha256: Fingerprint(sha256), size, media_type };
    let operation = Operation::RecordUpload(Upload { url, file });
    store.commit(WriteRequest::internal(clock::now(), operation)).await
}
