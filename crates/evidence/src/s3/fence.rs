//! The fence in a bucket: an object under a fixed name.

use bytes::Bytes;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::S3Store;
use super::store_by_hash::Fetched;
use crate::{EvidenceError, Fence};

/// The object that holds the fence.
const FENCE_FILE: &str = "gateway.fence";
/// Most bytes of that object; a longer one has no fence.
const FENCE_MAX_BYTES: u64 = 1024;

impl S3Store {
    /// The fence in the bucket; `None` where there is none, or an empty object, by which an operator claims the bucket.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where the store does not answer; [`EvidenceError::NotOurs`] where the object has other
    /// content.
    pub async fn fence(&self) -> Result<Option<Fence>, EvidenceError> {
        let strange =
            || EvidenceError::NotOurs(format!("{} does not contain a fence; delete it", self.fence_name()));
        let found = match self.fetch(&self.shared.key(FENCE_FILE), FENCE_MAX_BYTES).await? {
            Fetched::Nothing => return Ok(None),
            Fetched::TooMuch => return Err(strange()),
            Fetched::Whole(found) => found,
        };
        match found.trim_ascii() {
            [] => Ok(None),
            text => {
                str::from_utf8(text).ok().and_then(|text| text.parse().ok()).map(Some).ok_or_else(strange)
            }
        }
    }

    /// Replaces the fence. A late write does no harm: the database is ahead of it.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where the store refuses it.
    pub async fn put_fence(&self, fence: Fence) -> Result<(), EvidenceError> {
        let content = PutPayload::from_bytes(Bytes::from(format!("{fence}\n")));
        let put = self.shared.store.put(&self.shared.key(FENCE_FILE), content).await;
        put.map(drop).map_err(EvidenceError::s3("write the fence"))
    }

    /// The name of the object in messages.
    pub fn fence_name(&self) -> String {
        format!("{FENCE_FILE} in the bucket {}", self.shared.bucket.name)
    }
}
