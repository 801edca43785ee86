//! Checks that the addresses to listen on are free, or used by this gateway.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::net::TcpSocket;

use super::Finding;
use crate::setup::config::Config;
use crate::setup::data_dir::is_locked;

/// Binds each address briefly, as a start would.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let others = [("operator_listen", config.operator_listen), ("metrics_listen", config.metrics_listen)];
    let others = others.into_iter().filter_map(|(setting, address)| Some((setting, address?)));
    std::iter::once(("listen", config.listen))
        .chain(others)
        .map(|(setting, address)| examine_address(setting, address, config))
        .collect()
}

fn examine_address(setting: &str, address: SocketAddr, config: &Config) -> Finding {
    const CHECK: &str = "listener";
    match bind(address) {
        Ok(()) => Finding::ok(CHECK, format!("{setting} {address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_locked(&config.data_dir) => Finding::ok(
            CHECK,
            format!("{setting} {address} is in use, and a gateway serves from this data directory"),
        ),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Finding::fault(
            CHECK,
            format!(
                "{setting} {address} is in use by another program or another gateway: none serves from this data directory. \
                 Stop that one, or choose another address"
            ),
        ),
        Err(error) => Finding::fault(
            CHECK,
            format!(
                "cannot listen on {setting} {address} ({error}); choose an address of this machine that the gateway's user \
                 may listen on"
            ),
        ),
    }
}

/// Binds an address without listening: this fails if a program listens there, and blocks no other program, not even
/// another `doctor`.
fn bind(address: SocketAddr) -> std::io::Result<()> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}
