//! Rows that have been kept long enough: used nonces, idempotency keys, old secrets.

use std::time::{Duration, Instant};

use rebuttal_store::{Act, Done, Once, Upkeep, Work};

use crate::clock;
use crate::gateway::Gateway;

/// Rows that one step may delete: a few milliseconds of the committer's time.
pub(super) const STEP: u32 = 2_000;
/// How long an idempotency key is kept (contract §8).
const KEYS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Forgets nonces two windows after their timestamp.
///
/// Invariant: `auth::signature` takes timestamps of one window either way, so that what is forgotten has been stale for
/// a window; and the store refuses timestamps at or below its bound whatever the clock says (contract §2).
pub(super) async fn purge_nonces(gateway: &Gateway) -> anyhow::Result<()> {
    let bound = clock::now() - 2 * gateway.freshness_window;
    in_steps(gateway, || Upkeep::PurgeNonces { bound, limit: STEP }).await
}

/// Forgets idempotency keys and secrets whose overlap is over.
pub(super) async fn purge_accounts(gateway: &Gateway) -> anyhow::Result<()> {
    let created_before = clock::now() - KEYS_KEPT;
    in_steps(gateway, || Upkeep::PurgeKeys { created_before, limit: STEP }).await?;
    step(gateway, Upkeep::DropExpiredSecrets).await.map(drop)
}

/// Takes steps until one finds less than it may. Between two it waits as long as one takes, so that contests have at
/// least half of the committer's time.
pub(super) async fn in_steps(gateway: &Gateway, upkeep: impl Fn() -> Upkeep) -> anyhow::Result<()> {
    loop {
        let started = Instant::now();
        if step(gateway, upkeep()).await? < u64::from(STEP) {
            return Ok(());
        }
        tokio::time::sleep(started.elapsed()).await;
    }
}

/// Takes one step and tells how many rows it touched.
pub(super) async fn step(gateway: &Gateway, upkeep: Upkeep) -> anyhow::Result<u64> {
    let work = Work { arrived_at: clock::now(), once: Once::Always, act: Act::Upkeep(upkeep) };
    match gateway.store.commit(work).await?? {
        Done::Rows(rows) => Ok(rows),
        _ => Ok(0),
    }
}
