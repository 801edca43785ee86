//! Purging of old rows: used nonces, idempotency keys, old secrets, the outbox, the queue of disputes.

use std::time::{Duration, Instant};

use rebuttal_protocol::UnixMillis;
use rebuttal_store::{Maintenance, Outcome, SECRETS_SHOWN_FOR, SingleOperation, Store, WriteRequest};

use crate::clock;
use crate::gateway::Gateway;
use crate::jobs::trusted_time::TrustedTime;

/// Maximum of rows that one step deletes: a few milliseconds of the committer's time.
pub(super) const STEP: u32 = 2_000;
/// How long an idempotency key is kept (contract §8).
const IDEMPOTENCY_KEY_RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a row of the outbox is kept.
const OUTBOX_RETENTION: Duration = Duration::from_secs(3600);

/// The message for a stored nonce bound in the future, which refuses all writes of merchants and is never lowered
/// automatically. How to lower it is explained only if no restore can have raised it: a restore raises it by one window
/// at most, and lowering it would accept recorded requests again. A second window allows for a clock that is behind.
pub(crate) fn nonce_bound_in_future(bound: UnixMillis, now: UnixMillis, window: Duration) -> Option<String> {
    if bound <= now {
        return None;
    }
    let utc = |at: UnixMillis| at.to_rfc3339_utc();
    let until = utc(bound);
    let problem = format!(
        "nonce bound is in the future: timestamps up to {until} are refused as stale, and the time is {}; until then \
         every write of a merchant fails.",
        utc(now)
    );
    Some(match bound <= now + 2 * window {
        true => format!(
            "{problem} If nonce_bound was raised after a restore, this is intended: wait until {until}. If this machine's \
             clock is behind, correct it. Do not change nonce_bound: it protects against replays of recorded requests"
        ),
        false => format!(
            "{problem} The clock ran ahead in the past, or is behind now. If it is behind, correct it. Only if it ran \
             ahead, stop every gateway of this database, set nonce_bound in its table meta to {}, the current time, and start \
             them, as docs/operate/clocks.md describes",
            now.0
        ),
    })
}

/// Purges nonces two windows after their timestamp.
///
/// Invariant: `auth::signature` accepts timestamps of one window either way, so what is purged has been stale for a
/// window; and the store refuses timestamps at or below its bound whatever the clock says (contract §2).
pub(super) async fn purge_nonces(gateway: &Gateway, trusted_time: &TrustedTime) -> anyhow::Result<()> {
    if let Some(message) =
        nonce_bound_in_future(gateway.store.nonce_bound().await?, clock::now(), gateway.auth.freshness_window)
    {
        tracing::error!("{message}");
    }
    let Some(now) = trusted_time.steady().await? else { return Ok(()) };
    let bound = now - 2 * gateway.auth.freshness_window;
    in_steps(gateway, now, || Maintenance::PurgeNonces { bound, limit: STEP }).await
}

/// Purges idempotency keys, the secrets shown under them, and secrets whose overlap has ended.
pub(super) async fn purge_accounts(gateway: &Gateway, now: UnixMillis) -> anyhow::Result<()> {
    let created_before = now - IDEMPOTENCY_KEY_RETENTION;
    in_steps(gateway, now, || Maintenance::PurgeKeys { created_before, limit: STEP }).await?;
    let created_before = now - SECRETS_SHOWN_FOR;
    in_steps(gateway, now, || Maintenance::ForgetShownSecrets { created_before, limit: STEP }).await?;
    step(&gateway.store, now, Maintenance::DropExpiredSecrets).await.map(drop)
}

/// Deletes the rows that batches of many contests left in the queue of disputes.
pub(super) async fn delete_stale_queue_rows(gateway: &Gateway) -> anyhow::Result<()> {
    in_steps(gateway, clock::now(), || Maintenance::DeleteStaleQueueRows { limit: STEP }).await
}

/// Deletes rows of the outbox: as long as nothing reads it, it must not grow.
pub(super) async fn purge_outbox(gateway: &Gateway, now: UnixMillis) -> anyhow::Result<()> {
    let created_before = now - OUTBOX_RETENTION;
    in_steps(gateway, now, || Maintenance::PurgeOutbox { created_before, limit: STEP }).await
}

/// Repeats a step until it touches fewer rows than its limit. After each it pauses for the time that it took, so that
/// contests get at least half of the committer's time.
pub(super) async fn in_steps(
    gateway: &Gateway,
    now: UnixMillis,
    maintenance: impl Fn() -> Maintenance,
) -> anyhow::Result<()> {
    loop {
        let started = Instant::now();
        if step(&gateway.store, now, maintenance()).await? < u64::from(STEP) {
            return Ok(());
        }
        tokio::time::sleep(started.elapsed()).await;
    }
}

/// Commits one step and returns the number of rows touched.
pub(super) async fn step(store: &Store, now: UnixMillis, maintenance: Maintenance) -> anyhow::Result<u64> {
    let request = WriteRequest::internal(now, SingleOperation::Maintenance(maintenance));
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
    fn lowering_the_bound_is_not_suggested_after_a_restore() {
        for (ahead, suggests_lowering) in
            [(Duration::from_secs(600), false), (Duration::from_secs(601), true)]
        {
            let message = nonce_bound_in_future(NOW + ahead, NOW, WINDOW).unwrap();
            assert_eq!(message.contains(&NOW.0.to_string()), suggests_lowering, "{message}");
            assert_eq!(message.contains("after a restore"), !suggests_lowering, "{message}");
        }
    }

    #[tokio::test]
    async fn nonce_bound_in_the_future_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::from(folder.path().join("rebuttal.db").as_path());
        let store = Store::open(&location, &Options::default()).await.unwrap();
        assert_eq!(nonce_bound_in_future(store.nonce_bound().await.unwrap(), NOW, WINDOW), None);
        let operation =
            SingleOperation::Maintenance(Maintenance::PurgeNonces { bound: NOW + AHEAD, limit: 1 });
        store.commit(WriteRequest::internal(NOW, operation)).await.unwrap().unwrap();
        let bound = store.nonce_bound().await.unwrap();
        let message = nonce_bound_in_future(bound, NOW, WINDOW).unwrap();
        assert!(message.contains("2027-01-21") && message.contains("1714128828114"), "{message}");
        assert_eq!(nonce_bound_in_future(bound, NOW + AHEAD, WINDOW), None);
        store.close().await;
    }
}
