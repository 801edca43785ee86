//! Background jobs: expire disputes, purge old rows, delete unreferenced uploads. Every job is a chain of short,
//! bounded steps that do not delay a contest, and each is safe to repeat after a crash.

mod clock_guard;
mod deadlines;
mod delete_failures;
mod fence;
mod retention;
mod s3_uploads;
mod trusted_time;
mod uploads;

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::auth::replay_cache::PURGE_EVERY;
use crate::clock;
use crate::gateway::Gateway;
use crate::gateway::gauges::sample;
use crate::http::error::causes;
use crate::http::listener::stopped;
use crate::jobs::fence::FenceHold;
use crate::jobs::trusted_time::TrustedTime;
use crate::metrics::{BackgroundJob, JobMetrics};

pub(crate) use fence::{foreign_fence_message, parse as parse_fence};
pub(crate) use retention::nonce_bound_in_future;
pub(crate) use uploads::record_orphans;

/// How often deadlines are checked: an expiry has to happen within 1 s after it is due (contract §6).
const DEADLINES_EVERY: Duration = Duration::from_millis(250);
/// How often nonces are purged. Each run advances the stored bound, so an idle gateway writes only this often.
const NONCES_EVERY: Duration = Duration::from_secs(30);
/// How often uploads, idempotency keys, secrets and the outbox are checked. A step that finds nothing writes nothing.
const CLEANUP_EVERY: Duration = Duration::from_secs(5);
/// How often uploads in S3 are listed: listing costs money, and uploads are kept for days.
const S3_UPLOADS_EVERY: Duration = Duration::from_secs(3600);
/// How often the fence of a bucket is checked and advanced: a read and a write of the database and of the bucket each.
const FENCE_EVERY: Duration = Duration::from_secs(60);

/// Starts all jobs; they stop with `stop`.
pub(crate) fn start(
    gateway: &Arc<Gateway>,
    recorder: Option<PrometheusHandle>,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    let trusted_time = Arc::new(TrustedTime::of(gateway.store.clone(), gateway.auth.freshness_window));
    let fence_hold = Arc::new(FenceHold::on(gateway.evidence.s3().cloned(), gateway.advanced_fence.clone()));
    let shared = || (Arc::clone(gateway), Arc::clone(&trusted_time));
    let (gateway, trusted_time) = shared();
    jobs.spawn(every(BackgroundJob::Deadlines, DEADLINES_EVERY, stop.clone(), async move || {
        deadlines::expire(&gateway, &trusted_time).await
    }));
    let (gateway, trusted_time) = shared();
    jobs.spawn(every(BackgroundJob::Nonces, NONCES_EVERY, stop.clone(), async move || {
        let recorded = trusted_time.record().await;
        recorded.and(retention::purge_nonces(&gateway, &trusted_time).await)
    }));
    let ((gateway, trusted_time), fence) = (shared(), Arc::clone(&fence_hold));
    let position = uploads::SweepPosition::default();
    jobs.spawn(every(BackgroundJob::Uploads, CLEANUP_EVERY, stop.clone(), async move || {
        // Each step runs whatever the others return; the first failure is reported.
        let adopted = uploads::record_old_orphans(&gateway).await;
        let adopted = adopted.and(retention::delete_stale_queue_rows(&gateway).await);
        let Some(now) = trusted_time.steady().await? else { return adopted };
        let swept = if fence.may_sweep() { uploads::sweep(&gateway, now, &position).await } else { Ok(()) };
        let purged = retention::purge_accounts(&gateway, now).await;
        adopted.and(swept).and(purged).and(retention::purge_outbox(&gateway, now).await)
    }));
    let ((gateway, trusted_time), fence) = (shared(), Arc::clone(&fence_hold));
    let position = s3_uploads::ListingPosition::default();
    jobs.spawn(every(BackgroundJob::S3Uploads, S3_UPLOADS_EVERY, stop.clone(), async move || {
        match trusted_time.steady().await? {
            Some(now) if fence.may_sweep() => s3_uploads::sweep(&gateway, now, &position).await,
            _ => Ok(()),
        }
    }));
    let (gateway, _) = shared();
    jobs.spawn(every(BackgroundJob::Fence, FENCE_EVERY, stop.clone(), async move || {
        fence_hold.refresh(&gateway.store).await
    }));
    let (gateway, trusted_time) = shared();
    jobs.spawn(every(BackgroundJob::Memory, PURGE_EVERY, stop.clone(), async move || {
        if trusted_time.observe() {
            gateway.auth.replay_cache.purge(clock::now());
        }
        gateway.auth.rate_limits.purge();
        let Some(recorder) = &recorder else { return Ok(()) };
        recorder.run_upkeep();
        sample(&gateway).await
    }));
    jobs
}

/// Repeats a job until the stop, which may happen between any two steps: what was handed to the committer is committed
/// nevertheless. A failure is logged, and the job runs again at its next interval.
async fn every(
    job: BackgroundJob,
    period: Duration,
    mut stop: watch::Receiver<bool>,
    run: impl AsyncFn() -> anyhow::Result<()>,
) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let metrics = JobMetrics::new(job);
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            _ = ticks.tick() => {}
        }
        let started = Instant::now();
        let outcome = tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            outcome = run() => outcome,
        };
        metrics.count(outcome.is_ok(), started.elapsed());
        if let Err(error) = outcome {
            tracing::warn!(
                job = job.name(),
                "background job failed; it runs again at its next interval: {}",
                causes(&error)
            );
        }
    }
}

#[cfg(test)]
mod fixture;
