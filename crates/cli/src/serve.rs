//! `rebuttal serve`: runs a gateway until it is stopped.

pub(crate) mod open_files;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use rebuttal_server::Ready;

use crate::exit::Exit;
use crate::log::{self, LogFormat};
use crate::settings::{LOG_FILTER, Settings, Sources, exposed_secrets, unknown_variables};
use crate::{command_tree, signals, terminal};

/// The exit codes, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  stopped by a signal
  1  it could not start or keep serving; standard error says why
  2  usage error";

/// Run a gateway
///
/// Every setting is a flag, a REBUTTAL_… variable and a key of the settings file, in this order of precedence. None is
/// required: the first start creates a data directory with keys, the database and the first operator token.
///
/// It is ready when it prints `listening on http://…`. SIGTERM or Ctrl-C stops it: no new requests are accepted, and
/// requests in flight are finished within 30 seconds.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ServeArgs {
    /// TOML file of settings; its keys are the flags below with underscores, as in public_url = ["https://…"]
    #[arg(long, env = "REBUTTAL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    sources: Sources,

    #[command(flatten)]
    settings: Settings,
}

impl ServeArgs {
    pub(crate) async fn run(self) -> Result<Exit> {
        let resolved = self.settings.resolved(&self.sources, self.config.as_deref());
        let unknown = unknown_variables(&command_tree::all());
        // There is no log yet, and an unknown variable may be the cause.
        let (settings, mut config) = resolved.inspect_err(|_| {
            unknown.iter().for_each(|unknown| terminal::eprint_warning(&unknown.to_string()));
        })?;
        let format = settings.log_format.unwrap_or(LogFormat::Text);
        log::start(format, settings.log_filter.as_deref().unwrap_or(LOG_FILTER))?;
        for warning in unknown {
            tracing::warn!("{warning}");
        }
        if let Some(warning) = exposed_secrets(self.config.as_deref()) {
            tracing::warn!("{warning}");
        }
        let connections_given = settings.max_connections.is_some();
        if let Some(warning) = open_files::check(&config, connections_given)? {
            tracing::warn!("{warning}");
        }
        open_files::limit_connections(&mut config);
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let ready = |ready: &Ready| print_ready(scheme, ready);
        rebuttal_server::run(config, signals::stop()?, ready).await?;
        Ok(Exit::Done)
    }
}

/// Prints the one line on standard output, for people and for scripts that wait for the gateway.
fn print_ready(scheme: &str, ready: &Ready) {
    let Ready { addr, operator_addr, metrics_addr, public_urls } = ready;
    // A closed standard output does not prevent serving.
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "listening on {scheme}://{addr}").and_then(|()| stdout.flush());
    let public_urls: Vec<_> = public_urls.iter().map(|url| url.as_str()).collect();
    tracing::info!(public_urls = public_urls.join(" "), "merchants sign requests for these addresses");
    if operator_addr != addr {
        tracing::info!("operators are served on {scheme}://{operator_addr}");
    }
    if let Some(metrics_addr) = metrics_addr {
        tracing::info!("metrics are served on http://{metrics_addr}/metrics");
    }
}
