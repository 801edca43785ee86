//! How many connections each peer address has, so that one peer cannot take every slot of a listener, and which of
//! them gives way where all slots are taken.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use parking_lot::Mutex;

use crate::http::idle_state::IdleState;
use crate::http::log_throttle::LogThrottle;

/// How often the log tells of connections that were refused, and of those that gave way.
const EVICTION_LOGGED_EVERY: Duration = Duration::from_secs(60);
/// How long a connection has rested before it gives way: the next request of a shorter idle may be on its way.
pub(crate) const EVICTION_IDLE_MIN: Duration = Duration::from_secs(1);

pub(crate) struct PeerConnections {
    connected: Mutex<HashMap<IpAddr, Vec<Arc<IdleState>>>>,
    listener: &'static str,
    max: usize,
    /// Proxies, behind whose address many stand.
    exempt: Vec<IpNet>,
    refused: LogThrottle,
    evicted: LogThrottle,
}

/// One connection's slot, given back when dropped.
pub(crate) struct ConnectionGuard {
    pub(super) idle: Arc<IdleState>,
    /// Nothing of a proxy, whose connections are not counted and give no way.
    of: Option<(Arc<PeerConnections>, IpAddr)>,
}

impl PeerConnections {
    pub(crate) fn new(listener: &'static str, max: usize, exempt: Vec<IpNet>) -> Arc<Self> {
        let (refused, evicted) =
            (LogThrottle::every(EVICTION_LOGGED_EVERY), LogThrottle::every(EVICTION_LOGGED_EVERY));
        Arc::new(Self { connected: Mutex::default(), listener, max, exempt, refused, evicted })
    }

    /// A slot for a peer, unless it has as many as it may have.
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

    /// Asks the connection to end that has rested longest, of the peer with the most connections among those that have
    /// one idle. Whether there was one.
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
                "all places are taken, so a connection at rest gives way to one that comes; this address has the most"
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
                "connections are refused: this address has as many as one may have; if it is a proxy, name it in \
                 trusted_proxies, else see max_connections_per_peer"
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

/// One subscriber usually has a whole /64 of IPv6, so that is what is counted.
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
    fn a_peer_has_its_places_and_no_more_and_a_trusted_proxy_as_many_as_there_are() {
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
