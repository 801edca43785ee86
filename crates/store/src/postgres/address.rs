//! A server's address, a libpq URL, with libpq's modes of certificate verification.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::tls::Trust;
use crate::error::InvalidLocation;

/// How long opening a session may take: a server on a busy machine starts a process for it, and both sides derive keys
/// from the password.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long one of several hosts may take to accept a TCP connection before the next one is tried.
const HOST_LIMIT: Duration = Duration::from_secs(2);
/// Idle time after which a connection is probed (TCP keepalive).
const KEEPALIVE_AFTER: Duration = Duration::from_secs(10);
/// How long sent data may be unacknowledged before the connection counts as lost (`TCP_USER_TIMEOUT`).
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(10);
/// The name in pg_stat_activity, unless the URL sets one.
const APPLICATION_NAME: &str = "rebuttal";

/// A server's address, credentials, and certificate verification.
#[derive(Clone)]
pub(crate) struct Address {
    pub(super) config: Config,
    pub(super) trust: Trust,
}

impl Address {
    /// Parses a libpq URL. Parameters that tokio-postgres does not support are removed first: libpq's values of
    /// `sslmode`, and `sslrootcert`.
    pub(crate) fn parse(url: &str) -> Result<Self, InvalidLocation> {
        let refused = |sentence: &str| InvalidLocation(sentence.to_owned());
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut root) = (None, None);
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", word)) => mode = Some(word),
                Some(("sslrootcert", path)) => {
                    let path = percent_decode_str(path).decode_utf8();
                    root =
                        Some(PathBuf::from(path.map_err(|_| refused("sslrootcert is no UTF-8"))?.as_ref()));
                }
                _ => rest.push(pair),
            }
        }
        let url = format!("{address}?{}", rest.join("&"));
        // The error could quote a part of the URL.
        let mut config: Config = url.parse().map_err(|_| refused("it cannot be parsed"))?;
        if config.get_hosts().is_empty() {
            return Err(refused("the host is missing"));
        }
        let (ssl_mode, trust) = match (mode.unwrap_or("prefer"), root) {
            ("disable", _) => (SslMode::Disable, Trust::Anything),
            ("allow" | "prefer", _) => (SslMode::Prefer, Trust::Anything),
            ("require", None) => (SslMode::Require, Trust::Anything),
            ("require" | "verify-ca", Some(root)) => (SslMode::Require, Trust::Issuer(root)),
            ("verify-full", root) => (SslMode::Require, Trust::Name(root)),
            ("verify-ca", None) => return Err(refused("sslmode=verify-ca needs sslrootcert")),
            _ => return Err(refused("sslmode must be disable, prefer, require, verify-ca or verify-full")),
        };
        config.ssl_mode(ssl_mode);
        config.connect_timeout(HOST_LIMIT);
        config.keepalives(true).keepalives_idle(KEEPALIVE_AFTER).tcp_user_timeout(UNACKNOWLEDGED_LIMIT);
        if config.get_application_name().is_none() {
            config.application_name(APPLICATION_NAME);
        }
        // Of several hosts, the one that accepts writes: it changes with a failover.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok(Self { config, trust })
    }

    /// Server and database without user and password, for messages.
    pub(crate) fn redacted(&self) -> String {
        let host = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        };
        let hosts: Vec<_> = self.config.get_hosts().iter().map(host).collect();
        let ports: Vec<_> = self.config.get_ports().iter().map(u16::to_string).collect();
        let port = if ports.is_empty() { String::new() } else { format!(":{}", ports.join(",")) };
        format!("postgres://{}{port}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }
}
