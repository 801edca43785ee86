//! How a gateway is started: its address, its data, and its wrapper program.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::Gateway;
use super::process::{LaunchArg, Process};
use crate::backend;
use crate::s3::Bucket;

/// Ports below Linux's ephemeral range: otherwise a client that reconnects to a dead gateway could get the gateway's
/// port, connect to itself, and prevent the gateway from binding it again.
const PORTS: std::ops::Range<u16> = 10_000..32_000;
const PORT_TRIES: usize = 20;
const DATABASE_URL: &str = "REBUTTAL_DATABASE_URL";

/// How a gateway is to be started.
#[derive(Clone, Debug)]
pub struct Builder {
    bin: PathBuf,
    wrapper: Vec<OsString>,
    args: Vec<OsString>,
    env: BTreeMap<String, OsString>,
    config: Option<String>,
    data: Option<PathBuf>,
    port: Option<u16>,
    https: bool,
    built_in: bool,
    folder: bool,
}

impl Builder {
    pub(super) fn new(bin: &Path) -> Self {
        Self {
            bin: bin.to_owned(),
            wrapper: Vec::new(),
            args: Vec::new(),
            env: BTreeMap::new(),
            config: None,
            data: None,
            port: None,
            https: false,
            built_in: false,
            folder: false,
        }
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// More arguments after `serve`.
    #[must_use]
    pub fn args<T: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.to_owned(), value.as_ref().to_owned());
        self
    }

    /// The text of a configuration file.
    #[must_use]
    pub fn config(mut self, toml: &str) -> Self {
        self.config = Some(toml.to_owned());
        self
    }

    /// The database, instead of the one of the run's backend.
    #[must_use]
    pub fn database(mut self, url: &str) -> Self {
        self.built_in = true;
        self.env(DATABASE_URL, url)
    }

    /// The default backend, SQLite and a folder, in every run: for tests of their files.
    #[must_use]
    pub fn built_in(mut self) -> Self {
        self.built_in = true;
        self
    }

    /// Evidence in a folder, with uploads to the gateway, in every run: for tests of those uploads.
    #[must_use]
    pub fn folder(mut self) -> Self {
        self.folder = true;
        self
    }

    /// The evidence store, instead of the one of the run's backend.
    #[must_use]
    pub fn evidence(self, url: &str) -> Self {
        self.folder().env("REBUTTAL_EVIDENCE_URL", url)
    }

    /// Evidence in a bucket, with keys that have all permissions.
    #[must_use]
    pub fn bucket(self, bucket: &Bucket) -> Self {
        self.bucket_through(bucket, bucket.store.address)
    }

    /// The same, reached through a proxy by the gateway; merchants post to the store itself.
    #[must_use]
    pub fn bucket_through(self, bucket: &Bucket, address: SocketAddr) -> Self {
        let own = format!("http://{}", bucket.store.address);
        let gateway = self.evidence(&bucket.evidence_url_through(address));
        let gateway = gateway.env("REBUTTAL_EVIDENCE_PUBLIC_URL", own);
        bucket.store.credentials().iter().fold(gateway, |gateway, (name, value)| gateway.env(name, value))
    }

    /// A data directory that is kept; by default one is created and removed with the gateway.
    #[must_use]
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    /// Listen on this port instead of a free one; with 0 the system chooses one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The gateway is configured to speak TLS.
    #[must_use]
    pub fn https(mut self) -> Self {
        self.https = true;
        self
    }

    /// A program that replaces itself by the gateway, by exec or as `strace -D` does, so that the child process is the
    /// gateway.
    #[must_use]
    pub fn wrapper<T: AsRef<OsStr>>(mut self, command: impl IntoIterator<Item = T>) -> Self {
        self.wrapper = command.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        self
    }

    /// Writes beyond a file size limit fail instead of killing the process, as they do on a full disk.
    #[must_use]
    pub fn survives_full_disk(self) -> Self {
        self.wrapper(["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
    }

    /// Starts it and waits until it listens; panics with its output if it does not.
    #[must_use]
    pub fn start(mut self) -> Gateway {
        let temp = tempfile::Builder::new().prefix("rebuttal-test-").tempdir().expect("a temporary folder");
        let data = self.data.clone().unwrap_or_else(|| temp.path().join("data"));
        if let Some(config) = &self.config {
            std::fs::write(temp.path().join("rebuttal.toml"), config).expect("the configuration is written");
        }
        if let Some(url) = backend::database(&data).filter(|_| !self.built_in) {
            self.env.insert(DATABASE_URL.to_owned(), url.into());
        }
        if !self.built_in
            && !self.folder
            && let Some(bucket) = backend::bucket(&data)
        {
            self = self.bucket(&bucket);
        }
        for _ in 0..PORT_TRIES {
            let port = self.port.unwrap_or_else(free_port);
            match Process::start(&self.launch_args(&temp, &data, port)) {
                Ok((process, address)) => {
                    return Gateway { builder: self, temp, data, address, process };
                }
                Err(stderr) if self.port.is_none() && stderr.contains("in use") => {}
                Err(stderr) => panic!("the gateway did not start; it said:\n{stderr}"),
            }
        }
        panic!("no free port in {PORT_TRIES} tries")
    }

    pub(super) fn launch_args(&self, temp: &tempfile::TempDir, data: &Path, port: u16) -> Vec<LaunchArg> {
        let mut launch_args: Vec<OsString> = self.wrapper.clone();
        launch_args.push(self.bin.clone().into());
        launch_args.extend(["serve".into(), "--data".into(), data.into(), "--listen".into()]);
        launch_args.push(format!("127.0.0.1:{port}").into());
        if self.config.is_some() {
            launch_args.extend(["--config".into(), temp.path().join("rebuttal.toml").into()]);
        }
        launch_args.extend(self.args.iter().cloned());
        let env = self.env.iter().map(|(name, value)| LaunchArg::Env(name.clone(), value.clone()));
        launch_args.into_iter().map(LaunchArg::Flag).chain(env).collect()
    }
}

/// A port that was free when probed; if another process takes it first, the bind fails and the caller retries.
#[must_use]
pub fn free_port() -> u16 {
    loop {
        let mut random = [0_u8; 2];
        getrandom::fill(&mut random).expect("the system has randomness");
        let port = PORTS.start + u16::from_le_bytes(random) % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
