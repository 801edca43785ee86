//! Tests with a real S3 server and a real database: what is deleted, what is kept, and what is recorded before.

use std::time::Duration;

use rebuttal_evidence::Inspection;
use rebuttal_testbed::s3::{Fault, Proxy};
use rebuttal_testbed::samples;

use super::*;
use crate::clock;
use crate::jobs::fixture::{Fixture, Readers, bucket_through};

const HOUR: Duration = Duration::from_secs(3600);

impl Fixture {
    async fn upload(&self, letter: &str) -> StorageUri {
        let text = format!("s3://uploaded/m/80/open/dispute-evidence/{}.png", letter.repeat(32));
        let uri: StorageUri = text.parse().unwrap();
        self.objects.put(&uri.key(), &samples::receipt(1).bytes);
        uri
    }

    async fn store_by_hash(&self, uri: &StorageUri) -> ([u8; 32], u64) {
        match self.bucket.store_by_hash(uri, &Readers).await.unwrap() {
            Inspection::Valid { sha256, size, .. } => (sha256, size),
            other => panic!("{other:?}"),
        }
    }

    async fn sweep(&self, before: UnixMillis) {
        self.sweep_through(&self.bucket, before).await.unwrap();
    }

    async fn sweep_through(&self, bucket: &S3Store, before: UnixMillis) -> anyhow::Result<()> {
        let mut failures = DeleteFailures::default();
        assert_eq!(sweep_page(&self.store, bucket, before, None, &mut failures).await.unwrap(), None);
        failures.into_result()
    }
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn old_uploads_are_deleted_and_their_copies_by_hash_kept() {
    let fixture = Fixture::new().await;
    let [contested, unused] = [fixture.upload("a").await, fixture.upload("b").await];
    let (sha256, size) = fixture.store_by_hash(&contested).await;
    record(&fixture.store, contested, sha256, size, None).await.unwrap().unwrap();
    fixture.sweep(clock::now() - HOUR).await;
    assert_eq!(fixture.objects.keys("m/").len(), 2, "both are recent");
    fixture.sweep(clock::now() + HOUR).await;
    assert_eq!(fixture.objects.keys("m/"), Vec::<String>::new());
    assert!(fixture.bucket.read(&contested, &sha256).await.unwrap().is_some());
    assert!(fixture.store.upload(unused).await.unwrap().is_none());
    drop(fixture.folder);
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn copy_without_a_record_is_recorded_before_deletion() {
    let fixture = Fixture::new().await;
    let uri = fixture.upload("c").await;
    let (sha256, size) = fixture.store_by_hash(&uri).await;
    fixture.sweep(clock::now() + HOUR).await;
    let recorded = fixture.store.upload(uri).await.unwrap().unwrap().file;
    assert_eq!((recorded.sha256.0, recorded.size), (sha256, size));
    assert!(fixture.bucket.read(&uri, &sha256).await.unwrap().is_some(), "it is deleted with its record");
    assert_eq!(fixture.objects.keys("m/"), Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs S3, which cargo xtask test starts"]
async fn failed_deletion_does_not_block_other_uploads() {
    let fixture = Fixture::new().await;
    let [failing, other] = [fixture.upload("d").await, fixture.upload("e").await];
    let proxy = Proxy::before(fixture.objects.store.address);
    // Its content-addressed copies are listed first.
    proxy.fault("GET", &"d".repeat(32), Fault::Fails);
    let bucket = bucket_through(&fixture.objects, proxy.address);
    let error = fixture.sweep_through(&bucket, clock::now() + HOUR).await.unwrap_err().to_string();
    assert!(error.contains(&failing.to_string()) && !error.contains(&other.to_string()), "{error}");
    assert_eq!(fixture.objects.keys("m/"), [failing.key()]);
}
