//! A real PostgreSQL: a temporary cluster from the system's binaries, which tests may kill, suspend and restart, and
//! the databases on it, one for each test.

mod database;
mod pooler;
mod processes;
mod proxy;

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub use database::Database;
pub use pooler::Pooler;
pub use proxy::{CommitFault, PostgresProxy};

use crate::clock::wait_for;
use crate::gateway::free_port;

/// The variable with the superuser's URL of the cluster that all tests of a run share; set by `cargo xtask test`.
pub const SHARED: &str = "REBUTTAL_TEST_POSTGRES";

/// Where Debian installs the servers' binaries, a folder for each version.
const DEBIAN_FOLDER: &str = "/usr/lib/postgresql";
/// PostgreSQL refuses to run as root; then the first existing one of these users runs it.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A running cluster; killed and removed when dropped.
#[derive(Debug)]
pub struct Cluster {
    folder: tempfile::TempDir,
    user: Option<User>,
    port: u16,
    settings: Vec<String>,
    postmaster: Child,
}

#[derive(Debug, Clone)]
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

impl Cluster {
    /// Whether the system has the binaries that [`Cluster::start`] needs.
    #[must_use]
    pub fn is_installed() -> bool {
        binary("postgres").is_some() && binary("initdb").is_some()
    }

    /// A fast cluster without durability.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&["fsync=off", "full_page_writes=off"])
    }

    /// A cluster with PostgreSQL's default durability.
    #[must_use]
    pub fn durable() -> Self {
        Self::with(&[])
    }

    /// A cluster with TLS, with a certificate and its key in PEM.
    #[must_use]
    pub fn with_tls(certificate: &str, key: &str) -> Self {
        let settings = ["fsync=off", "ssl=on", "ssl_cert_file=server.crt", "ssl_key_file=server.key"];
        Self::make(&settings, &[("server.crt", certificate), ("server.key", key)])
    }

    /// A cluster with settings as `name=value`.
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        Self::make(settings, &[])
    }

    /// A cluster with settings, and with files next to its data.
    fn make(settings: &[&str], files: &[(&str, &str)]) -> Self {
        let user = rustix::process::getuid().is_root().then(User::find);
        let folder = tempfile::Builder::new().prefix("rebuttal-pg-").tempdir().expect("a temporary folder");
        if let Some(user) = &user {
            chown(folder.path(), Some(user.uid), Some(user.gid)).expect("root may give a folder away");
        }
        let data = folder.path().join("data");
        let mut initdb = command(user.as_ref(), "initdb");
        initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        let made = initdb.arg("-D").arg(&data).output().expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        for (name, text) in files {
            let path = data.join(name);
            std::fs::write(&path, text).expect("the data directory is there");
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("ours");
            if let Some(user) = &user {
                chown(&path, Some(user.uid), Some(user.gid)).expect("root may give a file away");
            }
        }
        let port = free_port();
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let postmaster = spawn(user.as_ref(), folder.path(), port, &settings);
        let cluster = Self { folder, user, port, settings, postmaster };
        cluster.wait_until_it_answers();
        cluster
    }

    /// The superuser's URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The server's log.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// A new database on it.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::on(&self.url())
    }

    /// Runs pgbench against a database and returns its output.
    #[expect(clippy::must_use_candidate, reason = "what it says of its tables is of no interest")]
    pub fn pgbench(&self, database: &Database, args: &[&str]) -> String {
        let output = command(None, "pgbench").args(args).arg(database.url()).output().expect("pgbench runs");
        assert!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// SIGKILL to every process of it; returns when they are gone.
    pub fn kill(&mut self) {
        let family = processes::family(self.postmaster.id());
        processes::signal(&family, rustix::process::Signal::KILL);
        drop(self.postmaster.wait());
        wait_for("the cluster to be gone", || processes::all_gone(&family).then_some(()));
    }

    /// Starts it again after [`Cluster::kill`], and waits until it has recovered.
    pub fn restart(&mut self) {
        self.postmaster = spawn(self.user.as_ref(), self.folder.path(), self.port, &self.settings);
        self.wait_until_it_answers();
    }

    /// Freezes every process of it: connections stay open, nothing answers.
    pub fn suspend(&self) {
        // The parent first, so that no child is created while they are counted.
        processes::signal(&[self.postmaster.id()], rustix::process::Signal::STOP);
        processes::signal(&processes::family(self.postmaster.id()), rustix::process::Signal::STOP);
    }

    /// Continues it.
    pub fn resume(&self) {
        processes::signal(&processes::family(self.postmaster.id()), rustix::process::Signal::CONT);
    }

    /// Terminates every session but its own; returns how many there were.
    #[expect(clippy::must_use_candidate, reason = "the number is for who cares")]
    pub fn terminate_all_connections(&self) -> usize {
        let ended = database::query(
            &self.url(),
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        );
        ended.parse().expect("a number")
    }

    fn wait_until_it_answers(&self) {
        let url = self.url();
        wait_for(&format!("PostgreSQL to answer; it said: {}", self.log()), || {
            database::try_query(&url, "SELECT 1").ok()
        });
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
    }
}

impl User {
    fn find() -> Self {
        let id = |flag: &str, name: &str| {
            let output = Command::new("id").args([flag, name]).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        let find =
            |name: &&str| Some(Self { name: (*name).to_owned(), uid: id("-u", name)?, gid: id("-g", name)? });
        USERS.iter().find_map(find).unwrap_or_else(|| panic!("none of the users {USERS:?} exists"))
    }
}

/// Starts the server. Its output goes to a file, which cannot block it.
fn spawn(user: Option<&User>, folder: &Path, port: u16, settings: &Vec<String>) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log"));
    let log = log.expect("the log can be written");
    let mut server = command(user, "postgres");
    server.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
    server.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    // Every test has its own connections; many tests run in parallel.
    for setting in ["max_connections=400", "shared_buffers=64MB", "log_min_messages=warning"] {
        server.args(["-c", setting]);
    }
    for setting in settings {
        server.args(["-c", setting]);
    }
    let errors = log.try_clone().expect("a second handle");
    server.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("postgres runs")
}

/// One of PostgreSQL's programs, run by a user other than root.
fn command(user: Option<&User>, program: &str) -> Command {
    let binary = binary(program).unwrap_or_else(|| panic!("{program} is not there: install postgresql"));
    let Some(user) = user else { return Command::new(binary) };
    let mut command = Command::new("setpriv");
    // Replaces itself, so that the child process is the server.
    command.args([format!("--reuid={}", user.name), format!("--regid={}", user.gid)]);
    command.arg("--clear-groups").arg(binary).current_dir("/");
    command
}

/// A program of the newest version from Debian, or from $PATH.
fn binary(program: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN_FOLDER).into_iter().flatten().filter_map(Result::ok);
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(version);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let folders = newest.map(|version| version.join("bin")).into_iter().chain(std::env::split_paths(&paths));
    folders.map(|folder| folder.join(program)).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "needs PostgreSQL, which cargo xtask test installs"]
    fn a_cluster_survives_its_death() {
        let mut cluster = Cluster::durable();
        let database = cluster.database();
        database.query("CREATE TABLE t (n INT); INSERT INTO t VALUES (1)");
        cluster.kill();
        assert!(database::try_query(&database.url(), "SELECT 1").is_err());
        cluster.restart();
        assert_eq!(database.query("SELECT n FROM t"), "1");
        cluster.suspend();
        cluster.resume();
        assert_eq!(database.query("SELECT n FROM t"), "1");
    }
}
