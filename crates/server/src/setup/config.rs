//! The settings of a gateway, already checked: what a `Config` holds can be served.
//!
//! Flags, variables and files are read by the command line, which fills this; nothing here looks at an environment.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use rebuttal_evidence::{AwsVariables, Bucket, Endpoint};
use rebuttal_store::Location;
use zeroize::Zeroizing;

use crate::http::base_url::BaseUrl;
use crate::http::tls::TlsFiles;
use crate::setup::data_dir::DataPaths;

/// How far a request's timestamp may lie from the gateway's clock, either way (contract §2).
pub const FRESHNESS_WINDOW: Duration = Duration::from_secs(5 * 60);
/// The widest window that may be configured. Used nonces are kept for two windows, so it also bounds their number.
pub const FRESHNESS_WINDOW_MAX: Duration = Duration::from_secs(60 * 60);
/// Failed authentications that one peer address may make in a second (contract §7).
pub const AUTH_FAILURES_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// How long an upload that nothing refers to is kept.
pub const UNREFERENCED_UPLOADS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Read calls whose nonces are remembered at once; one merchant alone may have half of them. At 17 to 34 bytes each,
/// and a quarter as many changes of twice the size beside them, they take at most 102 MB. A nonce is remembered for two
/// windows, ten minutes by default, so that all merchants may make 3,300 reads a second, and one 1,650.
pub const READ_NONCE_CAPACITY: usize = 2_000_000;
/// Connections that merchants may have at once. With those of the other listeners, the files of uploads and the
/// database's, this stays below the 1,024 open files that a process usually may have.
pub const CONNECTIONS_MAX: usize = 768;
/// Connections that one peer address may have at once, unless it is a trusted proxy's or a number is set.
pub const CONNECTIONS_PER_PEER_MAX: usize = 256;
/// Which part of a listener's connections one peer address may have where no number is set: no one peer, nor two, shut
/// the others out.
const CONNECTIONS_PER_PEER_PART: usize = 3;
/// What one peer address may have of a listener that serves few: a client's pool works with that many.
const CONNECTIONS_PER_PEER_MIN: usize = 4;
/// Which part of a listener's connections no one peer address gets, whatever number is set.
const CONNECTIONS_OF_OTHERS_PART: usize = 4;
/// Which part of [`CONNECTIONS_MAX`] a listener for operators or for metrics has for itself: theirs are few, and
/// merchants must not be able to take their paths.
pub const OTHER_LISTENERS_PART: usize = 16;
/// Changes that share one transaction: enough to share a flush to disk widely, few enough that the first one's wait
/// stays short.
pub const COMMIT_BATCH_MAX: NonZeroUsize = NonZeroUsize::new(512).unwrap();
/// More than all connections can have in flight, so that only a stalled disk fills it.
pub(crate) const COMMIT_QUEUE_MAX: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// How long a start waits for its database: longer than a server takes to start beside it after a boot, and as long as
/// supervisors wait before they look at a service.
pub(crate) const START_WAIT: Duration = Duration::from_secs(30);
/// How long a connection may be idle: longer than the 60 s of common load balancers, so that it is they who close it.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// Fewest characters of an operator token that is brought along.
pub const OPERATOR_TOKEN_MIN: usize = 16;
/// Most characters of an operator token.
pub const OPERATOR_TOKEN_MAX: usize = 256;

/// What a gateway needs to know before it starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the merchant API listens, and the operator API unless it has a listener of its own. Port 0 takes any.
    pub listen: SocketAddr,
    /// Under which addresses merchants call it, the preferred one first. Empty: made from the bound address.
    pub public_urls: Vec<BaseUrl>,
    /// Where the database, the keys and, unless said otherwise, the evidence lie; made where missing.
    pub data_dir: PathBuf,
    /// Where the database lies, if not in the data directory. A SQLite file must be this gateway's alone.
    pub database: Option<Location>,
    /// Where the evidence lies.
    pub evidence: EvidenceLocation,
    /// Where the operator API listens, if not beside the merchant API.
    pub operator_listen: Option<SocketAddr>,
    /// Where `/metrics` is served; nowhere unless set.
    pub metrics_listen: Option<SocketAddr>,
    /// Whether every listener but that one serves `/openapi.json` and `/docs`.
    pub api_docs: bool,
    /// Certificate and key; without them the gateway speaks plain HTTP and something before it has to speak TLS.
    pub tls: Option<TlsFiles>,
    /// Where the master key lies, if not in `master.key` of the data directory. It is never made there.
    pub master_key_file: Option<PathBuf>,
    /// The first operator's token, if it is not to be made and written to `operator.token`.
    pub operator_token: Option<OperatorToken>,
    /// How far a timestamp may lie from the gateway's clock.
    pub freshness_window: FreshnessWindow,
    /// Signed requests that one app may make in a second; unlimited unless set.
    pub app_requests_per_second: Option<NonZeroU32>,
    /// Failed authentications that one peer address may make in a second.
    pub auth_failures_per_second: NonZeroU32,
    /// Proxies whose `X-Forwarded-For` is believed when failures are counted per address.
    pub trusted_proxies: Vec<IpNet>,
    /// How long an upload that nothing refers to is kept.
    pub unreferenced_uploads_kept: Duration,
    /// Read calls whose nonces are remembered at once; beyond, reads are answered `Unavailable`.
    pub read_nonce_capacity: usize,
    /// Connections that the merchants' listener serves at once; more wait in the system's queue.
    pub connections_max: usize,
    /// Connections that the merchants' listener serves at once of one peer address; more are closed. Trusted proxies
    /// have no limit. What it comes to is told by [`Self::connections_per_peer`].
    pub connections_per_peer_max: Option<usize>,
    /// How long a connection may be idle between two requests.
    pub idle_timeout: Duration,
    /// How long a gateway that was told to stop goes on serving while it says that it is not ready.
    pub drain: Duration,
    /// How long a start waits for a database server that does not answer yet, and a first one for its bucket.
    pub start_wait: Duration,
    /// Changes that share one transaction; 1 gives each its own.
    pub commit_batch_max: NonZeroUsize,
    /// Changes that wait for a transaction; more are answered `Unavailable` at once.
    pub commit_queue_max: NonZeroUsize,
}

impl Config {
    /// The defaults around a data directory: plain HTTP on 127.0.0.1:8080.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_urls: Vec::new(),
            evidence: EvidenceLocation::Folder(DataPaths::of(&data_dir).evidence()),
            data_dir,
            database: None,
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
            unreferenced_uploads_kept: UNREFERENCED_UPLOADS_KEPT,
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

    /// Connections that one peer address may have at once of the `connections` that a listener serves: a part of them,
    /// so that others can still connect. One alone is whoever's comes first.
    pub fn connections_per_peer(&self, connections: usize) -> usize {
        let (asked_for, most) = match self.connections_per_peer_max {
            Some(max) => (max, connections - connections / CONNECTIONS_OF_OTHERS_PART),
            None => {
                let part = connections / CONNECTIONS_PER_PEER_PART;
                (CONNECTIONS_PER_PEER_MAX, part.max(CONNECTIONS_PER_PEER_MIN))
            }
        };
        // Of a smaller listener's connections it may have the same part.
        let asked_for = asked_for.saturating_mul(connections).div_ceil(self.connections_max.max(1));
        asked_for.min(most).min(connections.saturating_sub(1)).max(1)
    }

    /// Where the database lies, said or not.
    pub(crate) fn database_location(&self) -> Location {
        let unsaid = || Location::from(DataPaths::of(&self.data_dir).database().as_path());
        self.database.clone().unwrap_or_else(unsaid)
    }

    /// Where the master key lies, said or not.
    pub(crate) fn master_key(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| DataPaths::of(&self.data_dir).master_key())
    }
}

/// Where the evidence lies.
#[derive(Debug, Clone)]
pub enum EvidenceLocation {
    /// In a folder, which one gateway at a time may use: `evidence` of the data directory, unless said otherwise.
    Folder(PathBuf),
    /// In an S3, which any number of gateways may share.
    Bucket {
        /// The bucket and how the gateway reaches it.
        bucket: Bucket,
        /// The endpoint at which merchants reach it, if another.
        public: Option<Endpoint>,
        /// What the environment tells AWS tools.
        variables: AwsVariables,
    },
}

/// Why a setting's value is refused; the sentence says what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSetting(String);

/// How far a timestamp may lie from the gateway's clock, either way: one second to [`FRESHNESS_WINDOW_MAX`].
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
    /// The token as it stands in the header. The name is long so that every use is seen in review.
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
    fn one_peer_never_has_every_connection() {
        // max_connections, max_connections_per_peer; of the merchants' listener, and of a small one.
        for (connections, set, of_peer, of_small) in [
            (768, None, 256, 16),
            (10_000, None, 256, 16),
            (300, None, 100, 6),
            (256, None, 85, 5),
            (64, None, 21, 3),
            (12, None, 4, 1),
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
