//! Gauges that are sampled, not counted. Those that query the database or the evidence store are sampled by a
//! background job, so that scraping causes no load.

use std::time::Duration;

use metrics::gauge;
use rebuttal_disputes::COMMIT_LIMIT;
use rebuttal_protocol::UnixMillis;
use rebuttal_store::CommitTraffic;

use crate::clock;
use crate::gateway::Gateway;

/// Samples the queues of the committers and the uploads in progress.
pub(crate) fn traffic(gateway: &Gateway) {
    let CommitTraffic { waiting, waiting_max, lanes, lanes_failing } = gateway.store.traffic();
    for (name, value) in [
        ("rebuttal_commit_queue", waiting),
        ("rebuttal_commit_queue_max", waiting_max),
        ("rebuttal_commit_lanes", lanes),
        ("rebuttal_commit_lanes_failing", lanes_failing),
    ] {
        gauge!(name).set(value as f64);
    }
    if let Some((files, _)) = gateway.evidence.folder() {
        let uploads = files.traffic();
        gauge!("rebuttal_uploads_receiving").set(uploads.receiving as f64);
        gauge!("rebuttal_uploads_waiting").set(uploads.waiting as f64);
    }
}

/// Samples the dependencies of the gateway and the backlog of its jobs.
///
/// # Errors
/// If the database does not answer; its gauges then keep their last values, and `rebuttal_database_up` is 0.
pub(crate) async fn sample(gateway: &Gateway) -> anyhow::Result<()> {
    let (database, evidence) = tokio::join!(gateway.health.database(), gateway.health.evidence());
    gauge!("rebuttal_database_up").set(f64::from(u8::from(database.is_ok())));
    gauge!("rebuttal_evidence_up").set(f64::from(u8::from(evidence.is_ok())));
    if let Ok(stats) = rustix::fs::statvfs(&gateway.data_dir) {
        gauge!("rebuttal_data_free_bytes").set((stats.f_bavail * stats.f_frsize) as f64);
        gauge!("rebuttal_data_size_bytes").set((stats.f_blocks * stats.f_frsize) as f64);
    }
    let (read_nonces, read_nonces_max) = gateway.auth.replay_cache.reads();
    gauge!("rebuttal_read_nonces").set(read_nonces as f64);
    gauge!("rebuttal_read_nonces_max").set(read_nonces_max as f64);
    if database.is_err() {
        return Ok(());
    }
    let (backlog, now) = (gateway.store.backlog().await?, clock::now());
    let due_at = backlog.earliest_deadline.map(|deadline| deadline + COMMIT_LIMIT);
    for (name, since) in [
        ("rebuttal_expiry_overdue_seconds", due_at),
        ("rebuttal_unreferenced_upload_age_seconds", backlog.oldest_unreferenced_at),
        ("rebuttal_marked_upload_age_seconds", backlog.oldest_marked_at),
    ] {
        gauge!(name).set(since.map_or(0.0, |since| age(since, now).as_secs_f64()));
    }
    let bound = gateway.store.nonce_bound().await?;
    gauge!("rebuttal_nonce_bound_timestamp_seconds").set(bound.0 as f64 / 1e3);
    Ok(())
}

/// Time since a moment; zero if it is in the future.
fn age(since: UnixMillis, now: UnixMillis) -> Duration {
    Duration::from_millis(u64::try_from(now.0 - since.0).unwrap_or_default())
}
