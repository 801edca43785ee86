//! A replica that starts with a wrong clock: it undoes nothing for the others, and reports the skew.

use std::time::Duration;

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::operator::in_ms;
use rebuttal_testbed::{FakeClock, Item, samples};
use serde_json::json;

use super::Replicas;
use crate::common::{becomes_ready, scrape, value};

/// More than a day: past every deadline and window of this test.
const AHEAD: Duration = Duration::from_secs(100_000);
const DAY_MS: i64 = 24 * 3600 * 1000;

#[test]
#[ignore = "needs PostgreSQL, S3 and libfaketime: cargo xtask test runs it"]
fn replica_started_with_skewed_clock_expires_nothing() {
    let replicas = Replicas::start();
    let fixture = &replicas.fixture;
    let url = fixture.upload(&samples::receipt(1));
    let dispute = fixture.dispute_with(&json!({ "deadline": in_ms(DAY_MS).0 }));
    let clock = FakeClock::new();
    clock.ahead(AHEAD);
    let wrong = clock.apply_to(replicas.another("wrong")).args(["--freshness-window-seconds", "1"]);
    let wrong = wrong.args(["--metrics-listen", "127.0.0.1:0"]).start();
    let listens = || wrong.stderr().contains("metrics are served on").then_some(());
    wait_for("the address in the log", listens);
    let runs = |job: &str| {
        let runs =
            value(&scrape(&wrong), &format!("rebuttal_background_job_seconds_count{{name=\"{job}\"}}"));
        runs.unwrap_or_default()
    };
    let had_their_chance = || ["nonces", "deadlines", "uploads"].iter().all(|job| runs(job) >= 2.0);
    wait_for("every background job to have had its chance", || had_their_chance().then_some(()));

    assert_eq!(fixture.status(&dispute), "NEEDS_RESPONSE");
    fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    let stderr = wrong.stderr();
    assert!(stderr.contains("differ: one of them is wrong"), "{stderr}");
    assert_eq!(value(&scrape(&wrong), "rebuttal_clock_doubted"), Some(1.0));
    becomes_ready(fixture.address(), 200);
    becomes_ready(wrong.address(), 503);
}
