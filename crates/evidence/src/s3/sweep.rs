//! What goes: uploads that were kept long enough, and all that lies under an address that nothing refers to. Listed in
//! bounded pages; who decides what goes is the gateway, which knows the records.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore as _, ObjectStoreExt as _};
use rebuttal_protocol::{StorageUri, UnixMillis, hex_digits};

use super::{S3Store, Shared};
use crate::Error;

/// Most keys of one page, as S3 bounds it.
pub const PAGE_MAX: usize = 1000;
/// Most copies that are looked at under one address. A lost race leaves one; more tell of trouble, and go the next
/// time.
const COPIES_MAX: usize = 16;

/// A page of old uploads.
#[derive(Debug, Default)]
pub struct OldUploads {
    /// Those of the page that were last written before the moment asked for.
    pub uploads: Vec<StorageUri>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

impl S3Store {
    /// A page of uploads that were last written before a moment, by the store's clock; `after` is the page before.
    ///
    /// # Errors
    /// [`Error::S3`] where the store does not answer.
    pub async fn old_uploads(&self, before: UnixMillis, after: Option<&str>) -> Result<OldUploads, Error> {
        let shared = &self.shared;
        let folder = shared.key("m");
        let listed = match after {
            Some(after) => shared.store.list_with_offset(Some(&folder), &Path::from(after)),
            None => shared.store.list(Some(&folder)),
        };
        let page: Vec<_> = listed.take(PAGE_MAX).try_collect().await.map_err(Error::s3("list uploads"))?;
        let next = page.last().filter(|_| page.len() == PAGE_MAX).map(|last| last.location.to_string());
        let old = |object: &ObjectMeta| object.last_modified.timestamp_millis() < before.0;
        let uploads = page.iter().filter(|object| old(object)).filter_map(|object| {
            let key = object.location.as_ref().strip_prefix(&shared.bucket.prefix)?;
            StorageUri::from_key(key).ok()
        });
        Ok(OldUploads { uploads: uploads.collect(), next })
    }

    /// A sealed copy that lies under an address, with its SHA-256 and size, as its key tells them: one whose record was
    /// never committed, if the address has no record.
    ///
    /// # Errors
    /// [`Error::S3`] where the store does not answer.
    pub async fn stored_copy(&self, uri: &StorageUri) -> Result<Option<([u8; 32], u64)>, Error> {
        let copies = self.shared.copies(uri).await?;
        Ok(copies.iter().find_map(|copy| {
            let digits = copy.location.filename()?.strip_suffix(uri.format.extension())?;
            Some((hex_digits::parse(digits.strip_suffix('.')?)?, copy.size))
        }))
    }

    /// Deletes an upload, and leaves what was sealed of it.
    ///
    /// # Errors
    /// [`Error::S3`] where the store does not answer.
    pub async fn delete_upload(&self, uri: &StorageUri) -> Result<(), Error> {
        self.shared.delete(&self.shared.uploaded(uri)).await
    }

    /// Deletes everything that lies under an address: the upload and every sealed copy.
    ///
    /// # Errors
    /// [`Error::S3`] where the store does not answer.
    pub async fn delete(&self, uri: &StorageUri) -> Result<(), Error> {
        self.delete_upload(uri).await?;
        let copies = self.shared.copies(uri).await?;
        stream::iter(copies.iter().map(Ok)).try_for_each(|copy| self.shared.delete(&copy.location)).await
    }
}

impl Shared {
    async fn copies(&self, uri: &StorageUri) -> Result<Vec<ObjectMeta>, Error> {
        let listed = self.store.list(Some(&self.hash_prefix(uri))).take(COPIES_MAX);
        listed.try_collect().await.map_err(Error::s3("list sealed files"))
    }

    /// S3 does not tell whether something was there; a store that does is not asked to.
    async fn delete(&self, key: &Path) -> Result<(), Error> {
        match self.store.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::s3("delete a file")(error)),
        }
    }
}
