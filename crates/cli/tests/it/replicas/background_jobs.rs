//! Background jobs that run on every replica do not conflict.

use std::time::Duration;

use rebuttal_testbed::FakeClock;
use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::postgres::Database;

use super::Replicas;
use crate::common::{scrape, value};

/// Uploads to delete: several pages, each of which takes a replica some time.
const MARKED: usize = 1_000;
/// Longer than a gateway waits before it deletes anything from a bucket.
const LOOKED_ON: Duration = Duration::from_secs(6 * 60);

/// The value of a series on each replica.
fn metric_values(replicas: &Replicas, series: &str) -> [f64; 2] {
    let gateways = [&replicas.fixture.gateway, &replicas.second];
    gateways.map(|gateway| value(&scrape(gateway), series).unwrap_or_default())
}

/// Waits until each replica has run a background job this many more times.
fn wait_for_rounds(replicas: &Replicas, job: &str, more: f64) {
    let series = format!("rebuttal_background_job_seconds_count{{name=\"{job}\"}}");
    let before = metric_values(replicas, &series);
    wait_for(job, || {
        let now = metric_values(replicas, &series);
        now.iter().zip(before).all(|(now, before)| *now >= before + more).then_some(())
    });
}

#[test]
#[ignore = "needs PostgreSQL, S3 and libfaketime, which cargo xtask test provides"]
fn replicas_sweep_the_same_files_without_conflict() {
    let clock = FakeClock::with_timers();
    let database = Database::shared();
    database.clock_ahead(Duration::ZERO);
    let replicas = Replicas::with(database, |gateway| {
        let args = ["--freshness-window-seconds", "1", "--metrics-listen", "127.0.0.1:0"];
        clock.apply_to(gateway).args(args)
    });
    let looked = || metric_values(&replicas, "rebuttal_background_job_seconds_count{name=\"fence\"}");
    wait_for("both to look at the fence", || looked().iter().all(|times| *times > 0.0).then_some(()));
    clock.ahead(LOOKED_ON);
    replicas.database.clock_ahead(LOOKED_ON);
    wait_for("both to look at it again", || looked().iter().all(|times| *times > 1.0).then_some(()));

    let failures = "rebuttal_background_job_failures_total{name=\"uploads\"}";
    let before = metric_values(&replicas, failures);
    let url = "'m/80/open/dispute-evidence/' || md5(number::text) || '.png'";
    replicas.database.query(&format!(
        "INSERT INTO uploads (url, sha256, size, media_type, uploaded_at) \
         SELECT {url}, '\\x00', 1, 'image/png', 0 FROM generate_series(1, {MARKED}) AS number; \
         INSERT INTO marked_uploads (url, marked_at) SELECT url, 0 FROM uploads"
    ));
    let left = || replicas.database.query("SELECT count(*) FROM uploads");
    wait_for("all to go", || (left() == "0").then_some(()));
    wait_for_rounds(&replicas, "uploads", 1.0);
    assert_eq!(metric_values(&replicas, failures), before, "{}", replicas.second.stderr());
    let swept: f64 = metric_values(&replicas, "rebuttal_uploads_swept_total").iter().sum();
    assert_eq!(swept, MARKED as f64);
}
