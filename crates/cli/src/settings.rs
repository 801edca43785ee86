//! The settings of `rebuttal serve`: each is one field here, and thereby a flag, a variable and a key of the file.
//!
//! A flag takes precedence over its variable, the variable over the file, the file over the default. Values are checked
//! where they become a [`Config`], so that an error reads the same for every source. A new setting is a field, its
//! default in [`rebuttal_server::Config`], a line in `config`, and a paragraph in `default.toml`, which documents it.

mod check;
mod default_file;
mod faults;
mod file;
mod listeners;
mod origin;
mod pairs;
mod secret;
mod sources;
mod switch;
mod variables;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::FromArgMatches as _;
use clap::builder::Resettable;
use rebuttal_evidence::{AwsVariables, StorageLocation};
use rebuttal_server::{Config, EvidenceLocation, TlsFiles};
use serde::{Deserialize, Serialize};

use crate::log::{self, LogFormat};
pub(crate) use check::check_settings;
pub(crate) use default_file::DEFAULT_FILE;
pub(crate) use faults::SettingErrors;
pub(crate) use file::exposed_secrets;
pub(crate) use origin::name_variable;
pub(crate) use pairs::prefer_flags;
pub(crate) use secret::{Secret, without_password};
pub(crate) use sources::{EffectiveSetting, Sources, effective_settings};
use switch::Switch;
pub(crate) use variables::{UnknownVariable, unknown_variables};

/// The default data directory.
pub(crate) const DATA_DIR: &str = "rebuttal-data";
/// The default log filter.
pub(crate) const LOG_FILTER: &str = "info";
/// Longer than the check interval of any load balancer.
const DRAIN_MAX_SECONDS: u16 = 300;
/// An hour: after that, an operator should find out why there is no database.
const START_WAIT_MAX_SECONDS: u16 = 3600;
/// How long a request head may take to arrive, which the idle timeout includes.
const IDLE_TIMEOUT_MIN_SECONDS: u16 = 10;
/// Common load balancers keep an idle connection for at most an hour.
const IDLE_TIMEOUT_MAX_SECONDS: u16 = 3600;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The settings of `serve`. None is required.
#[derive(Debug, Default, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(rustdoc::bare_urls, reason = "the comments are the help text, where angle brackets would be noise")]
pub(crate) struct Settings {
    /// Where to listen for merchants, and for operators unless --operator-listen is given [default: 127.0.0.1:8080]
    #[arg(long, env = "REBUTTAL_LISTEN", value_name = "ADDR", value_parser = address)]
    listen: Option<SocketAddr>,

    /// Address that merchants call, such as https://pay.example.com; part of every signature. May be given several
    /// times; the first is the preferred one [default: made from --listen]
    #[arg(long, env = "REBUTTAL_PUBLIC_URL", value_name = "URL", value_delimiter = ',')]
    public_url: Option<Vec<String>>,

    /// Folder of the database, the evidence and the keys; created if missing [default: ./rebuttal-data]
    #[arg(long, env = "REBUTTAL_DATA", value_name = "DIR")]
    data: Option<PathBuf>,

    /// Database, as postgres://user:password@host/name?sslmode=verify-full or sqlite:/path/to/file; every
    /// user of the machine can see a flag, so prefer the variable for a URL with a password [default: rebuttal.db in
    /// the data directory]
    #[arg(long, env = "REBUTTAL_DATABASE_URL", value_name = "URL")]
    database_url: Option<Secret>,

    /// File with the URL of --database-url
    #[arg(long, env = "REBUTTAL_DATABASE_URL_FILE", value_name = "FILE")]
    database_url_file: Option<PathBuf>,

    /// Where evidence is stored: file:///folder, or s3://bucket?endpoint=https://…&region=…&path_style=true with the
    /// credentials in the AWS_… variables [default: evidence in the data directory]
    #[arg(long, env = "REBUTTAL_EVIDENCE_URL", value_name = "URL")]
    evidence_url: Option<String>,

    /// Public endpoint of the bucket of --evidence-url for merchants and operators, such as https://files.example.com
    /// [default: the one in --evidence-url]
    #[arg(long, env = "REBUTTAL_EVIDENCE_PUBLIC_URL", value_name = "URL")]
    evidence_public_url: Option<String>,

    /// Origin of a web page that may upload evidence from a browser, such as https://shop.example.com. May be given
    /// several times [default: any]
    #[arg(long, env = "REBUTTAL_UPLOAD_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    upload_allowed_origins: Option<Vec<String>>,

    /// Virus scanner that every evidence file is sent to, ClamAV's clamd, as clamd://host:port or
    /// unix:/path/of/the/socket; while it does not answer, no new file is accepted [default: none]
    #[arg(long, env = "REBUTTAL_EVIDENCE_SCANNER_URL", value_name = "URL")]
    evidence_scanner_url: Option<String>,

    /// Separate address for the operator API, so that merchants cannot reach it [default: the one of --listen]
    #[arg(long, env = "REBUTTAL_OPERATOR_LISTEN", value_name = "ADDR", value_parser = address)]
    operator_listen: Option<SocketAddr>,

    /// Address that serves /metrics for Prometheus, in plain HTTP [default: off]
    #[arg(long, env = "REBUTTAL_METRICS_LISTEN", value_name = "ADDR", value_parser = address)]
    metrics_listen: Option<SocketAddr>,

    /// Whether /openapi.json and /docs are served next to the APIs that they describe [default: on]
    #[arg(long, env = "REBUTTAL_API_DOCS", value_name = "SWITCH")]
    api_docs: Option<Switch>,

    /// PEM file with the TLS certificate chain; needs --tls-key [default: plain HTTP]
    #[arg(long, env = "REBUTTAL_TLS_CERTIFICATE", value_name = "FILE")]
    tls_certificate: Option<PathBuf>,

    /// PEM file with the private key of --tls-certificate
    #[arg(long, env = "REBUTTAL_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// File with the key that encrypts app secrets [default: master.key in the data directory, created at the first
    /// start]
    #[arg(long, env = "REBUTTAL_MASTER_KEY_FILE", value_name = "FILE")]
    master_key_file: Option<PathBuf>,

    /// First operator token, 16 to 256 visible characters; every user of the machine can see a flag, so prefer the
    /// variable or --operator-token-file [default: operator.token in the data directory, created at the first start]
    #[arg(long, env = "REBUTTAL_OPERATOR_TOKEN", value_name = "TOKEN")]
    operator_token: Option<Secret>,

    /// File with the first operator token
    #[arg(long, env = "REBUTTAL_OPERATOR_TOKEN_FILE", value_name = "FILE")]
    operator_token_file: Option<PathBuf>,

    /// How far a request's timestamp may differ from this machine's clock, 1 to 3600 seconds [default: 300]
    #[arg(long, env = "REBUTTAL_FRESHNESS_WINDOW_SECONDS", value_name = "SECONDS", value_parser = seconds)]
    freshness_window_seconds: Option<u64>,

    /// Signed requests per second of one app [default: unlimited]
    #[arg(long, env = "REBUTTAL_APP_RATE_PER_SECOND", value_name = "NUMBER", value_parser = positive)]
    app_rate_per_second: Option<NonZeroU32>,

    /// Failed authentications per second of one address [default: 100]
    #[arg(long, env = "REBUTTAL_FAILED_AUTH_PER_SECOND", value_name = "NUMBER", value_parser = positive)]
    failed_auth_per_second: Option<NonZeroU32>,

    /// Proxies in front of the gateway, as 10.0.0.0/8, whose X-Forwarded-For gives the caller's address. May be given
    /// several times [default: none]
    #[arg(long, env = "REBUTTAL_TRUSTED_PROXIES", value_name = "CIDR", value_delimiter = ',')]
    trusted_proxies: Option<Vec<String>>,

    /// Days after which an upload that no contest refers to is deleted [default: 7]
    #[arg(long, env = "REBUTTAL_UNREFERENCED_UPLOAD_DAYS", value_name = "DAYS", value_parser = positive)]
    unreferenced_upload_days: Option<NonZeroU32>,

    /// Capacity of the replay cache in nonces, at most 34 bytes each; further queries are answered Unavailable
    /// [default: 2000000]
    #[arg(long, env = "REBUTTAL_READ_NONCE_CAPACITY", value_name = "NUMBER", value_parser = positive)]
    read_nonce_capacity: Option<NonZeroU32>,

    /// Connections that one listener serves at the same time; each needs an open file [default: 768]
    #[arg(long, env = "REBUTTAL_MAX_CONNECTIONS", value_name = "NUMBER", value_parser = positive)]
    pub(crate) max_connections: Option<NonZeroU32>,

    /// Connections that one address may have at the same time, unless it is a trusted proxy; at most three quarters of
    /// max-connections [default: half of max-connections]
    #[arg(long, env = "REBUTTAL_MAX_CONNECTIONS_PER_PEER", value_name = "NUMBER", value_parser = positive)]
    max_connections_per_peer: Option<NonZeroU32>,

    /// How long to keep serving after a stop signal, while /readyz answers 503; for load balancers, 0 to 300 seconds
    /// [default: 0]
    #[arg(long, env = "REBUTTAL_DRAIN_SECONDS", value_name = "SECONDS", value_parser = range::<0, DRAIN_MAX_SECONDS>)]
    drain_seconds: Option<u16>,

    /// How long a connection may be idle between two requests, 10 to 3600 seconds. Longer than the idle timeout of the
    /// load balancer or proxy in front [default: 75]
    #[arg(long, env = "REBUTTAL_IDLE_TIMEOUT_SECONDS", value_name = "SECONDS", value_parser = range::<IDLE_TIMEOUT_MIN_SECONDS, IDLE_TIMEOUT_MAX_SECONDS>)]
    idle_timeout_seconds: Option<u16>,

    /// How long a start waits for a PostgreSQL that does not answer yet, and the first start for its bucket, 0 to 3600
    /// seconds [default: 30]
    #[arg(long, env = "REBUTTAL_START_WAIT_SECONDS", value_name = "SECONDS", value_parser = range::<0, START_WAIT_MAX_SECONDS>)]
    start_wait_seconds: Option<u16>,

    /// Most changes in one transaction, and so per flush to disk [default: 512]
    #[arg(long, env = "REBUTTAL_COMMIT_BATCH_MAX", value_name = "NUMBER", value_parser = positive)]
    commit_batch_max: Option<NonZeroU32>,

    /// Most changes that wait for a transaction; further ones are answered Unavailable [default: 4096]
    #[arg(long, env = "REBUTTAL_COMMIT_QUEUE_MAX", value_name = "NUMBER", value_parser = positive)]
    commit_queue_max: Option<NonZeroU32>,

    /// Format of the log on standard error [default: text]
    #[arg(long, env = "REBUTTAL_LOG_FORMAT", value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,

    /// Log level: error, warn, info, debug or trace, or per module, such as info,rebuttal_server=debug [default: info]
    #[arg(long, env = "REBUTTAL_LOG_FILTER", value_name = "FILTER")]
    pub(crate) log_filter: Option<String>,
}

impl Settings {
    /// The settings of the variables, without these.
    fn of_variables(left_out: &BTreeSet<String>) -> Result<Self> {
        let command = <Self as clap::Args>::augment_args(clap::Command::new("serve")).no_binary_name(true);
        let command = command.mut_args(|argument| match left_out.contains(argument.get_id().as_str()) {
            true => argument.env(Resettable::Reset),
            false => argument,
        });
        Ok(Self::from_arg_matches(&command.try_get_matches_from([""; 0])?)?)
    }

    /// The settings of a file, if it is valid.
    fn read_file(file: Option<&Path>) -> Result<toml::Table> {
        file.map(|path| file::read(path)?.into_valid()).transpose().map(Option::unwrap_or_default)
    }

    /// Merges the settings of flags and variables over those of a file.
    fn merged_over(self, below: toml::Table) -> Result<Self> {
        let [given, mut below] = self.layers(below)?;
        below.extend(given);
        Ok(below.try_into()?)
    }

    /// The settings of flags and variables, and those of the file for the rest.
    fn layers(self, mut below: toml::Table) -> Result<[toml::Table; 2]> {
        let given = toml::Table::try_from(self)?;
        for (one, other) in pairs::both_ways() {
            if given.contains_key(one) {
                below.remove(other);
            }
        }
        below.retain(|key, _| !given.contains_key(key));
        Ok([given, below])
    }

    /// The server's configuration, with a default for each invalid value.
    fn validated(self) -> (Config, SettingErrors) {
        let mut faults = SettingErrors::default();
        let evidence = evidence(self.evidence_url.as_deref(), self.evidence_public_url.as_deref());
        let filter = self.log_filter.as_deref().unwrap_or(LOG_FILTER);
        faults.take(&["log_filter"], log::validate_filter(filter));
        let mut config = Config::new(self.data.unwrap_or_else(|| DATA_DIR.into()));
        config.listen = self.listen.unwrap_or(config.listen);
        let when_empty =
            "name the address that merchants call, or leave the setting out to use the address of listen";
        config.public_urls = faults.nonempty_list("public_url", self.public_url, when_empty);
        config.database =
            secret::parse(&mut faults, "database_url", self.database_url, self.database_url_file);
        config.evidence = faults
            .take(&["evidence_url", "evidence_public_url"], evidence)
            .flatten()
            .unwrap_or(config.evidence);
        let when_empty = "name the origins, or leave the setting out to allow every origin";
        config.upload_allowed_origins =
            faults.nonempty_list("upload_allowed_origins", self.upload_allowed_origins, when_empty);
        let scanner = self.evidence_scanner_url.map(|url| url.parse().context("evidence_scanner_url"));
        config.evidence_scanner = faults.take(&["evidence_scanner_url"], scanner.transpose()).flatten();
        config.operator_listen = self.operator_listen;
        config.metrics_listen = self.metrics_listen;
        config.api_docs = self.api_docs.map_or(config.api_docs, Switch::is_on);
        let tls = tls(self.tls_certificate, self.tls_key);
        config.tls = faults.take(&["tls_certificate", "tls_key"], tls).flatten();
        config.master_key_file = self.master_key_file;
        config.operator_token =
            secret::parse(&mut faults, "operator_token", self.operator_token, self.operator_token_file);
        if let Some(seconds) = self.freshness_window_seconds {
            let window = Duration::from_secs(seconds).try_into().context("freshness_window_seconds");
            config.freshness_window =
                faults.take(&["freshness_window_seconds"], window).unwrap_or(config.freshness_window);
        }
        config.app_requests_per_second = self.app_rate_per_second;
        config.auth_failures_per_second =
            self.failed_auth_per_second.unwrap_or(config.auth_failures_per_second);
        config.trusted_proxies = faults.list("trusted_proxies", self.trusted_proxies, network);
        if let Some(days) = self.unreferenced_upload_days {
            config.unreferenced_upload_retention = DAY.saturating_mul(days.get());
        }
        config.read_nonce_capacity = count(self.read_nonce_capacity, config.read_nonce_capacity);
        config.connections_max = count(self.max_connections, config.connections_max);
        config.connections_per_peer_max =
            self.max_connections_per_peer.map(|connections| count(Some(connections), usize::MAX));
        if let Some(seconds) = self.idle_timeout_seconds {
            config.idle_timeout = Duration::from_secs(seconds.into());
        }
        if let Some(seconds) = self.start_wait_seconds {
            config.start_wait = Duration::from_secs(seconds.into());
        }
        config.drain = Duration::from_secs(self.drain_seconds.unwrap_or_default().into());
        if let Some(works) = self.commit_batch_max {
            config.commit_batch_max = works.try_into().unwrap_or(config.commit_batch_max);
        }
        if let Some(works) = self.commit_queue_max {
            config.commit_queue_max = works.try_into().unwrap_or(config.commit_queue_max);
        }
        listeners::faults(&config, self.listen.is_none()).into_iter().for_each(|fault| faults.add(fault));
        (config, faults)
    }
}

/// Certificate and key, which go together.
fn tls(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        (given, _) => {
            let missing = if given.is_some() { "tls_key" } else { "tls_certificate" };
            bail!("tls_certificate and tls_key must be given together, and {missing} is missing")
        }
    }
}

/// A trusted proxy's network; an address alone is a network of one.
fn network<T>(text: &str) -> Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let network = match text.parse() {
        Ok(IpAddr::V4(_)) => format!("{text}/32"),
        Ok(IpAddr::V6(_)) => format!("{text}/128"),
        Err(_) => text.to_owned(),
    };
    let prefix_max = match text.split_once('/').and_then(|(address, _)| address.parse().ok()) {
        Some(IpAddr::V4(_)) => Some(32),
        Some(IpAddr::V6(_)) => Some(128),
        None => None,
    };
    network.parse().map_err(|error| match prefix_max {
        Some(max) => anyhow!("trusted_proxies: {text:?} needs a prefix length of 0 to {max} after the slash"),
        None => anyhow::Error::new(error).context(format!(
            "trusted_proxies: {text:?} is not a network such as 10.0.0.0/8 or 2001:db8::/32"
        )),
    })
}

/// The evidence's location, if it is set, with the AWS variables of the environment.
fn evidence(url: Option<&str>, public_url: Option<&str>) -> Result<Option<EvidenceLocation>> {
    let mut faults = SettingErrors::default();
    let public = public_url.map(|url| url.parse().context("evidence_public_url")).transpose();
    let public = faults.take(&["evidence_public_url"], public).flatten();
    let location = url.map(|url| url.parse().context("evidence_url")).transpose();
    let location = faults.take(&["evidence_url"], location).flatten();
    faults.into_result()?;
    match (location, public) {
        (Some(StorageLocation::Bucket(bucket)), public) => {
            Ok(Some(EvidenceLocation::Bucket { bucket, public, variables: aws_variables() }))
        }
        (_, Some(_)) => {
            bail!("evidence_public_url needs an evidence_url of s3://; uploads to a folder use public_url")
        }
        (Some(StorageLocation::Folder(folder)), None) => Ok(Some(EvidenceLocation::Folder(folder))),
        (None, None) => Ok(None),
    }
}

/// The AWS variables of the environment.
pub(crate) fn aws_variables() -> AwsVariables {
    AwsVariables::read(|name| std::env::var(name).ok())
}

/// Parses the address of a listener.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
        let hint = match host {
            _ if host.contains(':') && !host.starts_with('[') => {
                "; write an IPv6 address in brackets, as in [::1]:8080"
            }
            "localhost" => "; a host name is not accepted: localhost is 127.0.0.1",
            _ => "",
        };
        format!("must be an IP address and a port, such as 127.0.0.1:8080 or 0.0.0.0:8080{hint}")
    })
}

fn positive(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("must be a whole number from 1 to {}", u32::MAX))
}

fn range<const MIN: u16, const MAX: u16>(text: &str) -> Result<u16, String> {
    let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {MIN} to {MAX}"))
}

fn seconds(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "must be a whole number of seconds".to_owned())
}

fn count(number: Option<NonZeroU32>, default: usize) -> usize {
    number.and_then(|number| usize::try_from(number.get()).ok()).unwrap_or(default)
}

#[cfg(test)]
mod tests;
