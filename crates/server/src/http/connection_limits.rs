//! How many connections each peer address has, so that one peer cannot take every place of a listener, and which of
//! them gives way where all places are taken.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use parking_lot::Mutex;

use crate::http::idle_state::IdleState;
use crate::http::log_throttle::LogThrottle;

/// How often the log tells of connections that were refused, and of those that gave way.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// How long a connection has rested before it gives way: the next request of a shorter rest may be on its way.
pub(crate) const REST_MIN: Duration = Duration::from_secs(1);

pub(crate) struct Peers {
    connected: Mutex<HashMap<IpAddr, Vec<Arc<IdleState>>>>,
    listener: &'static str,
    max: usize,
    /// Proxies, behind whose address many stand.
    exempt: Vec<IpNet>,
    refused: LogThrottle,
    gave_way: LogThrottle,
}

/// One connection's place, given back when dropped.
pub(crate) struct ConnectionGuard {
    pub(super) rest: Arc<IdleState>,
    /// Nothing of a proxy, whose connections are not counted and give no way.
    of: Option<(Arc<Peers>, IpAddr)>,
}

impl Peers {
    pub(crate) fn new(listener: &'static str, max: usize, exempt: Vec<IpNet>) -> Arc<Self> {
        let (refused, gave_way) = (LogThrottle::every(TOLD_EVERY), LogThrottle::every(TOLD_EVERY));
        Arc::new(Self { connected: Mutex::default(), listener, max, exempt, refused, gave_way })
    }

    /// A place for a peer, unless it has as many as it may have.
    pub(crate) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<ConnectionGuard> {
        let (peer, rest) = (peer.to_canonical(), Arc::<IdleState>::default());
        if self.exempt.iter().any(|proxies| proxies.contains(&peer)) {
            return Some(ConnectionGuard { rest, of: None });
        }
        let peer = network(peer);
        let mut connected = self.connected.lock();
        let of_peer = connected.entry(peer).or_default();
        if of_peer.len() >= self.max {
            drop(connected);
            self.tell_refused(peer);
            return None;
        }
        of_peer.push(Arc::clone(&rest));
        Some(ConnectionGuard { rest, of: Some((Arc::clone(self), peer)) })
    }

    /// Asks the connection to end that has rested longest, of the peer with the most connections among those that have
    /// one at rest. Whether there was one.
    pub(super) fn make_room(&self) -> bool {
        let connected = self.connected.lock();
        let longest = |rests: &[Arc<IdleState>]| {
            let resting = rests.iter().filter_map(|rest| Some((rest.rested()?, Arc::clone(rest))));
            resting.filter(|(rested, _)| *rested >= REST_MIN).max_by_key(|(rested, _)| *rested)
        };
        let resting = connected.iter().filter_map(|(peer, rests)| Some((peer, rests.len(), longest(rests)?)));
        let Some((peer, count, (_, rest))) = resting.max_by_key(|(_, count, (rested, _))| (*count, *rested))
        else {
            return false;
        };
        if self.gave_way.is_due() {
            tracing::warn!(
                listener = self.listener,
                %peer,
                connections = count,
                "all places are taken, so a connection at rest gives way to one that comes; this address has the most"
            );
        }
        rest.ask();
        true
    }

    fn tell_refused(&self, peer: IpAddr) {
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
        if let Some(rests) = connected.get_mut(&peer) {
            rests.retain(|rest| !Arc::ptr_eq(rest, &self.rest));
            if rests.is_empty() {
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
        let peers = Peers::new("merchants", 2, vec!["10.0.0.0/8".parse().unwrap()]);
        let enter = |peer: &str| peers.enter(peer.parse().unwrap());
        let held = [enter("192.0.2.1"), enter("::ffff:192.0.2.1")];
        assert!(held.iter().all(Option::is_some) && enter("192.0.2.1").is_none());
        assert!(enter("192.0.2.2").is_some());
        drop(held);
        assert!(enter("192.0.2.1").is_some());
        let of_subscriber = [enter("2001:db8::1"), enter("2001:db8::2")];
        assert!(of_subscriber.iter().all(Option::is_some) && enter("2001:db8::3").is_none());
        let of_proxy: Vec<_> = (0..10).map(|_| enter("10.0.0.1")).collect();
        assert!(of_proxy.iter().all(Option::is_some));
        drop((of_subscriber, of_proxy));
        assert!(peers.connected.lock().is_empty());
    }
}
