//! Rate limits: failed authentications per peer address, and signed requests per app (contract §7).
//!
//! Failures are counted before the signature is verified, and per address, so that someone who knows only an appId
//! cannot lock its owner out; the rate of an app is counted after. A request that authenticates is never delayed by the
//! failures of others at its address: they count once they are known to be failures, and the cost of looking them up is
//! bounded by [`crate::auth::negative_cache`].

mod counts;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use http::HeaderMap;
use ipnet::IpNet;
use rebuttal_protocol::{AppId, Code};

use self::counts::RateCounters;
use crate::http::connection_limits::network;
use crate::http::error::Refusal;

/// Addresses with their own count of failures. Further addresses share one count until existing ones are removed.
const ADDRESSES_MAX: usize = 10_000;
/// The shared key of callers for which a trusted proxy reported no valid address; not a real peer address.
const UNREADABLE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

const TOO_MANY_FAILURES: &str = "too many failed authentications from this address; wait for the seconds of Retry-After, and \
                                 correct the signature or the token before you send the request again";

pub(crate) struct RateLimits {
    failures: RateCounters<IpAddr>,
    apps: Option<RateCounters<AppId>>,
    trusted_proxies: Vec<IpNet>,
}

impl RateLimits {
    pub(crate) fn new(failures: NonZeroU32, apps: Option<NonZeroU32>, trusted_proxies: Vec<IpNet>) -> Self {
        Self {
            failures: RateCounters::new(failures, ADDRESSES_MAX),
            // Unlimited: only signed requests are counted, so there are no more keys than apps.
            apps: apps.map(|rate| RateCounters::new(rate, usize::MAX)),
            trusted_proxies,
        }
    }

    /// Counts a failed authentication from an address.
    pub(crate) fn failure(&self, address: IpAddr) -> Result<(), Refusal> {
        let counted = self.failures.count(network(address), Instant::now());
        counted.map_err(|wait| refusal(wait, TOO_MANY_FAILURES))
    }

    /// Counts a signed request of an app.
    pub(crate) fn request(&self, app_id: AppId) -> Result<(), Refusal> {
        let Some(apps) = &self.apps else { return Ok(()) };
        apps.count(app_id, Instant::now())
            .map_err(|wait| refusal(wait, "too many requests from this app; send them more slowly"))
    }

    /// Removes addresses and apps whose whole rate is available again.
    pub(crate) fn purge(&self) {
        let now = Instant::now();
        self.failures.purge(now);
        if let Some(apps) = &self.apps {
            apps.purge(now);
        }
    }

    /// The address of the caller: the peer or, if the peer is a trusted proxy, the last address in `X-Forwarded-For`
    /// that is not a trusted proxy's.
    ///
    /// The header is read from the right, where each proxy appends the address that it saw, up to the first entry that
    /// is not a trusted proxy's: entries further left were written by the caller. If that entry cannot be parsed, the
    /// address is unknown: an entry further left could be chosen by the caller, and the proxy that wrote the entry is
    /// not the caller. All such callers share one count.
    pub(crate) fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |address: &IpAddr| self.trusted_proxies.iter().any(|proxy| proxy.contains(address));
        if !trusted(&peer) {
            return peer;
        }
        let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
        let entries = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        // RFC 9110 §5.6.1.2: empty list elements are ignored.
        let entries = entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty());
        let mut origin = peer;
        for entry in entries {
            let Some(address) = forwarded(entry) else { return UNREADABLE };
            origin = address;
            if !trusted(&origin) {
                break;
            }
        }
        origin
    }
}

/// Parses an entry of `X-Forwarded-For`: an address with optional port, IPv6 brackets and quotes.
fn forwarded(entry: &[u8]) -> Option<IpAddr> {
    let quoted = entry.strip_prefix(b"\"").and_then(|entry| entry.strip_suffix(b"\""));
    let entry = std::str::from_utf8(quoted.unwrap_or(entry)).ok()?;
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']'));
    let with_port = || entry.parse().ok().map(|address: SocketAddr| address.ip());
    let address = match bare {
        Some(bare) => bare.parse().ok().map(|address: Ipv6Addr| address.into()),
        None => entry.parse().ok().or_else(with_port),
    };
    address.map(|address: IpAddr| address.to_canonical())
}

fn refusal(wait: Duration, message: &'static str) -> Refusal {
    Refusal::new(Code::RateLimited, message).retry_after(wait.as_secs() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate_limits(failures: u32, apps: Option<u32>) -> RateLimits {
        let proxies = vec!["10.0.0.0/8".parse().unwrap()];
        RateLimits::new(NonZeroU32::new(failures).unwrap(), apps.and_then(NonZeroU32::new), proxies)
    }

    #[test]
    fn failures_are_limited_per_address() {
        let rate_limits = rate_limits(2, None);
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!(rate_limits.failure(one).is_ok() && rate_limits.failure(one).is_ok());
        let refusal = rate_limits.failure(one).unwrap_err();
        assert_eq!((refusal.code, refusal.retry_after_seconds), (Code::RateLimited, Some(1)));
        assert!(refusal.message.contains("wait for the seconds of Retry-After"), "{}", refusal.message);
        assert!(rate_limits.failure(other).is_ok());
    }

    #[test]
    fn ipv6_addresses_of_one_64_network_share_a_count() {
        let rate_limits = rate_limits(1, None);
        assert!(rate_limits.failure("2001:db8::1".parse().unwrap()).is_ok());
        assert!(rate_limits.failure("2001:db8::2".parse().unwrap()).is_err());
        assert!(rate_limits.failure("2001:db8:0:1::1".parse().unwrap()).is_ok());
    }

    #[test]
    fn app_rate_limit_is_off_by_default() {
        let app = AppId::from_bytes([1; 16]);
        assert!((0..1000).all(|_| rate_limits(1, None).request(app).is_ok()));
        let rate_limits = rate_limits(1, Some(1));
        assert!(rate_limits.request(app).is_ok() && rate_limits.request(app).is_err());
    }

    /// Peer, header lines of `X-Forwarded-For`, and the expected caller.
    #[test]
    fn forwarded_address_counts_only_from_trusted_proxies() {
        let rate_limits = rate_limits(1, None);
        for (peer, lines, origin) in [
            ("192.0.2.1", &[b"198.51.100.1".as_slice()][..], "192.0.2.1"),
            ("192.0.2.1", &[b"\xff"], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[b""], "10.0.0.1"),
            ("10.0.0.1", &[b"10.0.0.3"], "10.0.0.3"),
            ("10.0.0.1", &[b"198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[b"198.51.100.1,"], "198.51.100.1"),
            ("10.0.0.1", &[b"203.0.113.9, 198.51.100.1 ,10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &[b"203.0.113.9", b"198.51.100.1", b"10.0.0.2, 10.0.0.3"], "198.51.100.1"),
            // With ports, quotes or brackets, as some proxies write them.
            ("10.0.0.1", &[b"198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", &[b"\"198.51.100.1:4711\""], "198.51.100.1"),
            ("10.0.0.1", &[b"\"198.51.100.1\", \"10.0.0.2:80\""], "198.51.100.1"),
            ("10.0.0.1", &[b"2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &[b"[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &[b"[2001:db8::1]:443"], "2001:db8::1"),
            ("10.0.0.1", &[b"\"[2001:db8::1]:443\""], "2001:db8::1"),
            ("10.0.0.1", &[b"::ffff:198.51.100.1, [::ffff:10.0.0.2]:80"], "198.51.100.1"),
            // Entries written by the caller do not affect those to their right.
            ("10.0.0.1", &[b"\xff\xfe, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[b"nonsense, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &[b"\xff", b"198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[b"\"203.0.113.9, 198.51.100.1"], "198.51.100.1"),
            // An unreadable entry of a proxy: neither the address named by the caller nor the proxy counts.
            ("10.0.0.1", &[b"203.0.113.9, nonsense"], "::"),
            ("10.0.0.1", &[b"203.0.113.9, unknown, 10.0.0.2"], "::"),
            ("10.0.0.1", &[b"203.0.113.9", b"\xc3\xa4"], "::"),
            ("10.0.0.1", &[b"203.0.113.9, 198.51.100.1:99999"], "::"),
            ("10.0.0.1", &[b"203.0.113.9, [198.51.100.1]"], "::"),
            ("10.0.0.1", &[b"203.0.113.9, \"198.51.100.1"], "::"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", http::HeaderValue::from_bytes(line).unwrap());
            }
            let address = rate_limits.origin(peer.parse().unwrap(), &headers).to_string();
            assert_eq!(
                address,
                origin,
                "{peer} {:?}",
                lines.iter().map(|line| line.escape_ascii()).collect::<Vec<_>>()
            );
        }
    }
}
