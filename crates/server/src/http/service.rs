//! The outermost service of a listener: assigns every request its id, counts it, and writes its one log line.
//!
//! A log line contains path and code, never a header, a body or a query: they hold signatures, nonces and secrets.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{Extensions, HeaderValue, Method, Request, StatusCode, Version};
use hyper::body::Incoming;
use tower::Service;
use tower_http::timeout::TimeoutBody;

use crate::http::body::BODY_PAUSE_LIMIT;
use crate::http::error::{LogNote, Refusal, causes};
use crate::http::log_throttle::LogThrottle;
use crate::http::metrics::{HttpMetrics, PerCall, call_index};
use crate::http::request_id::{REQUEST_ID, RequestId, RequestIds};
use crate::http::unread_body::{DiscardPace, UnreadBody};

/// The address of the peer; of the proxy, if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Whether the caller of a request is authenticated, set by the checks. Each failure of an authenticated request is
/// logged; those of others are throttled, because they could fill the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Authenticated(Arc<AtomicBool>);

impl Authenticated {
    pub(crate) fn note(extensions: &Extensions) {
        if let Some(Self(is_authenticated)) = extensions.get() {
            is_authenticated.store(true, Ordering::Relaxed);
        }
    }
}

/// How often the log reports failures of one kind of unauthenticated call.
const UNAUTHENTICATED_LOGGED_EVERY: Duration = Duration::from_secs(10);

/// Serves the requests of a listener from a router.
#[derive(Clone)]
pub(crate) struct HttpService {
    router: Router,
    shared: Arc<ServiceState>,
}

struct ServiceState {
    ids: Arc<RequestIds>,
    metrics: HttpMetrics,
    unauthenticated: PerCall<LogThrottle>,
}

impl HttpService {
    pub(crate) fn new(router: Router, ids: Arc<RequestIds>) -> Self {
        let unauthenticated = std::array::from_fn(|_| LogThrottle::every(UNAUTHENTICATED_LOGGED_EVERY));
        Self { router, shared: Arc::new(ServiceState { ids, metrics: HttpMetrics::new(), unauthenticated }) }
    }

    /// Answers one request.
    pub(crate) fn answer(
        &self,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
        let Self { mut router, shared } = self.clone();
        async move {
            let (id, started) = (shared.ids.next(), Instant::now());
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let (request, unread) = UnreadBody::share(request);
            let mut request = request.map(|body| Body::new(TimeoutBody::new(BODY_PAUSE_LIMIT, body)));
            let Authenticated(is_authenticated) = Authenticated::default();
            request.extensions_mut().insert(Peer(peer.ip().to_canonical()));
            request.extensions_mut().insert(Authenticated(Arc::clone(&is_authenticated)));

            let mut response = match ambiguity(&request) {
                Some(why) => (StatusCode::BAD_REQUEST, [(CONNECTION, "close")], why).into_response(),
                None => catch_panic(async { router.call(request).await }).await.into_response(),
            };

            response.headers_mut().insert(REQUEST_ID, id.to_header());
            let took = started.elapsed();
            let note = response.extensions_mut().remove::<LogNote>();
            shared.metrics.count(uri.path(), response.status(), note.as_ref(), took);
            let is_logged = response.status().is_server_error()
                && (is_authenticated.load(Ordering::Relaxed)
                    || shared.logs_unauthenticated(uri.path(), note.as_ref()));
            log(id, &method, uri.path(), response.status(), note.as_ref(), took, is_logged);
            let pace = response.extensions_mut().remove::<DiscardPace>();
            if !response.headers().contains_key(CONNECTION) && !unread.discard(pace).await {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
    }
}

impl ServiceState {
    /// Whether a failure of an unauthenticated call is due to be logged.
    fn logs_unauthenticated(&self, path: &str, note: Option<&LogNote>) -> bool {
        note.is_some_and(|note| note.cause.is_some())
            && self.unauthenticated.get(call_index(path)).is_some_and(LogThrottle::is_due)
    }
}

/// Why two servers could interpret a request differently (RFC 9112 §3.2, §6.1). For a request with `Transfer-Encoding`
/// and `Content-Length`, hyper removes the `Content-Length` and closes the connection after the answer, as the RFC
/// requires.
fn ambiguity<T>(request: &Request<T>) -> Option<&'static str> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let is_one = match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host.as_bytes()),
        (None, _) => request.version() != Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    if !is_one {
        return Some("the request must have exactly one valid Host header (RFC 9112 section 3.2)\n");
    }
    let mut encodings = request.headers().get_all(TRANSFER_ENCODING).iter();
    let chunked =
        encodings.next().is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    (!chunked || encodings.next().is_some()).then_some("Transfer-Encoding must be chunked and nothing else\n")
}

/// A host name or address, optionally with a port, or empty.
fn is_host(host: &[u8]) -> bool {
    host.is_empty() || (!host.contains(&b'@') && Authority::try_from(host).is_ok())
}

/// Writes the log line of a request. A failure is logged here, once, with its cause, which the caller never receives;
/// with `is_logged` false, at level debug.
fn log(
    id: RequestId,
    method: &Method,
    path: &str,
    status: StatusCode,
    note: Option<&LogNote>,
    took: Duration,
    is_logged: bool,
) {
    let code = note.map_or("OK", |note| note.code.as_str());
    let (status, took_us) = (status.as_u16(), took.as_micros());
    if !is_logged {
        tracing::debug!(request_id = %id, %method, path, status, code, took_us, "request answered");
        return;
    }
    let cause = note.and_then(|note| note.cause.as_deref()).map(causes);
    if status == StatusCode::INTERNAL_SERVER_ERROR.as_u16() {
        tracing::error!(request_id = %id, %method, path, status, code, took_us, cause, "request failed");
    } else {
        tracing::warn!(request_id = %id, %method, path, status, code, took_us, cause, "request not served");
    }
}

/// A panic in a handler is a refusal; other requests go on.
pub(crate) async fn catch_panic<T>(answer: impl Future<Output = T>) -> Result<T, Refusal> {
    AssertUnwindSafe(answer).catch_unwind().await.map_err(|payload| {
        let message = payload.downcast_ref::<&str>().copied();
        let message =
            message.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
        Refusal::internal(anyhow::anyhow!("a handler panicked: {message}"))
    })
}
