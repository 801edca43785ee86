//! Whether the process lives and whether it can serve. Unauthenticated, and told to anyone, so they tell no causes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::StatusCode;

use crate::api::method_not_allowed;
use crate::gateway::Gateway;

/// How long the database and the evidence folder may take to answer.
const READY_LIMIT: Duration = Duration::from_secs(2);

pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .method_not_allowed_fallback(async || method_not_allowed())
        .with_state(gateway)
}

/// Database and object store answer.
async fn ready(State(gateway): State<Arc<Gateway>>) -> (StatusCode, &'static str) {
    let asked = async {
        gateway.store.ping().await?;
        gateway.files.answers().await?;
        anyhow::Ok(())
    };
    match tokio::time::timeout(READY_LIMIT, asked).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n"),
        Ok(Err(error)) => {
            tracing::warn!("not ready: {error:#}");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
        Err(_) => {
            tracing::warn!(
                "not ready: the database or the evidence folder did not answer in {READY_LIMIT:?}"
            );
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    }
}
