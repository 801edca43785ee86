//! Limits on trying: failed authentications per peer address, and signed requests per app (contract §7).
//!
//! Failures count before the signature is known, per address, so that who knows no more than an appId locks nobody
//! out; an app's own rate counts after it. A request that authenticates is never held back by its neighbours' failures:
//! they count once it is known that they are, and what looking that up costs is bounded in
//! [`crate::auth::negative_cache`].

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

/// Addresses whose failures are counted apart. New ones beyond share one count, until old ones are forgotten.
const ADDRESSES_MAX: usize = 10_000;
/// What callers count as of whom a trusted proxy told something that is no address. It is nobody's address.
const UNREADABLE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

pub(crate) struct RateLimits {
    failures: RateCounters<IpAddr>,
    apps: Option<RateCounters<AppId>>,
    trusted_proxies: Vec<IpNet>,
}

impl RateLimits {
    pub(crate) fn new(failures: NonZeroU32, apps: Option<NonZeroU32>, trusted_proxies: Vec<IpNet>) -> Self {
        Self {
            failures: RateCounters::new(failures, ADDRESSES_MAX),
            // As many as there are: only what is signed counts.
            apps: apps.map(|rate| RateCounters::new(rate, usize::MAX)),
            trusted_proxies,
        }
    }

    /// Counts a failed authentication of an address.
    pub(crate) fn failure(&self, address: IpAddr) -> Result<(), Refusal> {
        let counted = self.failures.count(network(address), Instant::now());
        counted.map_err(|wait| refusal(wait, "too many failed authentications from this address"))
    }

    /// Counts a signed request of an app.
    pub(crate) fn request(&self, app_id: AppId) -> Result<(), Refusal> {
        let Some(apps) = &self.apps else { return Ok(()) };
        apps.count(app_id, Instant::now())
            .map_err(|wait| refusal(wait, "too many requests of this app; slow down"))
    }

    /// Forgets addresses and apps that could make all their requests again.
    pub(crate) fn purge(&self) {
        let now = Instant::now();
        self.failures.purge(now);
        if let Some(apps) = &self.apps {
            apps.purge(now);
        }
    }

    /// Whose request it is: the peer, or the last address in `X-Forwarded-For` that is not a trusted proxy's, where the
    /// peer is one.
    ///
    /// Read from the right, where each proxy has appended whom it saw, and never beyond the first entry that is not a
    /// trusted proxy's: what stands further left was written by whoever sent it. If that entry cannot be read, neither
    /// may count: not one further left, which the caller could choose, nor the proxy that wrote it, which is not the
    /// caller. All such callers share one count.
    pub(crate) fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |address: &IpAddr| self.trusted_proxies.iter().any(|proxy| proxy.contains(address));
        if !trusted(&peer) {
            return peer;
        }
        let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
        let entries = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        // RFC 9110 section 5.6.1.2: empty elements of a list do not count.
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

/// The address of an entry in `X-Forwarded-For`, with or without a port, brackets of IPv6, and quotes.
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
        assert!(rate_limits.failure(other).is_ok());
    }

    #[test]
    fn addresses_of_one_subscriber_count_together() {
        let rate_limits = rate_limits(1, None);
        assert!(rate_limits.failure("2001:db8::1".parse().unwrap()).is_ok());
        assert!(rate_limits.failure("2001:db8::2".parse().unwrap()).is_err());
        assert!(rate_limits.failure("2001:db8:0:1::1".parse().unwrap()).is_ok());
    }

    #[test]
    fn an_apps_rate_is_off_unless_set() {
        let app = AppId::from_bytes([1; 16]);
        assert!((0..1000).all(|_| rate_limits(1, None).request(app).is_ok()));
        let rate_limits = rate_limits(1, Some(1));
        assert!(rate_limits.request(app).is_ok() && rate_limits.request(app).is_err());
    }

    /// The lines of a request's `X-Forwarded-For`, and whose it is, from whom.
    #[test]
    fn only_trusted_proxies_say_who_is_behind_them() {
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
            // As some proxies write them.
            ("10.0.0.1", &[b"198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", &[b"\"198.51.100.1:4711\""], "198.51.100.1"),
            ("10.0.0.1", &[b"\"198.51.100.1\", \"10.0.0.2:80\""], "198.51.100.1"),
            ("10.0.0.1", &[b"2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &[b"[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &[b"[2001:db8::1]:443"], "2001:db8::1"),
            ("10.0.0.1", &[b"\"[2001:db8::1]:443\""], "2001:db8::1"),
            ("10.0.0.1", &[b"::ffff:198.51.100.1, [::ffff:10.0.0.2]:80"], "198.51.100.1"),
            // What a caller wrote changes nothing to the right of it.
            ("10.0.0.1", &[b"\xff\xfe, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[b"nonsense, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &[b"\xff", b"198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[b"\"203.0.113.9, 198.51.100.1"], "198.51.100.1"),
            // A proxy that tells no address: neither whom the caller names nor the proxy.
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
            let told = rate_limits.origin(peer.parse().unwrap(), &headers).to_string();
            assert_eq!(
                told,
                origin,
                "{peer} {:?}",
                lines.iter().map(|line| line.escape_ascii()).collect::<Vec<_>>()
            );
        }
    }
}
