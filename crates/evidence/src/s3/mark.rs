//! The mark by which a gateway knows its own bucket, as it knows its own folder: an object under a fixed name. What is
//! missing in a bucket without it is not taken for absent.

use bytes::Bytes;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::S3Store;
use super::seal::Fetched;
use crate::Error;
use crate::folder::MARK_FILE;

impl S3Store {
    /// Makes the bucket this gateway's where it is new, and finds out whether it is otherwise.
    ///
    /// An empty mark is an operator's word that this is the bucket, whatever was in it before.
    pub(super) async fn claim(&self) -> Result<(), Error> {
        let shared = &self.shared;
        let place = format!("{MARK_FILE} in the bucket {}", shared.bucket.name);
        let found = self.fetch(&shared.key(MARK_FILE)).await?;
        match found {
            Fetched::Whole(mark) if mark.trim_ascii() == shared.mark.as_bytes() => Ok(()),
            Fetched::Whole(mark) if mark.trim_ascii().is_empty() => self.put_mark().await,
            Fetched::Whole(_) | Fetched::TooMuch => Err(Error::NotOurs(format!(
                "{place} is another gateway's; start with the bucket and prefix that belong to this database and master key"
            ))),
            Fetched::Nothing if shared.holds_files => Err(Error::NotOurs(format!(
                "{place} is missing, and yet files have been uploaded. Name or restore the bucket that they lie in; if \
                 they are lost for good, put an empty object there and start again"
            ))),
            Fetched::Nothing => self.put_mark().await,
        }
    }

    /// Replicas that start at once put the same.
    async fn put_mark(&self) -> Result<(), Error> {
        let content = PutPayload::from_bytes(Bytes::from(format!("{}\n", self.shared.mark)));
        let put = self.shared.store.put(&self.shared.key(MARK_FILE), content).await;
        put.map(drop).map_err(Error::s3("take the gateway's mark"))
    }
}
