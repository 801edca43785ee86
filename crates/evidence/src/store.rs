//! The evidence store: a folder to which this gateway receives uploads, or an S3 bucket that merchants post to.

use bytes::Bytes;
use rebuttal_protocol::storage_uri::BUCKET;
use rebuttal_protocol::{StorageUri, UnixMillis};

use crate::policy::{UPLOAD_URL_LIFETIME, UploadTarget, sign_form};
use crate::{Credentials, EvidenceError, FolderStore, Inspection, Judge, S3Store, UploadForm};

/// Where evidence is stored.
#[derive(Clone)]
pub enum EvidenceStore {
    /// A folder of this machine.
    Folder {
        /// Its files.
        files: FolderStore,
        /// The key pair that signs its forms.
        credentials: Credentials,
    },
    /// A bucket that merchants post to.
    S3(S3Store),
}

/// The record of an address, which never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedFile {
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// Its bytes.
    pub size: u64,
}

impl EvidenceStore {
    /// Issues the form for uploading one file. `own_url` is where this gateway receives forms.
    ///
    /// # Errors
    /// Where the store has no credentials; none for the folder.
    pub async fn form(
        &self,
        uri: &StorageUri,
        own_url: &str,
        now: UnixMillis,
    ) -> Result<UploadForm, EvidenceError> {
        match self {
            Self::Folder { credentials, .. } => {
                let target = UploadTarget {
                    url: own_url.to_owned(),
                    bucket: BUCKET,
                    key: uri.key(),
                    content_type: uri.format.media_type(),
                    max_bytes: uri.scene.max_bytes(),
                };
                Ok(sign_form(credentials, target, now, now + UPLOAD_URL_LIFETIME))
            }
            Self::S3(store) => store.form(uri, now).await,
        }
    }

    /// Whether an address gets its record when a contest first names it, rather than when its file is uploaded.
    pub const fn records_at_contest(&self) -> bool {
        matches!(self, Self::S3(_))
    }

    /// Reads what is stored at an address. Where a contest [makes the record](Self::records_at_contest), the
    /// content-addressed copy of a recorded file is read; a new file is judged, and must be recorded before anything
    /// relies on it. The caller compares the result with the record.
    ///
    /// # Errors
    /// Where the store does not answer, or belongs to another gateway.
    pub async fn inspect(
        &self,
        uri: &StorageUri,
        recorded: Option<RecordedFile>,
        judge: &dyn Judge,
    ) -> Result<Inspection, EvidenceError> {
        match (self, recorded) {
            (Self::Folder { files, .. }, _) => files.inspect(uri).await,
            (Self::S3(store), None) => in_its_place(store, store.store_by_hash(uri, judge).await?).await,
            (Self::S3(store), Some(recorded)) => {
                in_its_place(store, store.inspect_stored(uri, &recorded.sha256).await?).await
            }
        }
    }

    /// Reads a submitted file whole; `None` if it is missing. The caller compares its SHA-256.
    ///
    /// # Errors
    /// Where the store does not answer, or belongs to another gateway.
    pub async fn read(&self, uri: &StorageUri, sha256: &[u8; 32]) -> Result<Option<Bytes>, EvidenceError> {
        match self {
            Self::Folder { files, .. } => files.read(uri).await,
            Self::S3(store) => store.read(uri, sha256).await,
        }
    }

    /// Deletes everything that is stored for an address. It is no error if there is nothing.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn delete(&self, uri: &StorageUri) -> Result<(), EvidenceError> {
        match self {
            Self::Folder { files, .. } => files.delete(uri).await.map(drop),
            Self::S3(store) => store.delete(uri).await,
        }
    }

    /// Whether the store answers; for readiness checks.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn answers(&self) -> Result<(), EvidenceError> {
        match self {
            Self::Folder { files, .. } => files.answers().await,
            Self::S3(store) => store.answers().await,
        }
    }

    /// The bucket, where it is one.
    pub const fn s3(&self) -> Option<&S3Store> {
        match self {
            Self::Folder { .. } => None,
            Self::S3(store) => Some(store),
        }
    }

    /// The folder, where it is one, with the key pair of its forms.
    pub const fn folder(&self) -> Option<(&FolderStore, &Credentials)> {
        match self {
            Self::Folder { files, credentials } => Some((files, credentials)),
            Self::S3(_) => None,
        }
    }
}

/// A missing object counts as absent only in this gateway's bucket.
async fn in_its_place(store: &S3Store, look: Inspection) -> Result<Inspection, EvidenceError> {
    if look == Inspection::Absent {
        store.answers().await?;
    }
    Ok(look)
}
