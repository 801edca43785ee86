//! Deletion of old uploads and of addresses that no submission refers to. Lists are read in bounded pages; the gateway,
//! which has the records, decides what is deleted.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore as _, ObjectStoreExt as _};
use rebuttal_protocol::{StorageUri, UnixMillis, hex_digits};

use super::{S3Inner, S3Store};
use crate::EvidenceError;

/// Most keys of one page, S3's limit.
pub const PAGE_MAX: usize = 1000;
/// Most copies of one address that are listed. A lost race leaves one; any further ones are deleted by the next run.
const COPIES_MAX: usize = 16;

/// A page of old uploads.
#[derive(Debug, Default)]
pub struct OldUploads {
    /// The uploads of the page that are old enough.
    pub uploads: Vec<StorageUri>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

impl S3Store {
    /// A page of uploads that were last written before a time, by the store's clock; `after` is the page before.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where the store does not answer.
    pub async fn old_uploads(
        &self,
        before: UnixMillis,
        after: Option<&str>,
    ) -> Result<OldUploads, EvidenceError> {
        let shared = &self.shared;
        let folder = shared.key("m");
        let listed = match after {
            Some(after) => shared.store.list_with_offset(Some(&folder), &Path::from(after)),
            None => shared.store.list(Some(&folder)),
        };
        let page: Vec<_> =
            listed.take(PAGE_MAX).try_collect().await.map_err(EvidenceError::s3("list uploads"))?;
        let next = page.last().filter(|_| page.len() == PAGE_MAX).map(|last| last.location.to_string());
        let old = |object: &ObjectMeta| object.last_modified.timestamp_millis() < before.0;
        let uploads = page.iter().filter(|object| old(object)).filter_map(|object| {
            let key = object.location.as_ref().strip_prefix(&shared.bucket.prefix)?;
            StorageUri::from_key(key).ok()
        });
        Ok(OldUploads { uploads: uploads.collect(), next })
    }

    /// A content-addressed copy of an address, with SHA-256 and size: if the address has no record, one whose record
    /// was never committed.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where the store does not answer.
    pub async fn stored_copy(&self, uri: &StorageUri) -> Result<Option<([u8; 32], u64)>, EvidenceError> {
        let copies = self.shared.copies(uri).await?;
        Ok(copies.iter().find_map(|copy| {
            let digits = copy.location.filename()?.strip_suffix(uri.format.extension())?;
            Some((hex_digits::parse(digits.strip_suffix('.')?)?, copy.size))
        }))
    }

    /// Deletes an upload, and keeps its copy.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where the store does not answer.
    pub async fn delete_upload(&self, uri: &StorageUri) -> Result<(), EvidenceError> {
        self.shared.delete(&self.shared.uploaded(uri)).await
    }

    /// Deletes everything of an address: the upload and every copy.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where the store does not answer.
    pub async fn delete(&self, uri: &StorageUri) -> Result<(), EvidenceError> {
        self.delete_upload(uri).await?;
        let copies = self.shared.copies(uri).await?;
        stream::iter(copies.iter().map(Ok)).try_for_each(|copy| self.shared.delete(&copy.location)).await
    }
}

impl S3Inner {
    async fn copies(&self, uri: &StorageUri) -> Result<Vec<ObjectMeta>, EvidenceError> {
        let listed = self.store.list(Some(&self.hash_prefix(uri))).take(COPIES_MAX);
        listed.try_collect().await.map_err(EvidenceError::s3("list copies"))
    }

    /// Deletes an object. S3 does not report whether it existed.
    async fn delete(&self, key: &Path) -> Result<(), EvidenceError> {
        match self.store.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(EvidenceError::s3("delete a file")(error)),
        }
    }
}
