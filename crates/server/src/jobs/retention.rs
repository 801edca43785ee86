//! Rows that have been kept long enough: used nonces, idempotency keys, old secrets.

use std::time::{Duration, Instant};

use rebuttal_protocol::UnixMillis;
use rebuttal_store::{Outcome, SECRETS_SHOWN_FOR, SingleOperation, Store, Upkeep, WriteRequest};

use crate::clock;
use crate::gateway::Gateway;
use crate::jobs::trusted_time::TrustedTime;

/// Rows that one step may delete: a few milliseconds of the committer's time.
pub(super) const STEP: u32 = 2_000;
/// How long an idempotency key is kept (contract §8).
const KEYS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What to say where merchants are shut out because the stored bound lies in the future, and nothing moves it back. How
/// to lower it is told only where no restore has raised it: that raises it by one window at most, and lowering it would
/// let recorded requests in again. Another window is for a clock that is behind.
pub(crate) fn nonce_bound_in_future(bound: UnixMillis, now: UnixMillis, window: Duration) -> Option<String> {
    if bound <= now {
        return None;
    }
    let utc = |at: UnixMillis| at.to_rfc3339_utc();
    let until = utc(bound);
    let told = format!(
        "timestamps up to {until} are refused, and it is {}: until then every call that changes something is answered as \
         stale.",
        utc(now)
    );
    Some(match bound <= now + 2 * window {
        true => format!(
            "{told} If nonce_bound was raised after a restore, that is meant: wait until {until}. If this machine's clock \
             is behind, correct it. Leave nonce_bound as it is: it keeps recorded requests from being sent again"
        ),
        false => format!(
            "{told} The clock ran ahead once, or is behind now. If it is behind, correct it. Only if it ran ahead, stop \
             the gateway and set nonce_bound in the database's table meta to the text {}, the present moment",
            now.0
        ),
    })
}

/// Forgets nonces two windows after their timestamp.
///
/// Invariant: `auth::signature` takes timestamps of one window either way, so that what is forgotten has been stale for
/// a window; and the store refuses timestamps at or below its bound whatever the clock says (contract §2).
pub(super) async fn purge_nonces(gateway: &Gateway, trusted_time: &TrustedTime) -> anyhow::Result<()> {
    if let Some(sentence) =
        nonce_bound_in_future(gateway.store.nonce_bound().await?, clock::now(), gateway.auth.freshness_window)
    {
        tracing::error!("{sentence}");
    }
    let Some(now) = trusted_time.steady().await? else { return Ok(()) };
    let bound = now - 2 * gateway.auth.freshness_window;
    in_steps(gateway, now, || Upkeep::PurgeNonces { bound, limit: STEP }).await
}

/// Forgets idempotency keys, the secrets that are shown under them, and secrets whose overlap is over.
pub(super) async fn purge_accounts(gateway: &Gateway, now: UnixMillis) -> anyhow::Result<()> {
    let created_before = now - KEYS_KEPT;
    in_steps(gateway, now, || Upkeep::PurgeKeys { created_before, limit: STEP }).await?;
    let created_before = now - SECRETS_SHOWN_FOR;
    in_steps(gateway, now, || Upkeep::ForgetShownSecrets { created_before, limit: STEP }).await?;
    step(&gateway.store, now, Upkeep::DropExpiredSecrets).await.map(drop)
}

/// Takes steps until one finds less than it may. Between two it waits as long as one takes, so that contests have at
/// least half of the committer's time.
pub(super) async fn in_steps(
    gateway: &Gateway,
    now: UnixMillis,
    upkeep: impl Fn() -> Upkeep,
) -> anyhow::Result<()> {
    loop {
        let started = Instant::now();
        if step(&gateway.store, now, upkeep()).await? < u64::from(STEP) {
            return Ok(());
        }
        tokio::time::sleep(started.elapsed()).await;
    }
}

/// Takes one step and tells how many rows it touched.
pub(super) async fn step(store: &Store, now: UnixMillis, upkeep: Upkeep) -> anyhow::Result<u64> {
    let request = WriteRequest::internal(now, SingleOperation::Upkeep(upkeep));
    match store.commit(request).await?? {
        Outcome::Rows(rows) => Ok(rows),
        _ => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use rebuttal_store::{Location, Options};

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_714_128_828_114);
    const WINDOW: Duration = Duration::from_secs(300);
    const AHEAD: Duration = Duration::from_secs(1000 * 24 * 3600);

    #[test]
    fn nobody_is_told_to_undo_what_a_restore_has_raised() {
        for (ahead, is_told) in [(Duration::from_secs(600), false), (Duration::from_secs(601), true)] {
            let said = nonce_bound_in_future(NOW + ahead, NOW, WINDOW).unwrap();
            assert_eq!(said.contains(&NOW.0.to_string()), is_told, "{said}");
            assert_eq!(said.contains("after a restore"), !is_told, "{said}");
        }
    }

    #[tokio::test]
    async fn a_bound_in_the_future_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::from(folder.path().join("rebuttal.db").as_path());
        let store = Store::open(&location, &Options::default()).await.unwrap();
        assert_eq!(nonce_bound_in_future(store.nonce_bound().await.unwrap(), NOW, WINDOW), None);
        let operation = SingleOperation::Upkeep(Upkeep::PurgeNonces { bound: NOW + AHEAD, limit: 1 });
        store.commit(WriteRequest::internal(NOW, operation)).await.unwrap().unwrap();
        let bound = store.nonce_bound().await.unwrap();
        let said = nonce_bound_in_future(bound, NOW, WINDOW).unwrap();
        assert!(said.contains("2027-01-21") && said.contains("1714128828114"), "{said}");
        assert_eq!(nonce_bound_in_future(bound, NOW + AHEAD, WINDOW), None);
        store.close().await;
    }
}
