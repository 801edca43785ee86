//! The addresses to listen on: that they are free, or that this gateway has them.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::net::TcpSocket;

use super::Finding;
use crate::setup::config::Config;
use crate::setup::data_dir::is_held;

/// Takes each address for a moment, as a start would.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let others = [("operator_listen", config.operator_listen), ("metrics_listen", config.metrics_listen)];
    let others = others.into_iter().filter_map(|(setting, address)| Some((setting, address?)));
    std::iter::once(("listen", config.listen))
        .chain(others)
        .map(|(setting, address)| of(setting, address, config))
        .collect()
}

fn of(setting: &str, address: SocketAddr, config: &Config) -> Finding {
    const ABOUT: &str = "listener";
    match take(address) {
        Ok(_) => Finding::well(ABOUT, format!("{setting} {address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_held(&config.data_dir) => Finding::well(
            ABOUT,
            format!("{setting} {address} is in use, and a gateway serves from this data directory"),
        ),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Finding::fault(
            ABOUT,
            format!(
                "{setting} {address} is taken, and no gateway serves from this data directory: another program has it, or \
                 another gateway. Stop that one, or choose another address"
            ),
        ),
        Err(error) => Finding::fault(
            ABOUT,
            format!(
                "{setting} {address} cannot be listened on ({error}); choose an address of this machine that the \
                     gateway's user may listen on"
            ),
        ),
    }
}

/// Takes an address without listening: that fails where somebody listens, and keeps nobody from it, another doctor
/// least.
fn take(address: SocketAddr) -> std::io::Result<()> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}
