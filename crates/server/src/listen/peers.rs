//! How many connections each peer address has, so that one peer cannot take every place of a listener.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use parking_lot::Mutex;

use crate::auth::rate::network;

/// How often the log tells of connections that were refused.
const TOLD_EVERY: Duration = Duration::from_secs(60);

pub(crate) struct Peers {
    connected: Mutex<HashMap<IpAddr, usize>>,
    max: usize,
    /// Proxies, behind whose address many stand.
    exempt: Vec<IpNet>,
    told: Mutex<Option<Instant>>,
}

/// One peer's place, given back when dropped.
pub(crate) struct Place(Option<(Arc<Peers>, IpAddr)>);

impl Peers {
    pub(crate) fn new(max: usize, exempt: Vec<IpNet>) -> Arc<Self> {
        Arc::new(Self { connected: Mutex::default(), max, exempt, told: Mutex::default() })
    }

    /// A place for a peer, unless it has as many as it may have.
    pub(crate) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        if self.exempt.iter().any(|proxies| proxies.contains(&peer)) {
            return Some(Place(None));
        }
        let peer = network(peer);
        let mut connected = self.connected.lock();
        let count = connected.entry(peer).or_default();
        if *count >= self.max {
            drop(connected);
            self.tell(peer);
            return None;
        }
        *count += 1;
        Some(Place(Some((Arc::clone(self), peer))))
    }

    fn tell(&self, peer: IpAddr) {
        let mut told = self.told.lock();
        if told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            *told = Some(Instant::now());
            tracing::warn!(
                %peer,
                max = self.max,
                "connections are refused: this address has as many as one may have; if it is a proxy, name it in \
                 trusted_proxies, else see max_connections_per_peer"
            );
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((peers, peer)) = self.0.take() else { return };
        let mut connected = peers.connected.lock();
        if let Some(count) = connected.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                connected.remove(&peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_its_places_and_no_more_and_a_trusted_proxy_as_many_as_there_are() {
        let peers = Peers::new(2, vec!["10.0.0.0/8".parse().unwrap()]);
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
