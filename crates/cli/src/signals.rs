//! Waits for the signals that ask a process to stop.

use anyhow::{Context as _, Result};

/// Completes at the first SIGTERM, SIGINT or, where there are no such signals, Ctrl-C.
///
/// The handlers are installed when this returns, so that a signal before the first poll is not lost. SIGHUP is not
/// handled: `nohup` ignores it, and a handler would undo that.
#[cfg(unix)]
pub(crate) fn stop() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::SignalKind;

    first_of([SignalKind::terminate(), SignalKind::interrupt()])
}

/// The same, and SIGHUP: for commands that need their terminal.
#[cfg(unix)]
pub(crate) fn stop_or_hangup() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::SignalKind;

    first_of([SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()])
}

#[cfg(unix)]
fn first_of<const N: usize>(kinds: [tokio::signal::unix::SignalKind; N]) -> Result<impl Future<Output = ()>> {
    let listening: Result<Vec<_>, _> = kinds.into_iter().map(tokio::signal::unix::signal).collect();
    let mut listening = listening.context("cannot listen for the signals that stop a process")?;
    Ok(std::future::poll_fn(move |cx| {
        match listening.iter_mut().any(|signal| signal.poll_recv(cx).is_ready()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    }))
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

/// Completes at Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn stop_or_hangup() -> Result<impl Future<Output = ()>> {
    stop()
}
