//! Whether the process lives and whether it can serve. Unauthenticated, and told to anyone, so they tell no causes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use http::StatusCode;
use parking_lot::Mutex;
use rebuttal_protocol::Code;

use crate::agreement;
use crate::api::method_not_allowed;
use crate::error::{Noted, causes};
use crate::gateway::Gateway;
use crate::listen::log_throttle::LogThrottle;

/// How long the database and the evidence store, which are asked at once, may take to answer.
pub(crate) const READY_LIMIT: Duration = Duration::from_secs(2);

/// How old an answer of `/readyz` may be.
pub(crate) const READY_MEMORY: Duration = Duration::from_secs(1);
/// How often the log tells why it is not ready.
const READY_TOLD_EVERY: Duration = Duration::from_secs(10);

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

/// Whether the gateway can serve, as it was last looked at: strangers may ask as often as they like, and have the
/// database and the evidence store asked by one look at a time, once in [`READY_MEMORY`].
pub(crate) struct Readiness {
    last: Mutex<Option<(Instant, Looking)>>,
    told: LogThrottle,
}

/// A look, under way or done, for everybody who waits for it: whether the gateway can serve.
type Looking = Shared<BoxFuture<'static, bool>>;

impl Readiness {
    pub(crate) fn new() -> Self {
        Self { last: Mutex::new(None), told: LogThrottle::every(READY_TOLD_EVERY) }
    }

    /// The last look, or a new one. It goes on whoever waits for it, so that nobody begins many by leaving.
    fn look(&self, gateway: &Arc<Gateway>) -> Looking {
        let mut last = self.last.lock();
        if let Some((begun_at, looking)) = &*last
            && (looking.peek().is_none() || begun_at.elapsed() < READY_MEMORY)
        {
            return looking.clone();
        }
        let look = tokio::spawn(is_ready(Arc::clone(gateway)));
        // A look that panicked has found nothing.
        let looking = async { look.await.unwrap_or(false) }.boxed().shared();
        *last = Some((Instant::now(), looking.clone()));
        looking
    }
}

/// Database and evidence store answer, and the clock is the database's. What does not is for the log alone.
async fn is_ready(gateway: Arc<Gateway>) -> bool {
    let (database, evidence, clock) = tokio::join!(database(&gateway), evidence(&gateway), clock(&gateway));
    let Err(cause) = database.and(clock).and(evidence) else { return true };
    if gateway.readiness.told.is_due() {
        tracing::warn!(cause = causes(&cause), "not ready");
    }
    false
}

async fn ready(State(gateway): State<Arc<Gateway>>) -> Response {
    let stays = !gateway.draining.load(Ordering::Relaxed);
    if stays && gateway.readiness.look(&gateway).await {
        return "ready\n".into_response();
    }
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response();
    response.extensions_mut().insert(Noted { code: Code::Unavailable, cause: None });
    response
}
