//! Liveness and readiness endpoints. They need no authentication, so they disclose no causes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
use rebuttal_evidence::EvidenceStore;
use rebuttal_protocol::Code;
use rebuttal_store::Store;

use crate::clock::skew;
use crate::http::error::{LogNote, Refusal, causes};
use crate::http::log_throttle::LogThrottle;
use crate::http::paths::{HEALTHZ, READYZ};

/// Time limit for the database and the evidence store, which are checked concurrently, to answer.
pub(crate) const READY_LIMIT: Duration = Duration::from_secs(2);

/// How long the result of a readiness check is reused.
pub(crate) const READY_MEMORY: Duration = Duration::from_secs(1);
/// How often the log reports why the gateway is not ready.
const READY_LOGGED_EVERY: Duration = Duration::from_secs(10);

pub(crate) fn router(health: Arc<Health>) -> Router {
    Router::new()
        .route(HEALTHZ, get(async || "ok\n"))
        .route(READYZ, get(ready))
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
        .with_state(health)
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    if !health.draining.load(Ordering::Relaxed) && Health::check(&health).await {
        return "ready\n".into_response();
    }
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response();
    response.extensions_mut().insert(LogNote { code: Code::Unavailable, cause: None });
    response
}

/// Readiness of the gateway. Anyone may request it as often as they like: one check runs at a time, at most once in
/// [`READY_MEMORY`].
pub(crate) struct Health {
    store: Store,
    evidence: EvidenceStore,
    /// Whether a stop was requested: the gateway reports not ready, but still serves.
    draining: AtomicBool,
    last: Mutex<Option<(Instant, ReadinessCheck)>>,
    log: LogThrottle,
}

/// A readiness check, running or finished, shared by all requests that wait for it.
type ReadinessCheck = Shared<BoxFuture<'static, bool>>;

impl Health {
    pub(crate) fn new(store: Store, evidence: EvidenceStore) -> Self {
        let log = LogThrottle::every(READY_LOGGED_EVERY);
        Self { store, evidence, draining: AtomicBool::new(false), last: Mutex::new(None), log }
    }

    /// Reports "not ready" from now on.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the database answers in time and accepts writes.
    pub(crate) async fn database(&self) -> anyhow::Result<()> {
        let answer = async { self.store.ping().await.context("database check failed") };
        within(answer, "database check failed").await
    }

    /// Whether the evidence store answers in time.
    pub(crate) async fn evidence(&self) -> anyhow::Result<()> {
        let answer = async { self.evidence.answers().await.context("evidence store check failed") };
        within(answer, "evidence store check failed").await
    }

    /// Whether this machine's clock, which decides deadlines, agrees with the database server's.
    async fn clock(&self) -> anyhow::Result<()> {
        let answer = async { Ok(skew::agreed_time(&self.store).await?.map(drop)?) };
        within(answer, "clock check failed").await
    }

    /// The result of the last check, or a new one. A check runs to its end even if everyone waiting disconnects, so
    /// that disconnecting cannot start many.
    fn check(self: &Arc<Self>) -> ReadinessCheck {
        let mut last = self.last.lock();
        if let Some((started_at, check)) = &*last
            && (check.peek().is_none() || started_at.elapsed() < READY_MEMORY)
        {
            return check.clone();
        }
        let task = tokio::spawn(Arc::clone(self).is_ready());
        // A check that panicked counts as not ready.
        let check = async { task.await.unwrap_or(false) }.boxed().shared();
        *last = Some((Instant::now(), check.clone()));
        check
    }

    /// The cause is logged, not returned.
    async fn is_ready(self: Arc<Self>) -> bool {
        let (database, evidence, clock) = tokio::join!(self.database(), self.evidence(), self.clock());
        let Err(cause) = database.and(clock).and(evidence) else { return true };
        if self.log.is_due() {
            tracing::warn!(cause = causes(&cause), "not ready");
        }
        false
    }
}

/// The reason of a check that had no answer in time.
pub(crate) fn no_answer(limit: Duration) -> String {
    format!("no answer within {limit:?}")
}

async fn within(answer: impl Future<Output = anyhow::Result<()>>, failed: &str) -> anyhow::Result<()> {
    let timed_out = |_| Err(anyhow!("{failed}: {}", no_answer(READY_LIMIT)));
    tokio::time::timeout(READY_LIMIT, answer).await.unwrap_or_else(timed_out)
}
