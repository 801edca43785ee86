//! Log lines on standard error, as text for people or JSON for machines.

use std::io::IsTerminal as _;

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::escape::{LogFormatting, LogWriter};
use crate::nearest::nearest;

/// The levels of a filter.
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Libraries that log what their caller logs anyway, such as every retry of a request to the object store. A filter
/// that names one enables it.
/// Unauthenticated peers can make rustls warn of every record; the listener logs why a handshake failed, at `debug`.
const SILENCED_LIBRARIES: &str = "refinery_core=off,rustls=off,object_store=warn";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// One readable line each.
    Text,
    /// One JSON object each.
    Json,
}

/// Starts logging. May be called once in a process.
pub(crate) fn start(format: LogFormat, filter: &str) -> Result<()> {
    let directives = format!("{SILENCED_LIBRARIES},{}", validate_filter(filter)?);
    let filter = EnvFilter::builder().parse(directives).with_context(|| {
        format!("log_filter: {filter:?} is not a filter such as info or info,rebuttal_server=debug")
    })?;
    let colours = std::io::stderr().is_terminal() && console::colors_enabled_stderr();
    let line = match format {
        LogFormat::Text => LogFormatting::Text { colours },
        LogFormat::Json => LogFormatting::Json,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || LogWriter(line));
    // Otherwise it would panic when standard error fails (a closed pipe, a full disk), even in the middle of a
    // commit. A gateway that cannot log keeps serving.
    let lines = lines.log_internal_errors(false);
    let started = match format {
        LogFormat::Text => lines.with_target(false).with_ansi(colours).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot be started: {error}"))
}

/// The filter, if every directive is a level or `target=level`. The library accepts any bare word as a target, so that
/// a misspelt level would silence the log.
pub(crate) fn validate_filter(filter: &str) -> Result<&str> {
    for directive in filter.split(',').map(str::trim) {
        let (target, level) = match directive.rsplit_once('=') {
            Some((target, level)) => (Some(target), level),
            None => (None, directive),
        };
        let word = level.to_ascii_lowercase();
        if !LEVELS.contains(&word.as_str()) {
            let levels = LEVELS.join(", ");
            let meant = nearest(&word, LEVELS.into_iter());
            let meant = meant.map(|level| format!("; did you mean {level:?}?")).unwrap_or_default();
            bail!("log_filter: {level:?} is not a level; levels are {levels}{meant}");
        }
        let is_module_path = |target: &str| {
            !target.is_empty() && target.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c))
        };
        ensure!(
            target.is_none_or(is_module_path),
            "log_filter: {directive:?} names no module; write it as rebuttal_server=debug"
        );
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_is_a_level_or_a_part_with_its_level() {
        for good in ["info", "WARN", "off", "info,rebuttal_server=debug", "warn, rebuttal_server::http=trace"]
        {
            assert!(validate_filter(good).is_ok(), "{good}");
        }
        for (wrong, message) in [
            (
                "inof",
                "\"inof\" is not a level; levels are error, warn, info, debug, trace, off; did you mean \"info\"?",
            ),
            ("info,rebuttal_server", "\"rebuttal_server\" is not a level"),
            ("info,rebuttal_server=debgu", "did you mean \"debug\"?"),
            ("", "\"\" is not a level"),
            ("=info", "names no module"),
            ("rebuttal_server =info", "names no module"),
        ] {
            let error = validate_filter(wrong).unwrap_err().to_string();
            assert!(error.contains(message), "{wrong:?}: {error}");
        }
    }
}
