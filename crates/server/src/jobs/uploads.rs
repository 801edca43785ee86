//! Deletion of unreferenced files, and adoption of unrecorded ones.

use std::time::Duration;

use parking_lot::Mutex;
use rebuttal_protocol::{StorageUri, UnixMillis};
use rebuttal_store::{Maintenance, MarkedUpload};
use tokio::task::spawn_blocking;

use crate::clock;
use crate::gateway::Gateway;
use crate::gateway::upload_records::record;
use crate::jobs::delete_failures::DeleteFailures;
use crate::jobs::retention::{STEP, in_steps, step};

/// How long a file marked for deletion is kept: longer than a contest that found it unmarked can take to commit.
const MARKED_UPLOAD_RETENTION: Duration = Duration::from_secs(3600);
/// Files deleted in one step.
const DELETE_STEP: u32 = 200;
/// Age at which an unrecorded upload counts as orphaned: longer than recording ever takes.
const UNRECORDED_AFTER: Duration = Duration::from_secs(10 * 60);

/// Where the last aborted sweep ended; the next one continues after it.
#[derive(Default)]
pub(super) struct SweepPosition(Mutex<Option<MarkedUpload>>);

/// Marks unreferenced uploads for deletion, and deletes those that have been marked for an hour: first the file, then
/// the row, so that a crash in between is repaired by the next run. Replicas may delete the same files concurrently: a
/// missing file is no error, and the replica that deletes the row counts it.
pub(super) async fn sweep(
    gateway: &Gateway,
    now: UnixMillis,
    position: &SweepPosition,
) -> anyhow::Result<()> {
    let uploaded_before = now - gateway.unreferenced_upload_retention;
    in_steps(gateway, now, || Maintenance::MarkUnreferenced { uploaded_before, limit: STEP }).await?;
    let mut failures = DeleteFailures::default();
    loop {
        let after = *position.0.lock();
        let page = gateway.store.marked(now - MARKED_UPLOAD_RETENTION, after, DELETE_STEP).await?;
        let is_last = (page.len() as u32) < DELETE_STEP;
        let urls = delete(gateway, page, position, &mut failures).await;
        if !urls.is_empty() {
            let removed = step(&gateway.store, now, Maintenance::ForgetUploads { urls }).await?;
            metrics::counter!("rebuttal_uploads_swept_total").increment(removed);
        }
        if failures.is_limit_reached() {
            return failures.into_result();
        }
        if is_last {
            *position.0.lock() = None;
            return failures.into_result();
        }
    }
}

/// Deletes the files of a page one by one, and returns the deleted ones.
async fn delete(
    gateway: &Gateway,
    page: Vec<MarkedUpload>,
    position: &SweepPosition,
    failures: &mut DeleteFailures,
) -> Vec<StorageUri> {
    let mut deleted = Vec::with_capacity(page.len());
    for marked in page {
        match gateway.evidence.delete(&marked.url).await {
            Ok(()) => deleted.push(marked.url),
            Err(error) => failures.add(marked.url, error),
        }
        *position.0.lock() = Some(marked);
        if failures.is_limit_reached() {
            break;
        }
    }
    deleted
}

/// Records files that were orphaned while the gateway ran, for example because the database did not answer.
pub(super) async fn record_old_orphans(gateway: &Gateway) -> anyhow::Result<()> {
    record_orphans(gateway, clock::now() - UNRECORDED_AFTER).await
}

/// Records files that were stored before a moment but never confirmed, because the process died or recording failed.
pub(crate) async fn record_orphans(gateway: &Gateway, before: UnixMillis) -> anyhow::Result<()> {
    let Some((files, _)) = gateway.evidence.folder() else { return Ok(()) };
    loop {
        let orphans = files.unrecorded(before, gateway.judge.clone()).await?;
        if orphans.is_empty() {
            return Ok(());
        }
        for received in orphans {
            let inspection = Some(received.inspection.clone());
            match record(&gateway.store, received.uri, received.sha256, received.size, inspection).await? {
                Ok(_) => tracing::info!(uri = %received.uri, "adopted a stored file without a record"),
                // It has a record already, and is being deleted.
                Err(refused) => {
                    tracing::info!(uri = %received.uri, %refused, "stored file without a record not adopted")
                }
            }
            let files = files.clone();
            spawn_blocking(move || files.confirm(&received)).await??;
        }
    }
}
