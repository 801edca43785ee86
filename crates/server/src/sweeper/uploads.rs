//! Files that nothing refers to, and files that nothing records.

use std::time::Duration;

use rebuttal_protocol::UnixMillis;
use rebuttal_store::Upkeep;

use crate::clock;
use crate::gateway::Gateway;
use crate::recording::record;
use crate::sweeper::chores::{STEP, in_steps, step};

/// How long a marked file still lies there: longer than any contest that found it unmarked can take to commit.
const MARKED_KEPT: Duration = Duration::from_secs(3600);
/// Files that are deleted in one step.
const DELETE_STEP: u32 = 200;
/// How long an upload may lie unrecorded before it counts as left over: longer than recording ever takes.
const LEFTOVER_AFTER: Duration = Duration::from_secs(10 * 60);

/// Marks uploads that nothing refers to, and deletes those that were marked an hour ago and still are: first the file,
/// then the row, so that a crash in between is made up for.
pub(super) async fn sweep(gateway: &Gateway) -> anyhow::Result<()> {
    let uploaded_before = clock::now() - gateway.unreferenced_uploads_kept;
    in_steps(gateway, || Upkeep::MarkUnreferenced { uploaded_before, limit: STEP }).await?;
    loop {
        let urls = gateway.store.swept(clock::now() - MARKED_KEPT, DELETE_STEP).await?;
        let more = urls.len() as u32 == DELETE_STEP;
        for url in &urls {
            gateway.evidence.delete(url).await?;
            metrics::counter!("rebuttal_uploads_swept_total").increment(1);
        }
        if !urls.is_empty() && step(&gateway.store, Upkeep::ForgetUploads { urls }).await? == 0 {
            anyhow::bail!("deleted files could not be forgotten");
        }
        if !more {
            return Ok(());
        }
    }
}

/// Records what was left over while the gateway ran, as when the database could not record it.
pub(super) async fn adopt_leftovers(gateway: &Gateway) -> anyhow::Result<()> {
    adopt(gateway, clock::now() - LEFTOVER_AFTER).await
}

/// Records files that lie in their place but were last written before a moment and never confirmed, because the process
/// died or recording failed.
pub(crate) async fn adopt(gateway: &Gateway, before: UnixMillis) -> anyhow::Result<()> {
    let Some((files, _)) = gateway.evidence.folder() else { return Ok(()) };
    loop {
        let leftovers = files.unrecorded(before).await?;
        if leftovers.is_empty() {
            return Ok(());
        }
        for received in &leftovers {
            match record(&gateway.store, received.uri, received.sha256, received.size).await? {
                Ok(_) => tracing::info!(uri = %received.uri, "adopted a file whose arrival had not ended"),
                // It has a record already, and is being swept.
                Err(refused) => tracing::info!(uri = %received.uri, %refused, "a leftover is not adopted"),
            }
            files.confirm(received).await?;
        }
    }
}
