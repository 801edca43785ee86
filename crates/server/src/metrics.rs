//! What the gateway counts, and the listener's `/metrics` that tells it in Prometheus' text form.
//!
//! Every metric is declared in [`described`], listed in `docs/reference/metrics.md`, and explained in
//! `docs/operate/monitoring.md`.

mod chores;
mod described;
mod http;
mod process;
mod sample;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::http::header::CONTENT_TYPE;
use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use rebuttal_evidence::Look;

use crate::api::method_not_allowed;
use crate::clock;
use crate::error::Refusal;
use crate::gateway::Gateway;

pub(crate) use self::chores::ChoreMetrics;
pub use self::described::{MetricKind, described_metrics};
pub(crate) use self::http::{ConnectionMetrics, Counted, HttpMetrics, PerCall, call_index};
pub(crate) use sample::sample;

/// Where all of it is told.
const PATH: &str = "/metrics";
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

/// The routes of the metrics listener.
pub(crate) fn router(handle: PrometheusHandle, gateway: Arc<Gateway>) -> Router {
    let render = move || {
        // Cheap, and of the very moment; what asks the database is sampled by the sweeper, however often this is asked.
        sample::traffic(&gateway);
        process::sample();
        let text = handle.render();
        async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text) }
    };
    Router::new()
        .route(PATH, get(render))
        .fallback(async || Refusal::no_such_path())
        .method_not_allowed_fallback(async || method_not_allowed())
}

/// Counts a look at evidence in an S3: fetched, judged, sealed and recorded, or found sealed; `None` is a failure.
pub(crate) fn count_look(look: Option<&Look>, took: Duration) {
    let outcome = match look {
        Some(Look::True { .. }) => "true",
        Some(Look::Absent) => "absent",
        Some(Look::Lie(_)) => "lie",
        None => "failed",
    };
    metrics::histogram!("rebuttal_evidence_look_seconds", "outcome" => outcome).record(took);
}
