//! What the gateway counts, for Prometheus.
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
pub(crate) use self::jobs::JobMetrics;

/// Bounds of the histograms' buckets, in seconds: from one group commit to the limit of a stop.
const SECONDS_BUCKETS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// Bounds of the buckets of a batch's size, up to the usual most.
const SIZE_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// A process has one recorder, however many gateways run in it.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting; before it, counting costs nothing and is lost.
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
