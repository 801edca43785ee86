//! The real binary as a child process: started, watched, killed, started again on the same data and URL.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal};

use crate::clock::wait_for;

/// A start that takes longer has failed; the goal itself (100 ms) is measured by a test of its own.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Contract of the binary: at most 30 s for what is in flight, and some for the machine.
const STOP_LIMIT: Duration = Duration::from_secs(40);
/// Ports below those that Linux hands out to clients: a client that reconnects to a dead gateway can then
/// never be given the gateway's own port, connect to itself, and keep the gateway from coming back.
const PORTS: std::ops::Range<u16> = 10_000..32_000;
const PORT_TRIES: usize = 20;
const LISTENING: &str = "listening on http";

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
}

impl Builder {
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

    /// A data directory that outlives the gateway; otherwise one is made and removed with it.
    #[must_use]
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    /// Listen on this port instead of a free one; 0 leaves the choice to the system.
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

    /// A program that runs the gateway in its own place, by exec or as `strace -D` does, so that the process
    /// started here is the gateway.
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
    pub fn start(self) -> Gateway {
        let temp = tempfile::Builder::new().prefix("rebuttal-test-").tempdir().expect("a temporary folder");
        let data = self.data.clone().unwrap_or_else(|| temp.path().join("data"));
        if let Some(config) = &self.config {
            std::fs::write(temp.path().join("rebuttal.toml"), config).expect("the configuration is written");
        }
        for _ in 0..PORT_TRIES {
            let port = self.port.unwrap_or_else(free_port);
            let mut run = Run::spawn(&self.command(&temp, &data, port));
            match run.listening() {
                Ok(address) => {
                    return Gateway { builder: self, temp, data, address, run };
                }
                Err(stderr) if self.port.is_none() && stderr.contains("in use") => {}
                Err(stderr) => panic!("the gateway did not start; it said:\n{stderr}"),
            }
        }
        panic!("no free port in {PORT_TRIES} tries")
    }

    fn command(&self, temp: &tempfile::TempDir, data: &Path, port: u16) -> Vec<(Option<String>, OsString)> {
        let mut words: Vec<OsString> = self.wrapper.clone();
        words.push(self.bin.clone().into());
        words.extend(["serve".into(), "--data".into(), data.into(), "--listen".into()]);
        words.push(format!("127.0.0.1:{port}").into());
        if self.config.is_some() {
            words.extend(["--config".into(), temp.path().join("rebuttal.toml").into()]);
        }
        words.extend(self.args.iter().cloned());
        let env = self.env.iter().map(|(name, value)| (Some(name.clone()), value.clone()));
        words.into_iter().map(|word| (None, word)).chain(env).collect()
    }
}

/// One life of the process, with its output.
#[derive(Debug)]
struct Run {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    lines: Receiver<String>,
}

impl Run {
    /// Words without a name are the command line, named ones the environment; `REBUTTAL_…` is not inherited.
    fn spawn(words: &[(Option<String>, OsString)]) -> Self {
        let mut line = words.iter().filter(|(name, _)| name.is_none()).map(|(_, word)| word);
        let mut command = Command::new(line.next().expect("a program"));
        command.args(line).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("REBUTTAL_") {
                command.env_remove(name);
            }
        }
        command.envs(words.iter().filter_map(|(name, word)| name.as_ref().map(|name| (name, word))));
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (line_sender, lines) = channel();
        let send = move |line: &str| drop(line_sender.send(line.to_owned()));
        let stdout = drain(child.stdout.take().expect("piped"), send);
        let stderr = drain(child.stderr.take().expect("piped"), |_| {});
        Self { child, stdout, stderr, lines }
    }

    /// The address of the line that tells readiness, else all that was said.
    fn listening(&mut self) -> Result<SocketAddr, String> {
        let start = Instant::now();
        loop {
            let left = START_LIMIT.saturating_sub(start.elapsed());
            let Ok(line) = self.lines.recv_timeout(left) else {
                drop(self.child.kill());
                drop(self.child.wait());
                return Err(format!("{}{}", text(&self.stdout), text(&self.stderr)));
            };
            if let Some((_, url)) = line.split_once(LISTENING) {
                let address =
                    url.trim_start_matches('s').trim_start_matches("://").trim_end_matches('/').trim();
                return Ok(address.parse().unwrap_or_else(|_| panic!("no address in: {line}")));
            }
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A running gateway; killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    builder: Builder,
    temp: tempfile::TempDir,
    data: PathBuf,
    address: SocketAddr,
    run: Run,
}

impl Gateway {
    #[must_use]
    pub fn builder(bin: &Path) -> Builder {
        Builder {
            bin: bin.to_owned(),
            wrapper: Vec::new(),
            args: Vec::new(),
            env: BTreeMap::new(),
            config: None,
            data: None,
            port: None,
            https: false,
        }
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The public base URL of a gateway that was given none: the address that it prints.
    #[must_use]
    pub fn base_url(&self) -> String {
        let scheme = if self.builder.https { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A folder for the test's own files, removed with the gateway.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.temp.path()
    }

    /// The first operator's token, as the gateway left it in its data directory.
    #[must_use]
    pub fn operator_token(&self) -> String {
        let path = self.data.join("operator.token");
        let token =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        token.trim().to_owned()
    }

    #[must_use]
    pub fn stdout(&self) -> String {
        text(&self.run.stdout)
    }

    #[must_use]
    pub fn stderr(&self) -> String {
        text(&self.run.stderr)
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.run.child.id()
    }

    /// SIGKILL; returns when the process is gone.
    pub fn kill(&mut self) {
        drop(self.run.child.kill());
        self.run.child.wait().expect("a child can be waited for");
    }

    /// SIGTERM; returns at once.
    pub fn terminate(&self) {
        rustix::process::kill_process(self.handle(), Signal::TERM).expect("the gateway runs");
    }

    /// Waits until the process ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let child = &mut self.run.child;
        wait_for("the gateway to stop", STOP_LIMIT, || child.try_wait().expect("a child can be asked"))
    }

    /// True until the process has ended.
    pub fn runs(&mut self) -> bool {
        self.run.child.try_wait().expect("a child can be asked").is_none()
    }

    /// Starts it again on the same data directory and address; kills it first if it still runs.
    pub fn restart(&mut self) {
        self.kill();
        self.run = Run::spawn(&self.builder.command(&self.temp, &self.data, self.address.port()));
        let listening = self.run.listening();
        assert_eq!(listening.as_ref(), Ok(&self.address), "after the restart; before:\n{}", self.stderr());
    }

    /// Writes that would make a file longer than this fail from now on; `None` takes the limit away.
    pub fn limit_file_size(&self, bytes: Option<u64>) {
        let limit = Rlimit { current: bytes, maximum: None };
        rustix::process::prlimit(Some(self.handle()), Resource::Fsize, limit)
            .expect("our own child can be limited");
    }

    /// The most memory the process ever held, in KiB.
    #[must_use]
    pub fn peak_memory_kib(&self) -> u64 {
        self.memory_kib("VmHWM:")
    }

    /// The memory the process holds now, in KiB.
    #[must_use]
    pub fn memory_kib(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("/proc tells of the child");
        let line = status
            .lines()
            .find(|line| line.starts_with(figure))
            .unwrap_or_else(|| panic!("{figure} missing"));
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    }

    fn handle(&self) -> Pid {
        i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process id")
    }
}

/// Reads everything the child says, so that it never blocks on a full pipe.
fn drain(from: impl Read + Send + 'static, each: impl Fn(&str) + Send + 'static) -> Arc<Mutex<String>> {
    let kept = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&kept);
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            let mut text = into.lock().expect("no panic while holding it");
            text.push_str(&line);
            text.push('\n');
            drop(text);
            each(&line);
        }
    });
    kept
}

fn text(kept: &Mutex<String>) -> String {
    kept.lock().expect("no panic while holding it").clone()
}

/// A port that was free a moment ago; whoever loses the race for it is told by the bind and takes another.
fn free_port() -> u16 {
    loop {
        let mut random = [0_u8; 2];
        getrandom::fill(&mut random).expect("the system has randomness");
        let port = PORTS.start + u16::from_le_bytes(random) % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
