//! What the gateway counts, and the listener's `/metrics` that tells it in Prometheus' text form.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use rebuttal_evidence::Look;

use crate::api::method_not_allowed;
use crate::error::Refusal;

/// Bounds of the histograms' buckets, in seconds: from one group commit to the limit of a stop.
const SECONDS_BUCKETS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// A process has one recorder, however many gateways run in it.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting; before it, counting costs nothing and is lost.
pub(crate) fn install() -> Result<PrometheusHandle, BuildError> {
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)?
        .install_recorder()?;
    Ok(RECORDER.get_or_init(|| handle).clone())
}

/// The routes of the metrics listener.
pub(crate) fn router(handle: PrometheusHandle) -> Router {
    let render = move || {
        let handle = handle.clone();
        async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()) }
    };
    Router::new()
        .route("/metrics", get(render))
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

/// What is counted of every request. The handles are looked up once, not per request.
pub(crate) struct HttpMetrics {
    ok: Counter,
    refused: Counter,
    failed: Counter,
    seconds: Histogram,
}

impl HttpMetrics {
    pub(crate) fn new() -> Self {
        metrics::describe_counter!("rebuttal_http_requests_total", "Requests answered, by outcome");
        metrics::describe_histogram!("rebuttal_http_request_seconds", "From a request's head to its answer");
        metrics::describe_histogram!(
            "rebuttal_evidence_look_seconds",
            "Looks of contests at evidence in an S3, by what was found"
        );
        let counter =
            |outcome: &'static str| metrics::counter!("rebuttal_http_requests_total", "outcome" => outcome);
        Self {
            ok: counter("ok"),
            refused: counter("refused"),
            failed: counter("failed"),
            seconds: metrics::histogram!("rebuttal_http_request_seconds"),
        }
    }

    pub(crate) fn count(&self, status: StatusCode, took: Duration) {
        let counter = match status.as_u16() {
            ..400 => &self.ok,
            400..500 => &self.refused,
            _ => &self.failed,
        };
        counter.increment(1);
        self.seconds.record(took);
    }
}
