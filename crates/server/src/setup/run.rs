//! Starts a gateway, serves until a stop signal, and shuts down after the requests in flight.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::signal::unix::SignalKind;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::clock;
use crate::gateway::Gateway;
use crate::http::base_url::BaseUrl;
use crate::http::connection_limits::PeerConnections;
use crate::http::listener::Listener;
use crate::http::metrics::ConnectionMetrics;
use crate::http::request_id::RequestIds;
use crate::http::service::HttpService;
use crate::http::tls;
use crate::setup::config::{Config, OTHER_LISTENERS_PART};
use crate::setup::data_dir::DataDir;
use crate::setup::doctor::{Severity, disk, files};
use crate::setup::{routes, start};
use crate::{jobs, metrics};

/// `SIGXFSZ`; the same number on Linux and macOS on every supported processor.
const SIGXFSZ: i32 = 25;

/// The addresses of a gateway that is ready.
#[derive(Debug, Clone)]
pub struct Ready {
    /// The bound address of the merchant API.
    pub addr: SocketAddr,
    /// The bound address of the operator API: `addr`, unless it has its own listener.
    pub operator_addr: SocketAddr,
    /// The bound address of `/metrics`.
    pub metrics_addr: Option<SocketAddr>,
    /// The addresses that merchants call, the preferred one first.
    pub public_urls: Vec<BaseUrl>,
}

/// Runs a gateway until `shutdown` completes and the requests in flight are finished.
///
/// `on_ready` is called once every listener is bound and requests are served.
///
/// # Errors
/// Why it cannot start, as a message for the operator: an address in use, a data directory locked by another gateway, a
/// wrong master key, an unreadable certificate.
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()>,
    on_ready: impl FnOnce(&Ready),
) -> anyhow::Result<()> {
    // With a handler, a write beyond the file size limit (RLIMIT_FSIZE) is an error instead of the process's end.
    let _signal =
        tokio::signal::unix::signal(SignalKind::from_raw(SIGXFSZ)).context("cannot listen for SIGXFSZ")?;
    let acceptor = config.tls.as_ref().map(tls::acceptor).transpose()?;
    if let Some(problem) =
        config.tls.as_ref().map(|files| tls::certificate_problem(files, clock::now())).transpose()?.flatten()
    {
        tracing::warn!("{}", problem.message);
    }
    let recorder = config.metrics_listen.map(|_| metrics::install()).transpose()?;
    // Bound before any file is created: a start on an address in use leaves nothing behind.
    let sockets = Sockets::bind(&config).await?;
    let ready = sockets.ready(&config)?;
    let data_dir = DataDir::open(&config.data_dir)?;
    let faults = disk::examine(&config).into_iter().chain(files::writable_by_all(&config));
    for problem in faults.filter(|disk| disk.severity == Severity::Fault) {
        tracing::error!("{}", problem.message);
    }
    let mut shutdown = std::pin::pin!(shutdown);
    // A start may wait long for its database, and can be interrupted at any point.
    let gateway = tokio::select! {
        biased;
        () = &mut shutdown => {
            tracing::info!("stopping: received a stop signal before the start was finished");
            return Ok(());
        }
        opened = start::open(&config, &data_dir, ready.public_urls.clone()) => opened?,
    };

    let (stop, stopping) = watch::channel(false);
    let mut jobs = jobs::start(&gateway, recorder.clone(), &stopping);
    let listeners = sockets.listeners(&config, &gateway, acceptor, recorder)?;
    let mut serving: JoinSet<()> =
        listeners.into_iter().map(|listener| listener.serve(stopping.clone())).collect();
    on_ready(&ready);

    let stopped = tokio::select! {
        () = async {
            shutdown.await;
            drain(&gateway, config.drain).await;
        } => Ok(()),
        Some(ended) = serving.join_next() => Err(anyhow::anyhow!("a listener ended unexpectedly: {ended:?}")),
    };
    tracing::info!("stopping: accepting no new requests, finishing those in flight");
    stop.send_replace(true);
    while serving.join_next().await.is_some() {}
    while jobs.join_next().await.is_some() {}
    // Last: the requests and jobs above need it.
    gateway.store.close().await;
    stopped
}

/// Keeps serving while not ready, so that a load balancer stops sending requests before the listeners close:
/// connections that are not accepted yet would be reset.
async fn drain(gateway: &Gateway, drain: Duration) {
    if drain.is_zero() {
        return;
    }
    gateway.health.drain();
    tracing::info!("draining: /readyz answers 503, serving for another {drain:?}");
    tokio::time::sleep(drain).await;
}

/// The bound sockets.
struct Sockets {
    main: TcpListener,
    operator: Option<TcpListener>,
    metrics: Option<TcpListener>,
}

impl Sockets {
    async fn bind(config: &Config) -> anyhow::Result<Self> {
        let bind_if = async |setting, addr: Option<SocketAddr>| match addr {
            Some(addr) => bind(setting, addr).await.map(Some),
            None => Ok(None),
        };
        Ok(Self {
            main: bind("listen", config.listen).await?,
            operator: bind_if("operator_listen", config.operator_listen).await?,
            metrics: bind_if("metrics_listen", config.metrics_listen).await?,
        })
    }

    fn ready(&self, config: &Config) -> anyhow::Result<Ready> {
        let addr = self.main.local_addr()?;
        let public_urls = match config.public_urls.is_empty() {
            true => default_public_urls(addr, config.tls.is_some())?,
            false => config.public_urls.clone(),
        };
        let operator_addr = self.operator.as_ref().map_or(Ok(addr), TcpListener::local_addr)?;
        let metrics_addr = self.metrics.as_ref().map(TcpListener::local_addr).transpose()?;
        Ok(Ready { addr, operator_addr, metrics_addr, public_urls })
    }

    fn listeners(
        self,
        config: &Config,
        gateway: &Arc<Gateway>,
        tls: Option<TlsAcceptor>,
        recorder: Option<PrometheusHandle>,
    ) -> anyhow::Result<Vec<Listener>> {
        let Self { main, operator, metrics } = self;
        let ids = Arc::new(RequestIds::new()?);
        let slots = config.connections_max;
        let other_slots = slots.div_ceil(OTHER_LISTENERS_PART);
        let listener = |name, socket, tls, router, connections_max| Listener {
            socket,
            metrics: ConnectionMetrics::new(name, connections_max),
            tls,
            service: HttpService::new(router, Arc::clone(&ids)),
            connections_max,
            idle_timeout: config.idle_timeout,
            peers: PeerConnections::new(
                name,
                config.connections_per_peer(connections_max),
                config.trusted_proxies.clone(),
            ),
        };
        let merchants = routes::merchants(gateway, operator.is_none());
        let mut listeners = vec![listener("merchants", main, tls.clone(), merchants, slots)];
        if let Some(socket) = operator {
            listeners.push(listener("operators", socket, tls, routes::operators(gateway), other_slots));
        }
        if let (Some(socket), Some(recorder)) = (metrics, recorder) {
            // Without TLS, which scrapers rarely use.
            listeners.push(listener(
                "metrics",
                socket,
                None,
                routes::metrics(recorder, Arc::clone(gateway)),
                other_slots,
            ));
        }
        Ok(listeners)
    }
}

async fn bind(setting: &str, addr: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => {
                "; another program or another gateway listens there: stop it, or choose another address"
            }
            ErrorKind::AddrNotAvailable => {
                "; this machine has no such address: choose one that it has, or 0.0.0.0"
            }
            ErrorKind::PermissionDenied => {
                "; ports below 1024 need a privilege: choose a higher port, and let a proxy listen on this one"
            }
            _ => "",
        };
        anyhow::anyhow!("{setting}: cannot listen on {addr}: {error}{hint}")
    })
}

/// The public URLs if none is configured: the bound address, and `localhost` if it is a loopback address or any.
fn default_public_urls(addr: SocketAddr, tls: bool) -> anyhow::Result<Vec<BaseUrl>> {
    let scheme = if tls { "https" } else { "http" };
    let (port, ip) = (addr.port(), addr.ip());
    let mut urls = Vec::new();
    if ip.is_unspecified() {
        urls.push(format!("{scheme}://127.0.0.1:{port}"));
    } else {
        urls.push(format!("{scheme}://{addr}"));
    }
    if ip.is_unspecified() || ip.is_loopback() {
        urls.push(format!("{scheme}://localhost:{port}"));
    }
    Ok(urls.iter().map(|url| url.parse()).collect::<Result<_, _>>()?)
}
