//! A real connection pooler in front of a server: PgBouncer.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use super::{Database, database};
use crate::clock::wait_for;
use crate::gateway::free_port;

/// The user that runs it: it refuses to run as root.
const NOBODY: u32 = 65_534;

/// A running pooler; killed when dropped.
#[derive(Debug)]
pub struct Pooler {
    child: Child,
    _folder: tempfile::TempDir,
    url: String,
}

impl Pooler {
    /// Starts one in front of a database, in `session` or `transaction` mode.
    #[must_use]
    pub fn before(database: &Database, mode: &str) -> Self {
        let url = database.url();
        let (_, rest) = url.split_once("://").expect("a URL");
        let (user, server) = rest.split_once('@').expect("a user");
        let (host_port, name) = server.split_once('/').expect("a database");
        let name = name.split('?').next().unwrap_or(name);
        let (host, server_port) = host_port.rsplit_once(':').expect("a port");
        let port = free_port();
        let folder =
            tempfile::Builder::new().prefix("rebuttal-pooler-").tempdir().expect("a temporary folder");
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n{name} = host={host} port={server_port} user={user}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\npool_mode = {mode}\n\
             unix_socket_dir =\nignore_startup_parameters = extra_float_digits,options\n"
        );
        std::fs::write(&settings, text).expect("the settings are written");
        open_to_all(folder.path(), 0o755);
        open_to_all(&settings, 0o644);
        let mut command = Command::new("pgbouncer");
        command.arg("-q").arg(&settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if rustix::process::getuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let child = command.spawn().expect("pgbouncer starts");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut pooler =
            Self { child, _folder: folder, url: format!("postgres://{user}@127.0.0.1:{port}/{name}") };
        wait_for("PgBouncer to listen", || {
            let ended = pooler.child.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "PgBouncer ended: {ended:?}");
            TcpStream::connect(address).ok()
        });
        pooler
    }

    /// The URL of the database through the pooler.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements through it and returns the result, one line per row.
    #[expect(clippy::must_use_candidate, reason = "often run for what it does")]
    pub fn query(&self, sql: &str) -> String {
        database::query(&self.url, sql)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open_to_all(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("our own file");
}
