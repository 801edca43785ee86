//! Checks that this process may open as many files as its connections need. Each connection is an open file.

use anyhow::{Result, bail};
use rebuttal_server::Config;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files besides the connections: those of the database, of uploads and of the runtime.
const OTHER_FILES: u64 = 128;

/// Raises the limit of open files as far as possible, and refuses more connections than it allows. A default number of
/// connections is only a warning: [`limit_connections`] lowers it.
pub(crate) fn check(config: &Config, is_explicit: bool) -> Result<Option<String>> {
    let needed_files = needed_files(config);
    let limit = getrlimit(Resource::Nofile);
    let Some(hard) = limit.maximum else {
        raise(needed_files, limit);
        return Ok(None);
    };
    raise(hard, limit);
    if needed_files <= hard {
        return Ok(None);
    }
    let warning = format!(
        "max_connections is {}, which may need {needed_files} open files, but this process may have {hard} at most: raise \
         the limit (LimitNOFILE= of a systemd unit, `ulimit -Hn` of a shell), or set max_connections to {} or less",
        config.connections_max,
        affordable_connections(hard)
    );
    match is_explicit {
        true => bail!("{warning}"),
        false => Ok(Some(format!(
            "{warning}. Until then at most {} connections are served",
            served_connections(hard)
        ))),
    }
}

/// Lowers `connections_max` to what the limit of open files allows. More connections would take the files of the
/// database and of evidence, and the limit per address would be computed from connections that cannot exist.
pub(crate) fn limit_connections(config: &mut Config) {
    let Some(hard) = getrlimit(Resource::Nofile).maximum.filter(|hard| needed_files(config) > *hard) else {
        return;
    };
    let connections = usize::try_from(served_connections(hard)).unwrap_or(usize::MAX);
    config.connections_max = config.connections_max.min(connections);
}

/// A failure is ignored: [`check`] compares the hard limit.
fn raise(to: u64, limit: Rlimit) {
    if limit.current.is_some_and(|soft| soft < to) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(to), maximum: limit.maximum });
    }
}

/// The connections of all listeners, and the other files.
fn needed_files(config: &Config) -> u64 {
    let connections = config.connections_max as u64;
    let others = connections.div_ceil(rebuttal_server::OTHER_LISTENERS_PART as u64);
    let listeners = [config.operator_listen, config.metrics_listen].iter().flatten().count() as u64;
    connections + others * listeners + OTHER_FILES
}

/// How many connections `files` allow with all three listeners.
fn affordable_connections(files: u64) -> u64 {
    let part = rebuttal_server::OTHER_LISTENERS_PART as u64;
    (files.saturating_sub(OTHER_FILES + 2) * part / (part + 2)).max(1)
}

/// How many connections are served with `files`: what is affordable, or a quarter if there are few files, since most of
/// the reserved ones are open only briefly.
fn served_connections(files: u64) -> u64 {
    affordable_connections(files).max(files / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affordable_connections_fit_into_open_files() {
        for files in [200, 1024, 4096, 1_048_576] {
            let mut config = Config::new("data");
            config.operator_listen = Some(([127, 0, 0, 1], 0).into());
            config.metrics_listen = config.operator_listen;
            config.connections_max = usize::try_from(affordable_connections(files)).unwrap();
            assert!(needed_files(&config) <= files, "{files}");
        }
    }

    #[test]
    fn default_connections_fit_into_1024_open_files() {
        assert!(needed_files(&Config::new("data")) <= 1024);
    }
}
