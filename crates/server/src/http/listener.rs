//! Accepts connections and serves HTTP/1.1 on them, everything bounded: connections, header bytes and count, the time
//! of a handshake, of a head, of a pause in a body and of a stalled write.
//!
//! It exists because `axum::serve` bounds none of these. HTTP/2 is deliberately not spoken: the proxies and clients of
//! a gateway fall back to 1.1, and the second protocol would need limits of its own. How long a whole body may
//! take is bounded where it is read ([`crate::http::body`]).

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

use crate::http::connection_limits::{ConnectionGuard, Peers};
use crate::http::header_timeout::{HeaderTimeout, Turns};
use crate::http::idle_state::IdleState;
use crate::http::log_throttle::LogThrottle;
use crate::http::metrics::{ConnectionMetrics, Counted};
use crate::http::service::Front;
use crate::http::write_timeout::WriteTimeout;

/// Most bytes of a request's head; beyond, 431. The published header needs 210, proxies add a few hundred.
pub(crate) const HEAD_MAX_BYTES: usize = 16 * 1024;
/// How long a connection may rest between two requests, the next one's head included.
pub(crate) const REST_LIMIT: Duration = Duration::from_secs(60);
/// How long a request's head may take from its first byte on, and the first one from the connection on.
pub(crate) const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long a sender may pause within a request's body.
pub(crate) const BODY_PAUSE_LIMIT: Duration = Duration::from_secs(10);
/// How long a TLS handshake may take.
pub(crate) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long an answer may wait for its peer to read it.
pub(crate) const WRITE_STALL_LIMIT: Duration = Duration::from_secs(30);
/// How fast an answer must be read, beyond what the stall limit allows: a file of 2 MiB within 94 seconds.
pub(crate) const LEAST_READ_BYTES_PER_SECOND: u32 = 32 * 1024;
/// How long requests in flight may take to finish after a stop was asked for.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(30);
/// How long to wait after an accept failed, which mostly means that the process is out of files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often the log tells of it.
const ACCEPT_TOLD_EVERY: Duration = Duration::from_secs(1);
/// How long a connection that found all places taken waits before another is asked to give way.
const ROOM_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket and what is served on it.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) front: Front,
    pub(crate) connections_max: usize,
    pub(crate) peers: Arc<Peers>,
    pub(crate) metrics: ConnectionMetrics,
}

impl Listener {
    /// Serves until `stop` turns true; then accepts nothing more, closes idle connections, and gives the others
    /// [`STOP_LIMIT`] to finish.
    pub(crate) async fn serve(self, mut stop: watch::Receiver<bool>) {
        let Self { socket, tls, front, connections_max, peers, metrics } = self;
        let permits = Arc::new(Semaphore::new(connections_max));
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let failed = LogThrottle::every(ACCEPT_TOLD_EVERY);
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                Some(_) = connections.join_next() => {}
                accepted = socket.accept() => match accepted {
                    Ok((stream, peer)) => {
                        // Closed at once where the peer has too many: an answer would cost what it is refused.
                        let Some(place) = peers.enter(peer.ip()) else {
                            metrics.refuse();
                            continue;
                        };
                        let permit = tokio::select! {
                            () = stopped(&mut stop) => break,
                            permit = room(&permits, &peers, &metrics) => permit,
                        };
                        let connection = Connection { peer, front: front.clone(), watcher: graceful.watcher() };
                        connections.spawn(connection.serve(stream, tls.clone(), (permit, place, metrics.enter())));
                    }
                    Err(error) => {
                        if failed.is_due() {
                            tracing::warn!(%error, "could not accept a connection");
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
            tracing::warn!("connections were cut: they did not finish within {STOP_LIMIT:?} of the stop");
        }
    }
}

/// Waits until a stop is asked for; a sender that is gone counts as one.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits for a free place for a connection that has come. Where all are taken, one that rests gives way; those that
/// come behind it wait in the system's queue.
async fn room(
    permits: &Arc<Semaphore>,
    peers: &Peers,
    metrics: &ConnectionMetrics,
) -> Option<OwnedSemaphorePermit> {
    if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
        return Some(permit);
    }
    loop {
        if peers.make_room() {
            metrics.give_way();
        }
        // Fails only when the semaphore is closed, which nothing does.
        if let Ok(permit) = tokio::time::timeout(ROOM_PAUSE, Arc::clone(permits).acquire_owned()).await {
            return permit.ok();
        }
    }
}

struct Connection {
    peer: SocketAddr,
    front: Front,
    watcher: Watcher,
}

impl Connection {
    async fn serve(
        self,
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        place: (Option<OwnedSemaphorePermit>, ConnectionGuard, Counted),
    ) {
        // Answers are small and written at once; waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let rest = Arc::clone(&place.1.rest);
        match tls {
            None => self.serve_http(stream, rest).await,
            Some(tls) => match tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.serve_http(stream, rest).await,
                Ok(Err(error)) => tracing::debug!(peer = %self.peer, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
            },
        }
    }

    async fn serve_http(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        rest: Arc<IdleState>,
    ) {
        let Self { peer, front, watcher } = self;
        let turns = Turns::default();
        let of_stream = turns.clone();
        let service = hyper::service::service_fn(move |request| {
            let (turns, answer) = (turns.clone(), front.answer(peer, request));
            turns.turn();
            async move {
                let response = answer.await;
                turns.turn();
                response
            }
        });
        let stream = HeaderTimeout::new(
            WriteTimeout::new(stream, WRITE_STALL_LIMIT, LEAST_READ_BYTES_PER_SECOND),
            of_stream,
            HEAD_LIMIT,
            rest,
        );
        // More than 100 header fields are 431 as well: hyper's own limit, left alone because setting one costs an
        // allocation for each request.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REST_LIMIT)
            .max_header_size(HEAD_MAX_BYTES)
            .max_buf_size(2 * HEAD_MAX_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%peer, %error, "connection ended early");
        }
    }
}
