//! The real binary as a child process: started, watched, killed, restarted on the same data and URL.

mod builder;
mod process;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use rustix::process::{Pid, Resource, Rlimit, Signal};

pub use builder::{Builder, free_port};
use process::Process;

use crate::clock::wait_for;

/// A running gateway; killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    builder: Builder,
    temp: tempfile::TempDir,
    data: PathBuf,
    address: SocketAddr,
    process: Process,
}

impl Gateway {
    #[must_use]
    pub fn builder(bin: &Path) -> Builder {
        Builder::new(bin)
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The public base URL of a gateway without `public_url`: the address that it prints.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.builder.scheme(), self.address)
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

    /// The first operator token, from the gateway's data directory.
    #[must_use]
    pub fn operator_token(&self) -> String {
        let path = self.data.join("operator.token");
        let token =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        token.trim().to_owned()
    }

    #[must_use]
    pub fn stdout(&self) -> String {
        self.process.stdout()
    }

    #[must_use]
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// SIGKILL; returns when the process is gone.
    pub fn kill(&mut self) {
        self.process.end();
    }

    /// SIGKILL while others still hold the gateway; returns immediately.
    pub fn kill_nowait(&self) {
        rustix::process::kill_process(self.handle(), Signal::KILL).expect("the gateway runs");
    }

    /// SIGTERM; returns immediately.
    pub fn terminate(&self) {
        rustix::process::kill_process(self.handle(), Signal::TERM).expect("the gateway runs");
    }

    /// SIGSTOP: the process freezes, its connections stay open.
    pub fn suspend(&self) {
        rustix::process::kill_process(self.handle(), Signal::STOP).expect("the gateway runs");
    }

    /// SIGCONT: the process continues.
    pub fn resume(&self) {
        rustix::process::kill_process(self.handle(), Signal::CONT).expect("the gateway runs");
    }

    /// Waits until the process exits.
    pub fn wait(&mut self) -> ExitStatus {
        let child = &mut self.process.child;
        wait_for("the gateway to stop", || child.try_wait().expect("a child can be asked"))
    }

    /// True until the process has exited.
    pub fn runs(&mut self) -> bool {
        self.process.child.try_wait().expect("a child can be asked").is_none()
    }

    /// The database that it uses from the next start on.
    pub fn use_database(&mut self, url: &str) {
        self.builder = self.builder.clone().database(url);
    }

    /// Starts it again on the same data directory and address; kills it first if it still runs.
    pub fn restart(&mut self) {
        self.kill();
        let launch_args = self.builder.launch_args(&self.temp, &self.data, self.address.port());
        let (process, address) =
            Process::start(&launch_args).unwrap_or_else(|said| panic!("the restart failed: {said}"));
        assert_eq!(address, self.address);
        self.process = process;
    }

    /// Writes beyond this file size fail from now on; `None` removes the limit.
    pub fn limit_file_size(&self, bytes: Option<u64>) {
        let limit = Rlimit { current: bytes, maximum: None };
        rustix::process::prlimit(Some(self.handle()), Resource::Fsize, limit)
            .expect("our own child can be limited");
    }

    /// The peak of the process's private memory, in KiB.
    #[must_use]
    pub fn peak_memory_kib(&self) -> u64 {
        own_memory_kib(self.handle(), "VmHWM:")
    }

    /// The peak of the private memory of all running processes that open evidence files, in KiB.
    #[must_use]
    pub fn workers_peak_memory_kib(&self) -> u64 {
        self.workers().into_iter().map(|worker| own_memory_kib(worker, "VmHWM:")).sum()
    }

    /// The running processes that open evidence files.
    #[must_use]
    pub fn workers(&self) -> Vec<Pid> {
        let parent = format!("PPid:\t{}\n", self.pid());
        let is_child = |pid: &Pid| {
            // It may have ended since the folder was listed.
            let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()));
            status.is_ok_and(|status| status.contains(&parent))
        };
        let entries = std::fs::read_dir("/proc").expect("/proc can be listed");
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter_map(|name| Pid::from_raw(name.parse().ok()?)).filter(is_child).collect()
    }

    /// The process's private memory, in KiB.
    #[must_use]
    pub fn memory_kib(&self) -> u64 {
        own_memory_kib(self.handle(), "VmRSS:")
    }

    fn handle(&self) -> Pid {
        i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process id")
    }
}

/// A figure without file-backed pages, which are the program's code: the kernel decides how many are resident, and a
/// debug build has more of them than a release build.
fn own_memory_kib(process: Pid, figure: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero()))
        .expect("/proc has the child's status");
    let kib = |figure: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(figure));
        let figure = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        figure.unwrap_or_else(|| panic!("{line:?}"))
    };
    kib(figure) - kib("RssFile:")
}
