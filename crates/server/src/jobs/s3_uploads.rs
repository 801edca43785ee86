//! Deletion of old uploads in S3, contested or not: a contest relies on its content-addressed copy. Only this job lists
//! the bucket; a lifecycle rule of the bucket that expires `m/` does the same with less effort, and is safe.

use parking_lot::Mutex;
use rebuttal_evidence::S3Store;
use rebuttal_protocol::{StorageUri, UnixMillis};
use rebuttal_store::Store;

use crate::gateway::Gateway;
use crate::gateway::upload_records::record;
use crate::jobs::delete_failures::DeleteFailures;

/// Pages of 1,000 keys listed in one run; the next run continues where this one ended.
const PAGES_MAX: usize = 100;

/// Where the last sweep ended.
#[derive(Default)]
pub(super) struct ListingPosition(Mutex<Option<String>>);

/// Lists some pages and deletes their old uploads.
pub(super) async fn sweep(
    gateway: &Gateway,
    now: UnixMillis,
    position: &ListingPosition,
) -> anyhow::Result<()> {
    let Some(bucket) = gateway.evidence.s3() else { return Ok(()) };
    let before = now - gateway.unreferenced_upload_retention;
    let mut failures = DeleteFailures::default();
    for _ in 0..PAGES_MAX {
        let after = position.0.lock().clone();
        let next = sweep_page(&gateway.store, bucket, before, after.as_deref(), &mut failures).await?;
        let is_last = next.is_none();
        *position.0.lock() = next;
        if is_last || failures.is_limit_reached() {
            break;
        }
    }
    failures.into_result()
}

/// Deletes the old uploads of one page, and returns where the next one begins.
async fn sweep_page(
    store: &Store,
    bucket: &S3Store,
    before: UnixMillis,
    after: Option<&str>,
    failures: &mut DeleteFailures,
) -> anyhow::Result<Option<String>> {
    let page = bucket.old_uploads(before, after).await?;
    for url in page.uploads {
        if let Err(error) = delete(store, bucket, &url).await {
            failures.add(url, error);
        }
        if failures.is_limit_reached() {
            break;
        }
    }
    Ok(page.next)
}

async fn delete(store: &Store, bucket: &S3Store, url: &StorageUri) -> anyhow::Result<()> {
    adopt_copy(store, bucket, url).await?;
    Ok(bucket.delete_upload(url).await?)
}

/// Records a content-addressed copy whose record was never committed, because the process died in between or the
/// database failed. From then on it is an unreferenced upload and is deleted as such: marked first, so that a contest
/// that has just found it cannot lose it, as it could if it were deleted here.
async fn adopt_copy(store: &Store, bucket: &S3Store, url: &StorageUri) -> anyhow::Result<()> {
    if store.upload(*url).await?.is_some() {
        return Ok(());
    }
    let Some((sha256, size)) = bucket.stored_copy(url).await? else { return Ok(()) };
    match record(store, *url, sha256, size, None).await? {
        Ok(_) => tracing::info!(%url, "adopted a content-addressed copy without a record"),
        // A contest recorded it first, with its own content-addressed copy.
        Err(refused) => tracing::info!(%url, %refused, "content-addressed copy without a record not adopted"),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
