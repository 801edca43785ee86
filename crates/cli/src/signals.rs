//! Waits for the signals that ask a process to stop.

use anyhow::{Context as _, Result};

/// Completes at the first SIGTERM, SIGINT or, where there are no such signals, Ctrl-C.
///
/// The handlers stand when this returns, so that a signal that comes before the future is polled is not lost.
#[cfg(unix)]
pub(crate) fn stop() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Completes at Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn stop() -> Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.context("cannot listen for Ctrl-C").is_err() {
            std::future::pending::<()>().await;
        }
    })
}
