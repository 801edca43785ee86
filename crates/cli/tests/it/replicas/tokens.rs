//! Operators' tokens with several gateways.

use std::sync::Barrier;

use rebuttal_testbed::Operator;
use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::s3::Store;
use serde_json::json;

use super::{Replicas, secret};
use crate::common::{gateway, scaled};

const TOKEN: &str = "the-operators-own-token";

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn token_changes_apply_on_every_replica_immediately() {
    let (database, bucket) = (Database::shared(), Store::shared().bucket());
    let folder = tempfile::tempdir().unwrap();
    let key = secret(folder.path(), "key", &"5a".repeat(32));
    let first = secret(folder.path(), "token", TOKEN);
    let shared = ["--master-key-file", &key, "--operator-token-file", &first];
    let replicas = [(); 2].map(|()| gateway().database(&database.url()).bucket(&bucket).args(shared).start());
    let addresses = [replicas[0].address(), replicas[1].address()];
    let [here, there] = addresses.map(|address| Operator::new(address, TOKEN));
    let made = here.post("/tokens", &json!({ "name": "night-shift", "role": "viewer" })).created();
    let token = made["token"].as_str().unwrap();
    let holders = addresses.map(|address| Operator::new(address, token));
    for holder in &holders {
        assert_eq!(holder.fetch("/disputes").status, 200);
        let merchant = holder.post("/merchants", &json!({ "name": "m", "timeZone": "UTC" }));
        merchant.is_problem(403, "Operator.Forbidden");
    }
    // Neither replica caches tokens, so the change is immediate, though 5 s are allowed.
    let revoked = there.post("/tokens/night-shift/revoke", &json!({}));
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    for holder in &holders {
        holder.fetch("/disputes").is_problem(401, "Operator.Unauthorized");
    }
    assert_eq!(here.post("/tokens/night-shift/revoke", &json!({})).json(), revoked.json());
}

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn mutual_revocation_on_two_replicas_does_not_deadlock() {
    let mut replicas = Replicas::start();
    let [here, there] = replicas.addresses();
    for round in 0..scaled(40) {
        let admin = |name: &str, address| {
            let name = format!("{name}-{round}");
            let made = replicas.fixture.operator.post("/tokens", &json!({ "name": name, "role": "admin" }));
            Operator::new(address, made.created()["token"].as_str().unwrap())
        };
        let (one, other) = (admin("one", here), admin("other", there));
        // Each opens its connection before.
        assert_eq!([one.fetch("/tokens").status, other.fetch("/tokens").status], [200, 200]);
        let start = Barrier::new(2);
        let revoke = |admin: &Operator, named: &str| {
            start.wait();
            admin.post(&format!("/tokens/{named}-{round}/revoke"), &json!({})).status
        };
        let mut statuses = std::thread::scope(|scope| {
            let first = scope.spawn(|| revoke(&one, "other"));
            [revoke(&other, "one"), first.join().unwrap()]
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "round {round}: the first one has revoked the other");
    }
    for gateway in [&mut replicas.fixture.gateway, &mut replicas.second] {
        gateway.terminate();
        assert!(gateway.wait().success());
    }
    // Sessions flush their statistics at the latest when they end.
    let of_this = "FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(replicas.database.query(&format!("SELECT deadlocks {of_this}")), "0");
}
