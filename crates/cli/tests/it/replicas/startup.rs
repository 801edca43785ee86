//! Replicas that start at the same time on an empty database, and gateways that do not belong to it.

use std::process::Command;

use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::s3::Store;
use rebuttal_testbed::{Gateway, Operator};

use super::{Replicas, secret};
use crate::common::{bin, gateway};

const REPLICAS: usize = 10;
const TOKEN: &str = "the-operators-own-token";

fn start_concurrently(start: impl Fn(usize) -> Gateway + Sync) -> Vec<Gateway> {
    std::thread::scope(|scope| {
        let start = &start;
        let starts: Vec<_> = (0..REPLICAS).map(|index| scope.spawn(move || start(index))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    })
}

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn ten_concurrent_first_starts_form_one_installation() {
    let (database, bucket) = (Database::shared(), Store::shared().bucket());
    let folder = tempfile::tempdir().unwrap();
    let key = secret(folder.path(), "key", &"5a".repeat(32));
    let token = secret(folder.path(), "token", TOKEN);
    let gateways = start_concurrently(|_| {
        let shared = ["--master-key-file", &key, "--operator-token-file", &token];
        gateway().database(&database.url()).bucket(&bucket).args(shared).start()
    });
    let merchant_id = Operator::new(gateways[0].address(), TOKEN).open_merchant("Corner Shop", "UTC");
    for gateway in &gateways {
        let operator = Operator::new(gateway.address(), TOKEN);
        let merchants = operator.fetch("/merchants").json();
        assert_eq!(merchants["items"][0]["merchantId"], merchant_id, "{merchants}");
    }
    assert_eq!(database.query("SELECT count(*) = max(version) FROM refinery_schema_history"), "t");
    assert_eq!(database.query("SELECT name FROM tokens"), "operator");
}

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn losing_first_token_file_is_removed() {
    let (database, bucket) = (Database::shared(), Store::shared().bucket());
    let folder = tempfile::tempdir().unwrap();
    let key = secret(folder.path(), "key", &"5a".repeat(32));
    let gateways = start_concurrently(|_| {
        gateway().database(&database.url()).bucket(&bucket).args(["--master-key-file", &key]).start()
    });
    let tokens: Vec<_> =
        gateways.iter().filter(|gateway| gateway.data().join("operator.token").exists()).collect();
    assert_eq!(tokens.len(), 1, "one was first, and its token alone is left");
    let token = tokens[0].operator_token();
    for gateway in &gateways {
        assert_eq!(Operator::new(gateway.address(), &token).fetch("/merchants").status, 200);
    }
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
fn replica_with_another_master_key_does_not_start() {
    let database = Database::shared();
    let first = gateway().database(&database.url()).start();
    let folder = tempfile::tempdir().unwrap();
    let mut second = Command::new(bin());
    second.args(["serve", "--listen", "127.0.0.1:0", "--database-url", &database.url()]);
    let data = folder.path().join("data");
    let no_key = second.arg("--data").arg(&data).output().unwrap();
    let said = String::from_utf8_lossy(&no_key.stderr).into_owned();
    assert!(!no_key.status.success() && said.contains("master key"), "{said}");
    let key = secret(folder.path(), "key", &"5a".repeat(32));
    let other_key = second.args(["--master-key-file", &key]).output().unwrap();
    let said = String::from_utf8_lossy(&other_key.stderr).into_owned();
    assert!(!other_key.status.success() && said.contains("master key"), "{said}");
    let operator = Operator::new(first.address(), &first.operator_token());
    assert_eq!(operator.fetch("/merchants").status, 200, "the first one's token still counts");
}

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn replica_with_another_evidence_store_does_not_start() {
    let replicas = Replicas::start();
    let first = replicas.fixture.gateway.data();
    let other_bucket = Store::shared().bucket();
    let prefixed = replicas.bucket.evidence_url().replacen('?', "/elsewhere?", 1);
    for (name, evidence) in
        [("folder", None), ("bucket", Some(other_bucket.evidence_url())), ("prefix", Some(prefixed))]
    {
        let mut start = Command::new(bin());
        start
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(replicas.fixture.gateway.scratch().join(name));
        for (flag, file) in [("--master-key-file", "master.key"), ("--operator-token-file", "operator.token")]
        {
            start.arg(flag).arg(first.join(file));
        }
        start.env("REBUTTAL_DATABASE_URL", replicas.database.url()).envs(replicas.bucket.store.credentials());
        start.envs(evidence.map(|url| ("REBUTTAL_EVIDENCE_URL", url)));
        let start = start.output().unwrap();
        let stderr = String::from_utf8_lossy(&start.stderr);
        let kept = format!("evidence is in s3://{}/", replicas.bucket.name);
        assert!(!start.status.success() && stderr.contains(&kept), "{name}: {stderr}");
    }
}
