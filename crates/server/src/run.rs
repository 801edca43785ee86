//! Starts a gateway, serves until it is told to stop, and stops it without losing what is in flight.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::base_url::BaseUrl;
use crate::config::Config;
use crate::front::Front;
use crate::listen::{Listener, tls};
use crate::request_id::RequestIds;
use crate::{health, metrics};

/// Where a gateway that is ready can be reached.
#[derive(Debug, Clone)]
pub struct Ready {
    /// The bound address of the merchant API.
    pub addr: SocketAddr,
    /// The bound address of the operator API: the same, unless it has a listener of its own.
    pub operator_addr: SocketAddr,
    /// The bound address of `/metrics`.
    pub metrics_addr: Option<SocketAddr>,
    /// Under which addresses merchants call it, the preferred one first.
    pub public_urls: Vec<BaseUrl>,
}

/// Runs a gateway until `shutdown` completes and what was in flight is finished.
///
/// `on_ready` is called once every listener is bound and requests are served.
///
/// # Errors
/// What keeps it from starting, in a sentence for the person who started it: an address in use, a data directory that
/// another gateway holds, a wrong master key, a certificate that cannot be read.
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()>,
    on_ready: impl FnOnce(&Ready),
) -> anyhow::Result<()> {
    let acceptor = config.tls.as_ref().map(tls::acceptor).transpose()?;
    let recorder = config.metrics_listen.map(|_| metrics::install()).transpose()?;
    let ids = Arc::new(RequestIds::new()?);

    let socket = bind(config.listen).await?;
    let addr = socket.local_addr()?;
    let public_urls = match config.public_urls.is_empty() {
        true => default_public_urls(addr, acceptor.is_some())?,
        false => config.public_urls.clone(),
    };
    let listener = |socket, tls, router| Listener {
        socket,
        tls,
        front: Front::new(router, Arc::clone(&ids)),
        connections_max: config.connections_max,
    };
    let mut listeners = vec![listener(socket, acceptor.clone(), health::router())];
    let mut ready = Ready { addr, operator_addr: addr, metrics_addr: None, public_urls };
    if let Some(wanted) = config.operator_listen {
        let socket = bind(wanted).await?;
        ready.operator_addr = socket.local_addr()?;
        listeners.push(listener(socket, acceptor, health::router()));
    }
    if let (Some(wanted), Some(recorder)) = (config.metrics_listen, recorder) {
        let socket = bind(wanted).await?;
        ready.metrics_addr = Some(socket.local_addr()?);
        // Scrapers seldom speak TLS, and the listener is for them alone.
        listeners.push(listener(socket, None, metrics::router(recorder)));
    }

    let (stop, stopping) = watch::channel(false);
    let mut serving: JoinSet<()> =
        listeners.into_iter().map(|listener| listener.serve(stopping.clone())).collect();
    on_ready(&ready);
    shutdown.await;
    tracing::info!("stopping: no new work, finishing what is in flight");
    stop.send_replace(true);
    while serving.join_next().await.is_some() {}
    Ok(())
}

async fn bind(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| format!("cannot listen on {addr}"))
}

/// Without a configured URL the bound address is it; where that is this machine only, or any address, people say
/// `localhost` too.
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
