//! Unknown tokens and the limits on failures, where the database is shared with other replicas.

use std::time::Duration;

use rebuttal_testbed::clock::{pause, wait_for};
use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::signer::{Signer, fresh_nonce};
use rebuttal_testbed::{Operator, TestGateway};
use serde_json::json;

use super::Replicas;
use crate::common::{Flood, gateway};

/// Slightly longer than an app is cached.
const READ_PAUSE: Duration = Duration::from_millis(1_100);

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
fn unknown_tokens_do_not_block_merchants_reads() {
    let database = Database::shared();
    let fixture = TestGateway::with_builder(gateway().database(&database.url()).folder());
    let dispute = fixture.dispute();
    fixture.query(&dispute).is("OK");
    let locks = |granted: &str| {
        let of_tokens = "FROM pg_locks WHERE relation = 'tokens'::regclass AND";
        database.query(&format!("SELECT count(*) {of_tokens} {granted}")).parse::<usize>().unwrap()
    };
    std::thread::scope(|scope| {
        // Every token lookup sleeps, until a table with this name exists.
        scope.spawn(|| {
            database.query(
                "DO $$ BEGIN LOCK TABLE tokens; FOR look IN 1..400 LOOP \
                 PERFORM 1 FROM pg_class WHERE relname = 'lookups_may_go_on'; EXIT WHEN FOUND; \
                 PERFORM pg_sleep(0.05); END LOOP; END $$",
            )
        });
        wait_for("the lock", || (locks("granted AND mode = 'AccessExclusiveLock'") == 1).then_some(()));
        for _ in 0..32 {
            let made_up = Operator::new(fixture.address(), &fresh_nonce());
            scope.spawn(move || made_up.fetch("/disputes").status);
        }
        wait_for("look-ups to wait", || (locks("NOT granted") >= 2).then_some(()));
        for _ in 0..4 {
            fixture.query(&dispute).is("OK");
        }
        assert_eq!(locks("NOT granted"), 2, "the others wait for their turn in the gateway");
        database.query("CREATE TABLE lookups_may_go_on ()");
    });
    assert_eq!(fixture.status(&dispute), "NEEDS_RESPONSE");
}

#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn rotated_secret_is_not_throttled_by_other_callers_failures() {
    let replicas = Replicas::start();
    let fixture = &replicas.fixture;
    fixture.query("nobody-has-it").is("Dispute.NotFound");
    let [_, there] = replicas.operators();
    let path = format!("/merchants/{}/apps/{}/rotate", fixture.merchant_id, fixture.signer.app_id);
    let rotated = there.post(&path, &json!({ "overlapSeconds": 60 })).json();
    let app_secret = rotated["appSecret"].as_str().unwrap().to_owned();
    pause(READ_PAUSE);
    std::thread::scope(|threads| {
        let flood = Flood::over(threads, fixture);
        let mut call = fixture.call("/pg/v2/dispute/query", &json!({ "disputeNo": "nobody-has-it" }));
        call.signer = Signer { app_secret, ..fixture.signer.clone() };
        let code = call.send(fixture.address()).code;
        drop(flood);
        assert_eq!(code, "Dispute.NotFound");
    });
}
