//! A database for one test, queried through psql, which shares no code with what wrote it.

use std::process::Command;

use super::SHARED;

/// A database that is dropped with this handle, even if clients are still connected.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// A new database on the cluster that `cargo xtask test` started.
    #[must_use]
    pub fn shared() -> Self {
        let url = std::env::var(SHARED);
        Self::on(&url.unwrap_or_else(|_| panic!("{SHARED} is not set: run this test by cargo xtask test")))
    }

    /// A new database on a cluster.
    #[must_use]
    pub fn on(server: &str) -> Self {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).expect("the system has randomness");
        let name = format!("test_{}", hex::encode(random));
        query(server, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
        Self { server: server.to_owned(), name }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn url(&self) -> String {
        let (address, _) = self.server.rsplit_once('/').expect("a URL with a database");
        format!("{address}/{}", self.name)
    }

    /// Runs statements and returns the result, one line per row.
    #[expect(clippy::must_use_candidate, reason = "often run for what it does")]
    pub fn query(&self, sql: &str) -> String {
        query(&self.url(), sql)
    }

    /// As [`Self::query`], with the server's message where it refuses a statement.
    pub fn try_query(&self, sql: &str) -> Result<String, String> {
        try_query(&self.url(), sql)
    }

    /// Makes the server return a time that is this far ahead of the system's, for sessions opened after the first call.
    /// It defines a function that is found before the server's.
    pub fn clock_ahead(&self, ahead: std::time::Duration) {
        let (name, seconds) = (&self.name, ahead.as_secs());
        self.query(&format!(
            "CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS \
             $$ SELECT pg_catalog.clock_timestamp() + interval '{seconds} s' $$; \
             ALTER DATABASE {name} SET search_path = public, pg_catalog"
        ));
    }

    /// Terminates every session on it but its own; returns how many there were.
    #[expect(clippy::must_use_candidate, reason = "the number is for who cares")]
    pub fn terminate_all_connections(&self) -> usize {
        let ended = self.query(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        ended.parse().expect("a number")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The cluster, with its databases, may already be removed.
        drop(try_query(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)));
    }
}

pub(super) fn query(url: &str, sql: &str) -> String {
    try_query(url, sql).unwrap_or_else(|said| panic!("{sql}\n{said}"))
}

pub(super) fn try_query(url: &str, sql: &str) -> Result<String, String> {
    let mut psql = Command::new("psql");
    psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
    let output = psql.args(["--command", sql, url]).output().expect("psql runs");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
