//! Limits connections per peer address, so that one peer cannot take every slot of a listener, and selects the idle
//! connection to evict when all slots are taken.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use parking_lot::Mutex;

use crate::http::idle_state::IdleState;
use crate::http::log_throttle::LogThrottle;

/// How often the log reports refused connections, and evicted ones.
const EVICTION_LOGGED_EVERY: Duration = Duration::from_secs(60);
/// How long a connection must be idle before it can be evicted: after a shorter time its next request may be on the
/// way.
pub(crate) const EVICTION_IDLE_MIN: Duration = Duration::from_secs(1);

pub(crate) struct PeerConnections {
    connected: Mutex<HashMap<IpAddr, Vec<Arc<IdleState>>>>,
    listener: &'static str,
    max: usize,
    /// Trusted proxies: many clients share their address.
    exempt: Vec<IpNet>,
    refused: LogThrottle,
    evicted: LogThrottle,
}

/// The slot of one connection, released on drop.
pub(crate) struct ConnectionGuard {
    pub(super) idle: Arc<IdleState>,
    /// `None` for a trusted proxy, whose connections are neither counted nor evicted.
    of: Option<(Arc<PeerConnections>, IpAddr)>,
}

impl PeerConnections {
    pub(crate) fn new(listener: &'static str, max: usize, exempt: Vec<IpNet>) -> Arc<Self> {
        let (refused, evicted) =
            (LogThrottle::every(EVICTION_LOGGED_EVERY), LogThrottle::every(EVICTION_LOGGED_EVERY));
        Arc::new(Self { connected: Mutex::default(), listener, max, exempt, refused, evicted })
    }

    /// A slot for a peer, unless it has the maximum.
    pub(crate) fn acquire(self: &Arc<Self>, peer: IpAddr) -> Option<ConnectionGuard> {
        let (peer, idle) = (peer.to_canonical(), Arc::<IdleState>::default());
        if self.exempt.iter().any(|proxies| proxies.contains(&peer)) {
            return Some(ConnectionGuard { idle, of: None });
        }
        let peer = network(peer);
        let mut connected = self.connected.lock();
        let of_peer = connected.entry(peer).or_default();
        if of_peer.len() >= self.max {
            drop(connected);
            self.log_refused(peer);
            return None;
        }
        of_peer.push(Arc::clone(&idle));
        Some(ConnectionGuard { idle, of: Some((Arc::clone(self), peer)) })
    }

    /// Closes the connection that has been idle longest, of the peer with the most connections among those with an idle
    /// one. Returns whether there was one.
    pub(super) fn evict_idle(&self) -> bool {
        let connected = self.connected.lock();
        let longest = |connections: &[Arc<IdleState>]| {
            let idle_connections =
                connections.iter().filter_map(|idle| Some((idle.idle_for()?, Arc::clone(idle))));
            idle_connections
                .filter(|(idle_for, _)| *idle_for >= EVICTION_IDLE_MIN)
                .max_by_key(|(idle_for, _)| *idle_for)
        };
        let idle_connections = connected
            .iter()
            .filter_map(|(peer, connections)| Some((peer, connections.len(), longest(connections)?)));
        let Some((peer, count, (_, idle))) =
            idle_connections.max_by_key(|(_, count, (idle_for, _))| (*count, *idle_for))
        else {
            return false;
        };
        if self.evicted.is_due() {
            tracing::warn!(
                listener = self.listener,
                %peer,
                connections = count,
                "connection limit reached; closing the longest-idle connection of the address with the most connections"
            );
        }
        idle.request_close();
        true
    }

    fn log_refused(&self, peer: IpAddr) {
        if self.refused.is_due() {
            tracing::warn!(
                listener = self.listener,
                %peer,
                max = self.max,
                "connection refused: this address has reached max_connections_per_peer; if it is a proxy, add it to \
                 trusted_proxies"
            );
        }
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let Some((peers, peer)) = self.of.take() else { return };
        let mut connected = peers.connected.lock();
        if let Some(connections) = connected.get_mut(&peer) {
            connections.retain(|idle| !Arc::ptr_eq(idle, &self.idle));
            if connections.is_empty() {
                connected.remove(&peer);
            }
        }
    }
}

/// The unit that is counted: the address for IPv4, the /64 network for IPv6, which one subscriber usually has.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_connections_are_limited_except_for_trusted_proxies() {
        let peers = PeerConnections::new("merchants", 2, vec!["10.0.0.0/8".parse().unwrap()]);
        let acquire = |peer: &str| peers.acquire(peer.parse().unwrap());
        let held = [acquire("192.0.2.1"), acquire("::ffff:192.0.2.1")];
        assert!(held.iter().all(Option::is_some) && acquire("192.0.2.1").is_none());
        assert!(acquire("192.0.2.2").is_some());
        drop(held);
        assert!(acquire("192.0.2.1").is_some());
        let of_subscriber = [acquire("2001:db8::1"), acquire("2001:db8::2")];
        assert!(of_subscriber.iter().all(Option::is_some) && acquire("2001:db8::3").is_none());
        let of_proxy: Vec<_> = (0..10).map(|_| acquire("10.0.0.1")).collect();
        assert!(of_proxy.iter().all(Option::is_some));
        drop((of_subscriber, of_proxy));
        assert!(peers.connected.lock().is_empty());
    }
}
