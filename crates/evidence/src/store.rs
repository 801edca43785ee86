//! The evidence store as the rest of the gateway sees it: a folder that takes uploads itself, or an S3 that merchants
//! post to directly. What lies where, and what a contest may believe of it, is each store's own business.

use bytes::Bytes;
use rebuttal_protocol::storage_uri::BUCKET;
use rebuttal_protocol::{StorageUri, UnixMillis};

use crate::policy::{UPLOAD_URL_LIFETIME, UploadTarget, sign_form};
use crate::{Credentials, Error, FolderStore, Inspection, S3Store, UploadForm};

/// Where evidence lies.
#[derive(Clone)]
pub enum EvidenceStore {
    /// A folder of this machine.
    Folder {
        /// Its files.
        files: FolderStore,
        /// What its forms are signed with.
        credentials: Credentials,
    },
    /// A bucket that merchants post to.
    S3(S3Store),
}

/// What an address means for good, once that is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedFile {
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// Its bytes.
    pub size: u64,
}

impl EvidenceStore {
    /// Issues the form for uploading one file. `own_url` is where this gateway takes forms itself.
    ///
    /// # Errors
    /// Where the store's credentials are not to be had; none for the folder.
    pub async fn form(&self, uri: &StorageUri, own_url: &str, now: UnixMillis) -> Result<UploadForm, Error> {
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

    /// What a contest may believe of an address: what lies there now. Where that [becomes its
    /// record](Self::records_at_contest), of what is recorded already the sealed copy is read again, and what is found
    /// for the first time must be recorded before anything relies on it. That it is what was recorded is the caller's
    /// to compare.
    ///
    /// # Errors
    /// Where the store does not answer, or is not in its place. That is no absence.
    pub async fn inspect(
        &self,
        uri: &StorageUri,
        recorded: Option<RecordedFile>,
    ) -> Result<Inspection, Error> {
        match (self, recorded) {
            (Self::Folder { files, .. }, _) => files.inspect(uri).await,
            (Self::S3(store), None) => in_its_place(store, store.store_by_hash(uri).await?).await,
            (Self::S3(store), Some(recorded)) => {
                in_its_place(store, store.inspect_stored(uri, &recorded.sha256).await?).await
            }
        }
    }

    /// Reads a submitted file back whole; `None` if it is gone. The caller compares its SHA-256, whatever the store.
    ///
    /// # Errors
    /// Where the store does not answer, or is not in its place.
    pub async fn read(&self, uri: &StorageUri, sha256: &[u8; 32]) -> Result<Option<Bytes>, Error> {
        match self {
            Self::Folder { files, .. } => files.read(uri).await,
            Self::S3(store) => store.read(uri, sha256).await,
        }
    }

    /// Deletes everything that lies under an address; nothing there is no error.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn delete(&self, uri: &StorageUri) -> Result<(), Error> {
        match self {
            Self::Folder { files, .. } => files.delete(uri).await.map(drop),
            Self::S3(store) => store.delete(uri).await,
        }
    }

    /// Whether the store answers; for readiness checks.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn answers(&self) -> Result<(), Error> {
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

    /// The folder, where it is one, with what its forms are signed with.
    pub const fn folder(&self) -> Option<(&FolderStore, &Credentials)> {
        match self {
            Self::Folder { files, credentials } => Some((files, credentials)),
            Self::S3(_) => None,
        }
    }
}

/// Only in this gateway's own bucket is what is missing absent.
async fn in_its_place(store: &S3Store, look: Inspection) -> Result<Inspection, Error> {
    if look == Inspection::Absent {
        store.answers().await?;
    }
    Ok(look)
}
