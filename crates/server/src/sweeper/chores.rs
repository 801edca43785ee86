//! Rows that have been kept long enough: used nonces, idempotency keys, old secrets.

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use rebuttal_protocol::UnixMillis;
use rebuttal_store::{Act, Done, Store, Upkeep, Work};

use crate::clock;
use crate::gateway::Gateway;
use crate::sweeper::pace::Pace;

/// Rows that one step may delete: a few milliseconds of the committer's time.
pub(super) const STEP: u32 = 2_000;
/// How long an idempotency key is kept (contract §8).
const KEYS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What to say where merchants are shut out because the clock once ran ahead: the stored bound lies in the future, and
/// nothing moves it back.
pub(crate) fn bound_ahead(bound: UnixMillis, now: UnixMillis) -> Option<String> {
    (bound > now).then(|| {
        let utc = |at: UnixMillis| at.to_rfc3339(&TimeZone::UTC);
        format!(
            "nonces up to {} have been forgotten, and it is {}: the clock ran ahead once, or is behind now. Until then \
             every call that changes something is refused as stale. If the bound was raised after a restore, that is \
             meant: wait. If the clock is behind, correct it. Only if the clock ran ahead, stop the gateway and set \
             nonce_bound in the database's table meta to the text {}, the present moment",
            utc(bound),
            utc(now),
            now.0
        )
    })
}

/// Forgets nonces two windows after their timestamp.
///
/// Invariant: `auth::signature` takes timestamps of one window either way, so that what is forgotten has been stale for
/// a window; and the store refuses timestamps at or below its bound whatever the clock says (contract §2).
pub(super) async fn purge_nonces(gateway: &Gateway, pace: &Pace) -> anyhow::Result<()> {
    if let Some(sentence) = bound_ahead(gateway.store.nonce_bound().await?, clock::now()) {
        tracing::error!("{sentence}");
    }
    if !pace.is_steady() {
        return Ok(());
    }
    let bound = clock::now() - 2 * gateway.freshness_window;
    in_steps(gateway, || Upkeep::PurgeNonces { bound, limit: STEP }).await
}

/// Forgets idempotency keys and secrets whose overlap is over.
pub(super) async fn purge_accounts(gateway: &Gateway) -> anyhow::Result<()> {
    let created_before = clock::now() - KEYS_KEPT;
    in_steps(gateway, || Upkeep::PurgeKeys { created_before, limit: STEP }).await?;
    step(&gateway.store, Upkeep::DropExpiredSecrets).await.map(drop)
}

/// Takes steps until one finds less than it may. Between two it waits as long as one takes, so that contests have at
/// least half of the committer's time.
pub(super) async fn in_steps(gateway: &Gateway, upkeep: impl Fn() -> Upkeep) -> anyhow::Result<()> {
    loop {
        let started = Instant::now();
        if step(&gateway.store, upkeep()).await? < u64::from(STEP) {
            return Ok(());
        }
        tokio::time::sleep(started.elapsed()).await;
    }
}

/// Takes one step and tells how many rows it touched.
pub(super) async fn step(store: &Store, upkeep: Upkeep) -> anyhow::Result<u64> {
    let work = Work::own(clock::now(), Act::Upkeep(upkeep));
    match store.commit(work).await?? {
        Done::Rows(rows) => Ok(rows),
        _ => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use rebuttal_store::{Location, Options};

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_714_128_828_114);
    const AHEAD: Duration = Duration::from_secs(1000 * 24 * 3600);

    #[tokio::test]
    async fn a_bound_in_the_future_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::from(folder.path().join("rebuttal.db").as_path());
        let store = Store::open(&location, &Options::default()).await.unwrap();
        assert_eq!(bound_ahead(store.nonce_bound().await.unwrap(), NOW), None);
        let act = Act::Upkeep(Upkeep::PurgeNonces { bound: NOW + AHEAD, limit: 1 });
        store.commit(Work::own(NOW, act)).await.unwrap().unwrap();
        let bound = store.nonce_bound().await.unwrap();
        let said = bound_ahead(bound, NOW).unwrap();
        assert!(said.contains("2027-01-21") && said.contains("1714128828114"), "{said}");
        assert_eq!(bound_ahead(bound, NOW + AHEAD), None);
        store.close().await;
    }
}
