//! The routes of each listener. An unknown path is answered, and signed, like a merchant's call.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::http::health;
use crate::http::paths::METRICS;
use crate::merchant::{self, upload};
use crate::openapi::{self, Apis};
use crate::{gateway::gauges, metrics::process, operator};

/// The merchants' listener, which also serves operators unless they have their own listener.
pub(crate) fn merchants(gateway: &Arc<Gateway>, operators_too: bool) -> Router {
    let uploads = gateway.evidence.folder().is_some();
    unsigned(gateway, Apis { merchants: true, uploads, operators: operators_too })
        .merge(merchant::router(gateway))
}

/// The operators' listener.
pub(crate) fn operators(gateway: &Arc<Gateway>) -> Router {
    unsigned(gateway, Apis { merchants: false, uploads: false, operators: true })
        .merge(merchant::no_calls(gateway))
}

/// Everything but the merchants' signed calls.
pub(crate) fn unsigned(gateway: &Arc<Gateway>, apis: Apis) -> Router {
    let mut router = health::router(Arc::clone(&gateway.health));
    if apis.uploads {
        router = router.merge(upload::router(Arc::clone(gateway)));
    }
    if apis.operators {
        router = router.merge(operator::router(Arc::clone(gateway)));
    }
    if gateway.api_docs {
        router = router.merge(openapi::router(apis));
    }
    router
}

/// The routes of the metrics listener.
pub(crate) fn metrics(handle: PrometheusHandle, gateway: Arc<Gateway>) -> Router {
    let render = move || {
        // Only what is cheap: metrics that query the database are sampled by a job, however often this is scraped.
        gauges::traffic(&gateway);
        process::sample();
        let text = handle.render();
        async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text) }
    };
    Router::new()
        .route(METRICS, get(render))
        .fallback(async || Refusal::no_such_path())
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
}
