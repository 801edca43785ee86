//! Detects two listeners with one address: the second would fail to bind, as if another program used it.

use std::net::SocketAddr;

use rebuttal_server::Config;

use super::faults::SettingError;

/// Each listener whose address another one uses. `by_default` says whether `listen` is not set.
pub(super) fn faults(config: &Config, by_default: bool) -> Vec<SettingError> {
    let listeners = [
        ("listen", Some(config.listen)),
        ("operator_listen", config.operator_listen),
        ("metrics_listen", config.metrics_listen),
    ];
    let listeners: Vec<_> =
        listeners.into_iter().filter_map(|(setting, address)| Some((setting, address?))).collect();
    let mut faults = Vec::new();
    for (place, (second, address)) in listeners.iter().enumerate() {
        let before = listeners.iter().take(place).find(|(_, other)| overlap(*address, *other));
        let Some((first, other)) = before else { continue };
        let default_note = if by_default && *first == "listen" { ", which is the default," } else { "" };
        faults.push(SettingError::of(
            &[second, first],
            format!(
                "{second} {address} and {first} {other}{default_note} use the same address: give one of them another port"
            ),
        ));
    }
    faults
}

/// Whether only one of two can listen. `0.0.0.0` is every IPv4 address, and `[::]` those and every IPv6 address; port 0
/// is any that is free.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let is_within = |all: SocketAddr, one: SocketAddr| {
        all.ip().is_unspecified() && (all.is_ipv6() || one.ip().to_canonical().is_ipv4())
    };
    let same = one.ip().to_canonical() == other.ip().to_canonical();
    one.port() == other.port() && one.port() != 0 && (same || is_within(one, other) || is_within(other, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_overlap_where_the_system_lets_only_one_listen() {
        let ports = ["8080", "8081", "0"];
        let hosts = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "[::]", "[::1]", "[::ffff:127.0.0.1]"];
        let addresses: Vec<SocketAddr> = hosts
            .iter()
            .flat_map(|host| ports.map(|port| format!("{host}:{port}").parse().unwrap()))
            .collect();
        let together = |one: &str, other: &str| {
            let apart = [
                ["127.0.0.1", "127.0.0.2"],
                ["127.0.0.1", "[::1]"],
                ["127.0.0.2", "[::1]"],
                ["0.0.0.0", "[::1]"],
                ["[::1]", "[::ffff:127.0.0.1]"],
                ["127.0.0.2", "[::ffff:127.0.0.1]"],
            ];
            !apart.iter().any(|pair| *pair == [one, other] || *pair == [other, one])
        };
        let host = |address: &SocketAddr| address.to_string().rsplit_once(':').unwrap().0.to_owned();
        for one in &addresses {
            for other in &addresses {
                let wanted =
                    one.port() == other.port() && one.port() != 0 && together(&host(one), &host(other));
                assert_eq!(overlap(*one, *other), wanted, "{one} {other}");
            }
        }
    }
}
