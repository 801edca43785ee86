//! Several gateways on one PostgreSQL: none knows of the others, and each meets every guarantee. Run by `cargo xtask
//! test`, which starts the database and the object store.

mod background_jobs;
mod clock_skew;
mod evidence;
mod frozen;
mod load_balancer;
mod negative_cache;
mod races;
mod secrets;
mod startup;
mod tokens;

use std::path::Path;

use rebuttal_testbed::gateway::Builder;
use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::s3::{Bucket, Store};
use rebuttal_testbed::{Gateway, Operator, TestGateway};

use crate::common::gateway;

/// The public URL of all replicas.
const PUBLIC_URL: &str = "https://pay.example";

/// Two gateways on one database, with one key, one operator and one bucket of evidence.
struct Replicas {
    fixture: TestGateway,
    second: Gateway,
    database: Database,
    bucket: Bucket,
}

impl Replicas {
    fn start() -> Self {
        Self::on(Database::shared())
    }

    fn on(database: Database) -> Self {
        Self::with(database, |gateway| gateway)
    }

    /// Replicas that are started with custom settings.
    fn with(database: Database, way: impl Fn(Builder) -> Builder) -> Self {
        let bucket = Store::shared().bucket();
        let mut fixture = TestGateway::with_builder(way(replica(&database, &bucket)));
        fixture.base = PUBLIC_URL.to_owned();
        let second = another_replica(&fixture, way(replica(&database, &bucket)), "second").start();
        Self { fixture, second, database, bucket }
    }

    /// The settings of another replica.
    fn another(&self, name: &str) -> Builder {
        another_replica(&self.fixture, replica(&self.database, &self.bucket), name)
    }

    fn addresses(&self) -> [std::net::SocketAddr; 2] {
        [self.fixture.address(), self.second.address()]
    }

    /// The operator, at either replica.
    fn operators(&self) -> [Operator; 2] {
        let token = self.fixture.gateway.operator_token();
        self.addresses().map(|address| Operator::new(address, &token))
    }
}

fn replica(database: &Database, bucket: &Bucket) -> Builder {
    gateway().database(&database.url()).bucket(bucket).args(["--public-url", PUBLIC_URL])
}

/// A replica with the master key and the operator token of the first one.
fn another_replica(fixture: &TestGateway, replica: Builder, name: &str) -> Builder {
    let first = fixture.gateway.data();
    let shared = |flag: &str, name: &str| [flag.to_owned(), first.join(name).display().to_string()];
    replica
        .data(&fixture.gateway.scratch().join(name))
        .args(shared("--master-key-file", "master.key"))
        .args(shared("--operator-token-file", "operator.token"))
}

/// Writes a file of a secret.
fn secret(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}
