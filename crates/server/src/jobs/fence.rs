//! Whether this gateway's database is the original, which may delete evidence from its bucket, or a copy restored
//! elsewhere: see [`Fence`]. A copy runs everything else, so that it can be used for a rehearsal, and a fault here
//! stops no contest.

use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::{Context as _, ensure};
use parking_lot::Mutex;
use rebuttal_evidence::{Fence, S3Store};
use rebuttal_store::{Maintenance, Store};

use crate::clock;
use crate::jobs::FENCE_EVERY;
use crate::jobs::retention::step;

/// How long a gateway observes the fence before it sweeps, and before it advances a fence that it has not advanced
/// itself: within this time a gateway with the original database has advanced it several times, which identifies a
/// copy.
const OBSERVATION: Duration = Duration::from_secs(5 * 60);
/// How long a check of the fence is valid: a few failed checks do not stop sweeping.
const CHECK_VALID_FOR: Duration = FENCE_EVERY.saturating_mul(3);

/// The state of a bucket's fence. A folder has none: only one gateway at a time may use it.
pub(super) struct FenceHold {
    bucket: Option<S3Store>,
    /// The file with the fence as this gateway last advanced it. It is in the data directory, which a copy of the
    /// database does not include: with it a gateway can advance the fence immediately after a start, before a copy.
    file: PathBuf,
    view: Mutex<Option<FenceView>>,
}

/// Since when every check found this database's fence, and the time of the last check.
#[derive(Clone, Copy)]
struct FenceView {
    since: Instant,
    last: Instant,
}

impl FenceHold {
    pub(super) fn on(bucket: Option<S3Store>, file: PathBuf) -> Self {
        Self { bucket, file, view: Mutex::default() }
    }

    /// Whether unreferenced files may be deleted: evidence is in a folder, or the fence is held.
    pub(super) fn may_sweep(&self) -> bool {
        self.bucket.is_none() || self.is_held(Instant::now())
    }

    /// Checks the fence and advances it: immediately if it is as this gateway last advanced it, otherwise once it is
    /// held.
    ///
    /// # Errors
    /// If the fence was advanced by a gateway of another copy of the database, or if the database or the bucket does
    /// not answer.
    pub(super) async fn refresh(&self, store: &Store) -> anyhow::Result<()> {
        match &self.bucket {
            Some(bucket) => self.refresh_at(bucket, store, Instant::now()).await,
            None => Ok(()),
        }
    }

    async fn refresh_at(&self, bucket: &S3Store, store: &Store, now: Instant) -> anyhow::Result<()> {
        // In this order: a replica advances the fence in the database first, so the bucket is never ahead of it.
        let found = bucket.fence().await?;
        let stored = store.sweep_fence().await?;
        let kept = parse(stored.as_deref())?;
        let is_ours = Fence::is_ours(kept, found);
        self.note(is_ours, now);
        ensure!(is_ours, "{}", foreign_fence_message(&bucket.fence_name()));
        // If the bucket has no fence, an operator deleted it: this gateway must not put it back without observing
        // first.
        let is_unchanged = found.is_some() && kept.is_some() && self.last_advanced() == kept;
        if !self.is_held(now) && !is_unchanged {
            return Ok(());
        }
        let next = Fence::after(kept)?;
        let change = Maintenance::AdvanceFence { fence: next.to_string(), expected: stored };
        // Another replica may have advanced it since it was read.
        if step(store, clock::now(), change).await? == 1 {
            // Before the bucket: after a crash in between, the next start completes the advance.
            self.write_last_advanced(next)
                .with_context(|| format!("cannot write {}", self.file.display()))?;
            bucket.put_fence(next).await?;
        }
        Ok(())
    }

    /// The fence as this gateway last advanced it. An unreadable file counts as none, which costs five minutes of
    /// observation.
    fn last_advanced(&self) -> Option<Fence> {
        fs::read_to_string(&self.file).ok()?.trim_ascii().parse().ok()
    }

    fn write_last_advanced(&self, fence: Fence) -> io::Result<()> {
        let draft = self.file.with_extension("new");
        fs::write(&draft, format!("{fence}\n"))?;
        fs::rename(draft, &self.file)
    }

    fn note(&self, is_ours: bool, now: Instant) {
        let mut view = self.view.lock();
        *view = is_ours.then(|| FenceView { since: view.map_or(now, |view| view.since), last: now });
    }

    fn is_held(&self, now: Instant) -> bool {
        let is_old_enough = |view: FenceView| view.last.saturating_duration_since(view.since) >= OBSERVATION;
        let is_fresh = |view: FenceView| now.saturating_duration_since(view.last) < CHECK_VALID_FOR;
        self.view.lock().is_some_and(|view| is_old_enough(view) && is_fresh(view))
    }
}

/// Parses the fence stored in the database.
pub(crate) fn parse(kept: Option<&str>) -> anyhow::Result<Option<Fence>> {
    kept.map(str::parse).transpose().context("sweep_fence in the database's table meta cannot be read")
}

/// The error for a fence that was advanced by a gateway of another copy of the database.
pub(crate) fn foreign_fence_message(fence: &str) -> String {
    format!(
        "{fence} was advanced by a gateway that serves another copy of this database, so this gateway deletes nothing from \
         the bucket. In a rehearsal this is expected. If this is production, after a restore or because a rehearsal used \
         production's bucket: stop every gateway of the other copy, then delete that object"
    )
}

#[cfg(test)]
mod tests;
