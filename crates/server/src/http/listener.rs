//! Accepts connections and serves HTTP/1.1 with everything bounded: connections, header size and count, and the time of
//! a handshake, a request head, a pause in a body and a stalled write.
//!
//! It exists because `axum::serve` bounds none of these. HTTP/2 is deliberately not supported: the proxies and clients
//! of a gateway fall back to 1.1, and a second protocol would need its own limits. The time of a whole body is bounded
//! where it is read ([`crate::http::body`]).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::http::connection_limits::{ConnectionGuard, PeerConnections};
use crate::http::header_timeout::{ExchangeCounter, HeaderTimeout};
use crate::http::idle_state::IdleState;
use crate::http::log_throttle::LogThrottle;
use crate::http::metrics::{ConnectionMetrics, OpenConnection};
use crate::http::service::HttpService;
use crate::http::write_timeout::WriteTimeout;

/// Largest request head in bytes; a larger one is answered 431. The published header needs 210, proxies add a few
/// hundred.
pub(crate) const HEAD_MAX_BYTES: usize = 16 * 1024;
/// Time limit for a request head from its first byte, for the first one from the start of the connection.
pub(crate) const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long a TLS handshake may take.
pub(crate) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long a write may be blocked because the peer does not read.
pub(crate) const WRITE_STALL_LIMIT: Duration = Duration::from_secs(30);
/// Minimum rate at which a peer must read, beyond what the stall limit allows: the largest file within 94 seconds.
pub(crate) const MIN_READ_BYTES_PER_SECOND: u32 = 32 * 1024;
/// How long requests in flight may take to finish after a stop is requested.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Pause after a failed accept, which usually means that the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often the log reports failed accepts.
const ACCEPT_FAILURE_LOGGED_EVERY: Duration = Duration::from_secs(1);
/// How long a connection without a slot waits before another idle connection is evicted.
const EVICTION_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket and the service on it.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) service: HttpService,
    pub(crate) connections_max: usize,
    /// How long a connection may be idle between two requests, the next request's head included.
    pub(crate) idle_timeout: Duration,
    pub(crate) peers: Arc<PeerConnections>,
    pub(crate) metrics: ConnectionMetrics,
}

impl Listener {
    /// Serves until `stop` turns true; then accepts no more connections, closes idle ones, and gives the others
    /// [`STOP_LIMIT`] to finish.
    pub(crate) async fn serve(self, mut stop: watch::Receiver<bool>) {
        let Self { socket, tls, service, connections_max, idle_timeout, peers, metrics } = self;
        let permits = Arc::new(Semaphore::new(connections_max));
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let accept_failures = LogThrottle::every(ACCEPT_FAILURE_LOGGED_EVERY);
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                Some(_) = connections.join_next() => {}
                accepted = socket.accept() => match accepted {
                    Ok((stream, peer)) => {
                        // Closed without an answer: answering would cost what the limit saves.
                        let Some(slot) = peers.acquire(peer.ip()) else {
                            metrics.count_refusal();
                            continue;
                        };
                        let permit = tokio::select! {
                            () = stopped(&mut stop) => break,
                            permit = acquire_slot(&permits, &peers, &metrics) => permit,
                        };
                        let connection =
                            Connection { peer, service: service.clone(), idle_timeout, watcher: graceful.watcher() };
                        connections.spawn(connection.serve(stream, tls.clone(), (permit, slot, metrics.open_connection())));
                    }
                    Err(error) => {
                        if accept_failures.is_due() {
                            tracing::warn!(%error, "connection could not be accepted; check the limit of open files");
                        }
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(socket);
        let finished = async {
            graceful.shutdown().await;
            while connections.join_next().await.is_some() {}
        };
        if tokio::time::timeout(STOP_LIMIT, finished).await.is_err() {
            tracing::warn!("connections closed at stop: their requests did not finish within {STOP_LIMIT:?}");
        }
    }
}

/// Waits until a stop is requested, or its sender is dropped.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits for a free slot. If all are taken, an idle connection is evicted; further connections wait in the accept queue
/// of the operating system.
async fn acquire_slot(
    permits: &Arc<Semaphore>,
    peers: &PeerConnections,
    metrics: &ConnectionMetrics,
) -> Option<OwnedSemaphorePermit> {
    if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
        return Some(permit);
    }
    loop {
        if peers.evict_idle() {
            metrics.count_eviction();
        }
        // Fails only if the semaphore is closed, which never happens.
        if let Ok(permit) = tokio::time::timeout(EVICTION_PAUSE, Arc::clone(permits).acquire_owned()).await {
            return permit.ok();
        }
    }
}

struct Connection {
    peer: SocketAddr,
    service: HttpService,
    idle_timeout: Duration,
    watcher: Watcher,
}

impl Connection {
    async fn serve(
        self,
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        slot: (Option<OwnedSemaphorePermit>, ConnectionGuard, OpenConnection),
    ) {
        // Answers are small and written in one piece; Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let idle = Arc::clone(&slot.1.idle);
        match tls {
            None => self.serve_http(stream, idle).await,
            Some(tls) => match tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.serve_http(stream, idle).await,
                Ok(Err(error)) => tracing::debug!(peer = %self.peer, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake timed out"),
            },
        }
    }

    async fn serve_http(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        idle: Arc<IdleState>,
    ) {
        let Self { peer, service, idle_timeout, watcher } = self;
        let exchanges = ExchangeCounter::default();
        let stream_exchanges = exchanges.clone();
        let service = hyper::service::service_fn(move |request| {
            let (exchanges, answer) = (exchanges.clone(), service.answer(peer, request));
            exchanges.advance();
            async move {
                let response = answer.await;
                exchanges.advance();
                response
            }
        });
        let stream = HeaderTimeout::new(
            WriteTimeout::new(stream, WRITE_STALL_LIMIT, MIN_READ_BYTES_PER_SECOND),
            stream_exchanges,
            HEAD_LIMIT,
            idle,
        );
        // More than 100 header fields are answered 431 as well: hyper's default limit, kept because setting one costs
        // an allocation for each request.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle_timeout.max(HEAD_LIMIT))
            .max_header_size(HEAD_MAX_BYTES)
            .max_buf_size(2 * HEAD_MAX_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%peer, %error, "connection ended early");
        }
    }
}
