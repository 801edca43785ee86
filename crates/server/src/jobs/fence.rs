//! Whether this gateway's database is the one that may have evidence deleted from its bucket, or a copy of it that was
//! restored elsewhere: see [`Fence`]. Everything else goes on in a copy, so that it can be rehearsed with, and so that
//! a mistake in this here stops no contest.

use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::{Context as _, ensure};
use parking_lot::Mutex;
use rebuttal_evidence::{Fence, S3Store};
use rebuttal_store::{Store, Upkeep};

use crate::clock;
use crate::jobs::FENCE_EVERY;
use crate::jobs::retention::step;

/// How long a gateway looks on before it sweeps, and before it moves a fence that it has not moved itself: one that
/// serves from the original database has moved it several times by then, and so shown a copy to be one.
const OBSERVATION: Duration = Duration::from_secs(5 * 60);
/// How long a look at the fence is good for: a few that fail stop no sweeping.
const CHECK_VALID_FOR: Duration = FENCE_EVERY.saturating_mul(3);

/// What is known of a bucket's fence. A folder has none: one gateway at a time may use it.
pub(super) struct FenceHold {
    bucket: Option<S3Store>,
    /// The file that holds the fence as this gateway last moved it. It lies in the data directory, which no copy of the
    /// database brings along: who has it need not be silent after a start, in which a copy could come first.
    moved: PathBuf,
    view: Mutex<Option<FenceView>>,
}

/// Since when the bucket has been this database's at every look, and when the last one was.
#[derive(Clone, Copy)]
struct FenceView {
    since: Instant,
    last: Instant,
}

impl FenceHold {
    pub(super) fn on(bucket: Option<S3Store>, moved: PathBuf) -> Self {
        Self { bucket, moved, view: Mutex::default() }
    }

    /// Whether what this database wants no more may be deleted: the store is its own, and nobody else moves its fence.
    pub(super) fn may_sweep(&self) -> bool {
        self.bucket.is_none() || self.is_held(Instant::now())
    }

    /// Looks at the fence, and moves it on: at once where it stands as this gateway has last_moved it, else once it is held
    /// firmly.
    ///
    /// # Errors
    /// Where the bucket is another copy's to sweep; and where database or bucket do not answer.
    pub(super) async fn refresh(&self, store: &Store) -> anyhow::Result<()> {
        match &self.bucket {
            Some(bucket) => self.refresh_at(bucket, store, Instant::now()).await,
            None => Ok(()),
        }
    }

    async fn refresh_at(&self, bucket: &S3Store, store: &Store, now: Instant) -> anyhow::Result<()> {
        // In this order: a replica that moves it in between moves the database first, so that the bucket is not ahead.
        let found = bucket.fence().await?;
        let stored = store.sweep_fence().await?;
        let kept = parse(stored.as_deref())?;
        let is_ours = Fence::is_ours(kept, found);
        self.note(is_ours, now);
        ensure!(is_ours, "{}", foreign_fence_message(&bucket.fence_name()));
        // Where there is none, an operator took it away, and not to have it back from whoever had it.
        let is_unchanged = found.is_some() && kept.is_some() && self.last_moved() == kept;
        if !self.is_held(now) && !is_unchanged {
            return Ok(());
        }
        let next = Fence::after(kept)?;
        let moved = Upkeep::MoveFence { fence: next.to_string(), instead_of: stored };
        // Another replica may have moved it meanwhile.
        if step(store, clock::now(), moved).await? == 1 {
            // Before the bucket's: broken off in between, the move is made up for at the next start.
            self.write_moved(next).with_context(|| format!("cannot write {}", self.moved.display()))?;
            bucket.put_fence(next).await?;
        }
        Ok(())
    }

    /// The fence as this gateway last moved it. A file that cannot be read tells nothing, and costs five minutes.
    fn last_moved(&self) -> Option<Fence> {
        fs::read_to_string(&self.moved).ok()?.trim_ascii().parse().ok()
    }

    fn write_moved(&self, fence: Fence) -> io::Result<()> {
        let draft = self.moved.with_extension("new");
        fs::write(&draft, format!("{fence}\n"))?;
        fs::rename(draft, &self.moved)
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

/// The fence as the database keeps it.
pub(crate) fn parse(kept: Option<&str>) -> anyhow::Result<Option<Fence>> {
    kept.map(str::parse).transpose().context("sweep_fence in the database's table meta cannot be read")
}

/// What to do where a bucket's fence was moved by a gateway that serves from another copy of the database.
pub(crate) fn foreign_fence_message(fence: &str) -> String {
    format!(
        "{fence} was moved on by a gateway that serves from another copy of this database, so nothing is deleted from the \
         bucket here. In a rehearsal that is as it should be. If this is production, after a restore or because a rehearsal \
         got hold of production's bucket: stop every gateway of the other copy, then delete that object"
    )
}

#[cfg(test)]
mod tests;
