//! SeaweedFS as a child process: an S3 server that enforces upload policies, on free ports and in a temporary folder.
//!
//! It is stopped with SIGKILL, because a regular stop takes seconds and its data is discarded anyway.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::Store;
use crate::clock::wait_for;

const ACCESS_KEY: &str = "REBUTTALTESTACCESSKEY";
const SECRET_KEY: &str = "a-secret-that-only-tests-use";
const PORT_TRIES: usize = 20;
/// For each port it also uses one this much higher, for RPC.
const RPC_ABOVE: u16 = 10_000;
/// Below Linux's ephemeral ports, RPC ports included.
const PORTS: std::ops::Range<u16> = 10_000..21_000;
/// Master, volume server, filer, S3.
const PORTS_TAKEN: u16 = 4;

/// A running SeaweedFS; killed when dropped, and its data removed.
#[derive(Debug)]
pub struct Server {
    child: Child,
    _data: tempfile::TempDir,
    pub store: Store,
}

impl Server {
    /// Starts the program and waits until it has stored, returned and deleted an object; panics with its log if it does
    /// not.
    #[must_use]
    pub fn start(weed: &Path) -> Self {
        for _ in 0..PORT_TRIES {
            let mut server = Self::spawn(weed);
            let answers = wait_for("SeaweedFS to answer", || server.answers_or_ended());
            if answers {
                return server;
            }
        }
        panic!("SeaweedFS did not start in {PORT_TRIES} tries")
    }

    fn spawn(weed: &Path) -> Self {
        let data = tempfile::Builder::new().prefix("rebuttal-s3-").tempdir().expect("a temporary folder");
        let keys = format!(
            r#"{{"identities":[{{"name":"tests","credentials":[{{"accessKey":"{ACCESS_KEY}","secretKey":"{SECRET_KEY}"}}],
                "actions":["Admin","Read","Write","List","Tagging"]}}]}}"#
        );
        let keys_file = data.path().join("s3.json");
        std::fs::write(&keys_file, keys).expect("the keys are written");
        let log = std::fs::File::create(data.path().join("log")).expect("a log file");
        let base = free_ports();
        let mut command = Command::new(weed);
        command.current_dir(data.path()).env("HOME", data.path());
        command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-master.telemetry=false"]);
        command.args(["-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
        // A bucket allocates seven volumes with its first object, so they are small.
        command.args(["-master.volumeSizeLimitMB=64", "-volume.max=4096", "-volume.minFreeSpacePercent=0"]);
        command.arg(format!("-dir={}", data.path().display()));
        command.arg(format!("-s3.config={}", keys_file.display()));
        for (index, name) in (0..PORTS_TAKEN).zip(["master", "volume", "filer", "s3"]) {
            command.arg(format!("-{name}.port={}", base + index));
        }
        let stderr = log.try_clone().expect("a log file");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(stderr).spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}", weed.display()));
        let store = Store {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, base + PORTS_TAKEN - 1)),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
        };
        Self { child, _data: data, store }
    }

    /// Whether it answers a real upload; `false` if it has exited, such as after losing a race for a port.
    fn answers_or_ended(&mut self) -> Option<bool> {
        if self.child.try_wait().expect("a child can be asked").is_some() {
            return Some(false);
        }
        let send = |method, path| {
            let reply = super::exchange(&self.store, method, path, &[], b"");
            reply.is_ok_and(|reply| (200..300).contains(&reply.status)).then_some(())
        };
        let probe = "/test-probe/object";
        // It creates the bucket automatically.
        send("PUT", probe)
            .and_then(|()| send("GET", probe))
            .and_then(|()| send("DELETE", probe))
            .map(|()| true)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The first of several consecutive ports that were free when probed, with their RPC ports.
fn free_ports() -> u16 {
    loop {
        let mut random = [0_u8; 2];
        getrandom::fill(&mut random).expect("the system has randomness");
        let base = PORTS.start + u16::from_le_bytes(random) % (PORTS.end - PORTS.start);
        let mut ports = (base..base + PORTS_TAKEN).flat_map(|port| [port, port + RPC_ABOVE]);
        if ports.all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()) {
            return base;
        }
    }
}
