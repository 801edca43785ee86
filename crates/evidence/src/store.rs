//! The evidence store as the rest of the gateway sees it: a folder that takes uploads itself, or an S3 that merchants
//! post to directly. What lies where, and what a contest may believe of it, is each store's own business.

use bytes::Bytes;
use rebuttal_protocol::storage_uri::BUCKET;
use rebuttal_protocol::{StorageUri, UnixMillis};

use crate::policy::{Target, UPLOAD_URL_LIFETIME, sign_form};
use crate::{Credentials, Error, FolderStore, UploadForm};

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
}

impl EvidenceStore {
    /// Issues the form for uploading one file. `own_url` is where this gateway takes forms itself.
    ///
    /// # Errors
    /// None for the folder.
    pub async fn form(&self, uri: &StorageUri, own_url: &str, now: UnixMillis) -> Result<UploadForm, Error> {
        match self {
            Self::Folder { credentials, .. } => {
                let target = Target {
                    url: own_url.to_owned(),
                    bucket: BUCKET,
                    key: uri.key(),
                    content_type: uri.format.media_type(),
                };
                Ok(sign_form(credentials, target, now, now + UPLOAD_URL_LIFETIME))
            }
        }
    }

    /// Reads a submitted file back whole; `None` if it is gone. The caller compares its SHA-256.
    ///
    /// # Errors
    /// Where the store does not answer, or is not in its place.
    pub async fn read(&self, uri: &StorageUri) -> Result<Option<Bytes>, Error> {
        match self {
            Self::Folder { files, .. } => files.read(uri).await,
        }
    }

    /// Deletes everything that lies under an address; nothing there is no error.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn delete(&self, uri: &StorageUri) -> Result<(), Error> {
        match self {
            Self::Folder { files, .. } => files.delete(uri).await.map(drop),
        }
    }

    /// Whether the store answers; for readiness checks.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn answers(&self) -> Result<(), Error> {
        match self {
            Self::Folder { files, .. } => files.answers().await,
        }
    }

    /// The folder, where it is one, with what its forms are signed with.
    pub const fn folder(&self) -> Option<(&FolderStore, &Credentials)> {
        match self {
            Self::Folder { files, credentials } => Some((files, credentials)),
        }
    }
}
