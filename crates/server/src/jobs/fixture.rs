//! A real S3 server and a real database for the tests of the jobs.

use std::net::SocketAddr;
use std::path::Path;

use futures_util::FutureExt as _;
use futures_util::future::ready;
use rebuttal_evidence::{AwsVariables, Judge, Judging, S3Store, StorageLocation};
use rebuttal_protocol::StorageUri;
use rebuttal_store::{Location, Options, Store};
use rebuttal_testbed::s3;

/// The readers of documents, in this process.
pub(super) struct Readers;

impl Judge for Readers {
    fn judge<'a>(&'a self, uri: &'a StorageUri, content: &'a [u8]) -> Judging<'a> {
        ready(Ok(rebuttal_documents::inspect(content, uri.format))).boxed()
    }
}

pub(super) struct Fixture {
    pub(super) folder: tempfile::TempDir,
    pub(super) objects: s3::Bucket,
    pub(super) bucket: S3Store,
    pub(super) store: Store,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = s3::Store::shared().bucket();
        let bucket = bucket_through(&objects, objects.store.address);
        let store = open(folder.path()).await;
        Self { folder, objects, bucket, store }
    }
}

/// The bucket as seen by a gateway that reaches S3 at this address.
pub(super) fn bucket_through(objects: &s3::Bucket, address: SocketAddr) -> S3Store {
    let credentials = objects.store.credentials();
    let variable = |name: &str| Some(credentials.iter().find(|(known, _)| *known == name)?.1.clone());
    let Ok(StorageLocation::Bucket(place)) = objects.evidence_url_through(address).parse() else {
        panic!("a bucket")
    };
    S3Store::open(&place, None, &AwsVariables::read(variable), "mark", false).unwrap()
}

/// Opens the database in a folder.
pub(super) async fn open(folder: &Path) -> Store {
    let location = Location::from(folder.join("rebuttal.db").as_path());
    Store::open(&location, &Options::default()).await.unwrap()
}
