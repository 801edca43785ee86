//! A gateway that is started before its database: it waits, and serves once the database is up.

use std::fs::{File, read_to_string};
use std::net::SocketAddr;
use std::process::{Child, Command};

use rebuttal_testbed::Request;
use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::postgres::Cluster;

use crate::common::bin;

/// A gateway that is starting.
struct StartingGateway {
    folder: tempfile::TempDir,
    child: Child,
}

impl StartingGateway {
    fn on(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(bin());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
        command.env("REBUTTAL_DATABASE_URL", url);
        command.stdout(File::create(folder.path().join("out")).unwrap());
        command.stderr(File::create(folder.path().join("err")).unwrap());
        let child = command.spawn().unwrap();
        Self { folder, child }
    }

    fn said(&self, stream: &str) -> String {
        read_to_string(self.folder.path().join(stream)).unwrap()
    }

    fn waits(&self) {
        wait_for("the start to wait", || self.said("err").contains("waiting for the database").then_some(()));
    }

    /// Waits until it serves, and returns its answer at `/readyz`.
    fn readiness(&self) -> u16 {
        let address: SocketAddr = wait_for("the gateway to listen", || {
            self.said("out").strip_prefix("listening on http://")?.trim_end().parse().ok()
        });
        Request::new("GET", "/readyz", "").send(address).unwrap().status
    }
}

impl Drop for StartingGateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("it said: {}", self.said("err"));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test installs"]
fn gateway_started_before_its_database_becomes_ready() {
    let mut cluster = Cluster::start();
    let [stopped, frozen, crowded] = [(); 3].map(|()| cluster.database());

    cluster.kill();
    let starting = StartingGateway::on(&stopped.url());
    starting.waits();
    cluster.restart();
    assert_eq!(starting.readiness(), 200, "{}", starting.said("err"));

    cluster.suspend();
    let starting = StartingGateway::on(&frozen.url());
    starting.waits();
    cluster.resume();
    assert_eq!(starting.readiness(), 200, "{}", starting.said("err"));

    crowded.query(&format!(
        "CREATE ROLE late LOGIN CONNECTION LIMIT 0; ALTER DATABASE {} OWNER TO late; \
         ALTER SCHEMA public OWNER TO late",
        crowded.name()
    ));
    let starting = StartingGateway::on(&crowded.url().replacen("postgres@", "late@", 1));
    starting.waits();
    crowded.query("ALTER ROLE late CONNECTION LIMIT -1");
    assert_eq!(starting.readiness(), 200, "{}", starting.said("err"));
}
