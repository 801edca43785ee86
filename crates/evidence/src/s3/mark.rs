//! The gateway's mark in a bucket: an object under a fixed name.

use bytes::Bytes;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::S3Store;
use super::seal::Fetched;
use crate::Error;
use crate::mark::{MARK_FILE, MARK_MAX_BYTES, Whose};

impl S3Store {
    /// Makes the bucket this gateway's where it is nobody's, and refuses it where it is not this gateway's.
    pub(super) async fn claim(&self) -> Result<(), Error> {
        let shared = &self.shared;
        let place = format!("{MARK_FILE} in the bucket {}", shared.bucket.name);
        let whose = match self.fetch(&shared.key(MARK_FILE), MARK_MAX_BYTES).await? {
            Fetched::Whole(found) => Whose::by(Some(&found), &shared.mark, shared.holds_files),
            Fetched::Nothing => Whose::by(None, &shared.mark, shared.holds_files),
            Fetched::TooMuch => Whose::Anothers,
        };
        match whose {
            Whose::Ours => Ok(()),
            Whose::Nobodys => self.put_mark().await,
            Whose::Anothers => Err(Error::NotOurs(format!(
                "{place} is another gateway's; start with the bucket and prefix that belong to this database and master key"
            ))),
            Whose::Lost => Err(Error::NotOurs(format!(
                "{place} is missing, and yet files have been uploaded. Name or restore the bucket that they lie in; if \
                 they are lost for good, put an empty object there and start again"
            ))),
        }
    }

    /// Replicas that start at once put the same.
    async fn put_mark(&self) -> Result<(), Error> {
        let content = PutPayload::from_bytes(Bytes::from(format!("{}\n", self.shared.mark)));
        let put = self.shared.store.put(&self.shared.key(MARK_FILE), content).await;
        put.map(drop).map_err(Error::s3("take the gateway's mark"))
    }
}
