//! Metrics of the gateway, for Prometheus.
//!
//! Every metric is declared in [`described`], listed in `docs/reference/metrics.md`, and explained in
//! `docs/operate/monitoring.md`.

mod described;
mod jobs;
pub(crate) mod process;

use std::sync::OnceLock;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::clock;

pub use self::described::{MetricKind, described_metrics};
pub(crate) use self::jobs::{BackgroundJob, JobMetrics};

/// Bucket bounds of histograms of durations, in seconds: from one group commit to the time limit of a stop.
const SECONDS_BUCKETS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// Bucket bounds of histograms of batch sizes, up to the default maximum.
const SIZE_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The recorder of the process, shared by all gateways in it.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder; what is counted before is lost.
pub(crate) fn install() -> Result<PrometheusHandle, BuildError> {
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZE_BUCKETS)?
        .install_recorder()?;
    described::declare();
    process::note_start(clock::now());
    Ok(RECORDER.get_or_init(|| handle).clone())
}
