//! Operators' tokens where there are several gateways.

use rebuttal_testbed::Operator;
use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::s3::Store;
use serde_json::json;

use super::secret;
use crate::ground::gateway;

const TOKEN: &str = "the-operators-own-token";

#[test]
#[ignore = "needs PostgreSQL and an S3, which cargo xtask test starts"]
fn a_token_is_made_and_revoked_on_every_replica_at_once() {
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
    // Neither replica remembers a token, so there is nothing to wait for, though 5 s are allowed.
    let revoked = there.post("/tokens/night-shift/revoke", &json!({}));
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    for holder in &holders {
        holder.fetch("/disputes").is_problem(401, "Operator.Unauthorized");
    }
    assert_eq!(here.post("/tokens/night-shift/revoke", &json!({})).json(), revoked.json());
}
