//! The gateway's marker in a bucket: an object under a fixed name.

use bytes::Bytes;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::S3Store;
use super::store_by_hash::Fetched;
use crate::EvidenceError;
use crate::ownership::{MARKER_FILE, MARKER_MAX_BYTES, Ownership};

impl S3Store {
    /// Claims the bucket where it has no owner, and refuses it where it has another.
    pub(super) async fn claim(&self) -> Result<(), EvidenceError> {
        let shared = &self.shared;
        let location = format!("{MARKER_FILE} in the bucket {}", shared.bucket.name);
        let whose = match self.fetch(&shared.key(MARKER_FILE), MARKER_MAX_BYTES).await? {
            Fetched::Whole(found) => Ownership::by(Some(&found), &shared.marker, shared.holds_files),
            Fetched::Nothing => Ownership::by(None, &shared.marker, shared.holds_files),
            Fetched::TooMuch => Ownership::Foreign,
        };
        match whose {
            Ownership::Ours => Ok(()),
            Ownership::Unclaimed => self.put_marker().await,
            Ownership::Foreign => Err(EvidenceError::NotOurs(format!(
                "{location} is another gateway's; start with the bucket and prefix that belong to this database and \
                 master key"
            ))),
            Ownership::MarkerMissing => Err(EvidenceError::NotOurs(format!(
                "{location} is missing, although files have been uploaded. Configure or restore the bucket that has \
                 them; if they are lost, store an empty object there and start again"
            ))),
        }
    }

    /// Replicas that start concurrently write the same.
    async fn put_marker(&self) -> Result<(), EvidenceError> {
        let content = PutPayload::from_bytes(Bytes::from(format!("{}\n", self.shared.marker)));
        let put = self.shared.store.put(&self.shared.key(MARKER_FILE), content).await;
        put.map(drop).map_err(EvidenceError::s3("store the ownership marker"))
    }
}
