//! The validated settings of a gateway. The command line fills them from flags, variables and files; nothing here reads
//! the environment.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use rebuttal_evidence::{AwsVariables, Bucket, Endpoint};
use rebuttal_protocol::FRESHNESS_WINDOW;
use rebuttal_store::Location;
use zeroize::Zeroizing;

use crate::http::base_url::BaseUrl;
use crate::http::origin::Origin;
use crate::http::tls::TlsFiles;
use crate::scanner::ScannerAddress;
use crate::setup::data_dir::DataPaths;

/// The widest window that may be configured. Used nonces are stored for two windows, so it also bounds their number.
pub const FRESHNESS_WINDOW_MAX: Duration = Duration::from_secs(60 * 60);
/// Failed authentications that one peer address may make in a second (contract §7).
pub const AUTH_FAILURES_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// How long an upload that no contest refers to is kept.
pub const UNREFERENCED_UPLOAD_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// Read calls whose nonces are remembered at the same time; one merchant may have half of them. At 17 to 34 bytes each,
/// plus a quarter as many changes of twice the size, they take at most 102 MB. A nonce is remembered for two windows,
/// ten minutes by default, which allows 3,300 reads per second in total, and 1,650 per merchant.
pub const READ_NONCE_CAPACITY: usize = 2_000_000;
/// Concurrent connections of merchants. Together with the other listeners, uploads and the database, this stays below
/// the usual limit of 1,024 open files per process.
pub const CONNECTIONS_MAX: usize = 768;
/// One peer address may have half of a listener's connections if no number is set: enough for the whole load of a
/// merchant that calls through its own proxy, and others can still connect.
const CONNECTIONS_PER_PEER_PART: usize = 2;
/// Connections of one peer address on a listener that serves few: enough for a client's connection pool.
const CONNECTIONS_PER_PEER_MIN: usize = 4;
/// A quarter of a listener's connections is never given to one peer address, whatever number is set.
const CONNECTIONS_OF_OTHERS_PART: usize = 4;
/// A listener for operators or for metrics serves a sixteenth of [`CONNECTIONS_MAX`]: their callers are few, and must
/// be able to connect when merchants use all of theirs.
pub const OTHER_LISTENERS_PART: usize = 16;
/// Changes that share one transaction: enough to share one flush to disk, few enough that the first one waits only
/// briefly.
pub const COMMIT_BATCH_MAX: NonZeroUsize = NonZeroUsize::new(512).unwrap();
/// More than all connections can have in flight, so that only a stalled disk fills it.
pub(crate) const COMMIT_QUEUE_MAX: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// How long a start waits for its database: longer than a server on the same machine takes to start after a boot, and
/// as long as supervisors wait before they check a service.
pub(crate) const START_WAIT: Duration = Duration::from_secs(30);
/// How long a connection may be idle: longer than the 60 s of common load balancers, so that the load balancer closes
/// it.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// Fewest characters of a configured operator token.
pub const OPERATOR_TOKEN_MIN: usize = 16;
/// Most characters of a configured operator token.
pub const OPERATOR_TOKEN_MAX: usize = 256;

/// The settings of a gateway.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address of the merchant API, and of the operator API unless that has its own listener. Port 0 binds any.
    pub listen: SocketAddr,
    /// The addresses that merchants call, the preferred one first. If empty, made from the bound address.
    pub public_urls: Vec<BaseUrl>,
    /// The folder of the database, the keys and the evidence, unless they are set; created if missing.
    pub data_dir: PathBuf,
    /// The database, if not in the data directory. No other gateway may use the same SQLite file.
    pub database: Option<Location>,
    /// Where the evidence is stored.
    pub evidence: EvidenceLocation,
    /// The origins of pages that may upload files from a browser; any origin if there are none.
    pub upload_allowed_origins: Vec<Origin>,
    /// The virus scanner that every evidence file is sent to; none unless set.
    pub evidence_scanner: Option<ScannerAddress>,
    /// The address of the operator API, if not the one of the merchant API.
    pub operator_listen: Option<SocketAddr>,
    /// The address of `/metrics`; not served unless set.
    pub metrics_listen: Option<SocketAddr>,
    /// Whether every listener except the one for metrics serves `/openapi.json` and `/docs`.
    pub api_docs: bool,
    /// Certificate and key; without them the gateway speaks plain HTTP, for a proxy that terminates TLS.
    pub tls: Option<TlsFiles>,
    /// The master key's file, which must exist, if not `master.key` in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// The first operator's token, unless it shall be generated and written to `operator.token`.
    pub operator_token: Option<OperatorToken>,
    /// How far a timestamp may differ from the gateway's clock.
    pub freshness_window: FreshnessWindow,
    /// Signed requests of one app per second; unlimited unless set.
    pub app_requests_per_second: Option<NonZeroU32>,
    /// Failed authentications of one peer address per second.
    pub auth_failures_per_second: NonZeroU32,
    /// Proxies whose `X-Forwarded-For` is trusted when failures and connections are counted per address.
    pub trusted_proxies: Vec<IpNet>,
    /// How long an upload that no contest refers to is kept.
    pub unreferenced_upload_retention: Duration,
    /// Read calls whose nonces are remembered at the same time; further reads are answered `Unavailable`.
    pub read_nonce_capacity: usize,
    /// Concurrent connections of the merchants' listener; further ones wait in the system's queue.
    pub connections_max: usize,
    /// Concurrent connections of one peer address on the merchants' listener; further ones are closed. Trusted proxies
    /// have no limit. [`Self::connections_per_peer`] computes the effective limit.
    pub connections_per_peer_max: Option<usize>,
    /// How long a connection may be idle between two requests.
    pub idle_timeout: Duration,
    /// How long a gateway keeps serving after a stop signal while it reports that it is not ready.
    pub drain: Duration,
    /// How long a start waits for a database server that does not answer yet; the first start also for its bucket.
    pub start_wait: Duration,
    /// Changes that share one transaction; with 1, each has its own.
    pub commit_batch_max: NonZeroUsize,
    /// Changes that wait for a transaction; more are answered `Unavailable`.
    pub commit_queue_max: NonZeroUsize,
}

impl Config {
    /// The defaults with a data directory: plain HTTP on 127.0.0.1:8080.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_urls: Vec::new(),
            evidence: EvidenceLocation::Folder(DataPaths::of(&data_dir).evidence()),
            evidence_scanner: None,
            data_dir,
            database: None,
            upload_allowed_origins: Vec::new(),
            operator_listen: None,
            metrics_listen: None,
            api_docs: true,
            tls: None,
            master_key_file: None,
            operator_token: None,
            freshness_window: FreshnessWindow::default(),
            app_requests_per_second: None,
            auth_failures_per_second: AUTH_FAILURES_PER_SECOND,
            trusted_proxies: Vec::new(),
            unreferenced_upload_retention: UNREFERENCED_UPLOAD_RETENTION,
            read_nonce_capacity: READ_NONCE_CAPACITY,
            connections_max: CONNECTIONS_MAX,
            connections_per_peer_max: None,
            idle_timeout: IDLE_TIMEOUT,
            drain: Duration::ZERO,
            start_wait: START_WAIT,
            commit_batch_max: COMMIT_BATCH_MAX,
            commit_queue_max: COMMIT_QUEUE_MAX,
        }
    }

    /// Concurrent connections of one peer address on a listener that serves `connections`: at least 1, and always less
    /// than all, so that others can connect.
    pub fn connections_per_peer(&self, connections: usize) -> usize {
        let (requested, most) = match self.connections_per_peer_max {
            Some(max) => (max, connections - connections / CONNECTIONS_OF_OTHERS_PART),
            None => (
                self.connections_max,
                (connections / CONNECTIONS_PER_PEER_PART).max(CONNECTIONS_PER_PEER_MIN),
            ),
        };
        // The same fraction of a smaller listener's connections.
        let requested = requested.saturating_mul(connections).div_ceil(self.connections_max.max(1));
        requested.min(most).min(connections.saturating_sub(1)).max(1)
    }

    /// The database, set or default.
    pub(crate) fn database_location(&self) -> Location {
        let default = || Location::from(DataPaths::of(&self.data_dir).database().as_path());
        self.database.clone().unwrap_or_else(default)
    }

    /// The master key's file, set or default.
    pub(crate) fn master_key(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| DataPaths::of(&self.data_dir).master_key())
    }
}

/// Where the evidence is stored.
#[derive(Debug, Clone)]
pub enum EvidenceLocation {
    /// In a folder, which one gateway at a time may use; by default `evidence` in the data directory.
    Folder(PathBuf),
    /// In S3, which any number of gateways may share.
    Bucket {
        /// The bucket and its endpoint.
        bucket: Bucket,
        /// The endpoint for merchants, if it is another one.
        public: Option<Endpoint>,
        /// The AWS_… variables of the environment.
        variables: AwsVariables,
    },
}

/// A setting's value is refused; the message says what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSetting(String);

/// How far a timestamp may differ from the gateway's clock, in both directions: 1 s to [`FRESHNESS_WINDOW_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreshnessWindow(Duration);

impl FreshnessWindow {
    /// The window itself.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl Default for FreshnessWindow {
    fn default() -> Self {
        Self(FRESHNESS_WINDOW)
    }
}

impl TryFrom<Duration> for FreshnessWindow {
    type Error = InvalidSetting;

    fn try_from(window: Duration) -> Result<Self, InvalidSetting> {
        if (Duration::from_secs(1)..=FRESHNESS_WINDOW_MAX).contains(&window) {
            return Ok(Self(window));
        }
        let max = FRESHNESS_WINDOW_MAX.as_secs();
        Err(InvalidSetting(format!("the freshness window must be 1 to {max} seconds")))
    }
}

/// An operator's bearer token. Wiped from memory when dropped; never printed.
#[derive(Clone)]
pub struct OperatorToken(Zeroizing<String>);

impl OperatorToken {
    /// The token as it is sent in the header. The name makes every use visible in review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for OperatorToken {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let in_bounds = (OPERATOR_TOKEN_MIN..=OPERATOR_TOKEN_MAX).contains(&text.len());
        if in_bounds && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(Zeroizing::new(text.to_owned())));
        }
        Err(InvalidSetting(format!(
            "an operator token must have {OPERATOR_TOKEN_MIN} to {OPERATOR_TOKEN_MAX} visible ASCII characters"
        )))
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_address_never_has_every_connection() {
        // max_connections, max_connections_per_peer; of the merchants' listener, and of a small one.
        for (connections, set, of_peer, of_small) in [
            (768, None, 384, 24),
            (10_000, None, 5_000, 312),
            (64, None, 32, 3),
            (12, None, 6, 1),
            (5, None, 4, 1),
            (2, None, 1, 1),
            (1, None, 1, 1),
            (768, Some(700), 576, 36),
            (768, Some(500), 500, 32),
            (768, Some(10), 10, 1),
            (100, Some(256), 75, 6),
            (2, Some(2), 1, 1),
            (u32::MAX as usize, Some(u32::MAX as usize), 3_221_225_472, 201_326_592),
        ] {
            let mut config = Config::new("data");
            (config.connections_max, config.connections_per_peer_max) = (connections, set);
            let small = connections.div_ceil(OTHER_LISTENERS_PART);
            let per_peer = (config.connections_per_peer(connections), config.connections_per_peer(small));
            assert_eq!(per_peer, (of_peer, of_small), "{connections} {set:?}");
        }
    }
}
