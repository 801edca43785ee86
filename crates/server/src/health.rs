//! Whether the process lives and whether it can serve. Unauthenticated, and told to anyone, so they tell no causes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use rebuttal_protocol::Code;

use crate::agreement;
use crate::api::method_not_allowed;
use crate::error::Noted;
use crate::gateway::Gateway;

/// How long the database and the evidence store, which are asked at once, may take to answer.
pub(crate) const READY_LIMIT: Duration = Duration::from_secs(2);

/// Whether the process lives.
pub(crate) const LIVES: &str = "/healthz";
/// Whether it can serve.
pub(crate) const READY: &str = "/readyz";

pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route(LIVES, get(async || "ok\n"))
        .route(READY, get(ready))
        .method_not_allowed_fallback(async || method_not_allowed())
        .with_state(gateway)
}

/// Whether the database answers in time and takes changes.
pub(crate) async fn database(gateway: &Gateway) -> anyhow::Result<()> {
    let asked = async { gateway.store.ping().await.context("the database does not answer") };
    let late = |_| Err(anyhow!("the database did not answer in {READY_LIMIT:?}"));
    tokio::time::timeout(READY_LIMIT, asked).await.unwrap_or_else(late)
}

/// Whether the evidence store answers in time.
pub(crate) async fn evidence(gateway: &Gateway) -> anyhow::Result<()> {
    let asked = async { gateway.evidence.answers().await.context("the evidence store does not answer") };
    let late = |_| Err(anyhow!("the evidence store did not answer in {READY_LIMIT:?}"));
    tokio::time::timeout(READY_LIMIT, asked).await.unwrap_or_else(late)
}

/// Whether this machine's clock, by which deadlines are judged, agrees with the database server's.
async fn clock(gateway: &Gateway) -> anyhow::Result<()> {
    let asked = async { Ok(agreement::present(&gateway.store).await?.map(drop)?) };
    let late = |_| Err(anyhow!("the database did not tell its time in {READY_LIMIT:?}"));
    tokio::time::timeout(READY_LIMIT, asked).await.unwrap_or_else(late)
}

/// Database and object store answer, and the clock is the database's. What does not is told in the request's log line
/// alone.
async fn ready(State(gateway): State<Arc<Gateway>>) -> Response {
    let stays = match gateway.draining.load(Ordering::Relaxed) {
        true => Err(anyhow!("it was told to stop")),
        false => Ok(()),
    };
    let (database, evidence, clock) = tokio::join!(database(&gateway), evidence(&gateway), clock(&gateway));
    let Err(cause) = stays.and(database).and(clock).and(evidence) else { return "ready\n".into_response() };
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response();
    response.extensions_mut().insert(Noted { code: Code::Unavailable, cause: Some(Arc::new(cause)) });
    response
}
