//! Contract §7, loss of a dependency while serving: the evidence store, the database, a row. The gateway reports that
//! it cannot serve, promises nothing false, and recovers with the dependency.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::{Connection, Item, Request, TestGateway, samples};
use serde_json::json;

use crate::common::{becomes_ready, folder_test_gateway, gateway, scrape, sqlite_test_gateway, value};

const UNAVAILABLE: &str = "Common.System.Unavailable";

/// How often the log contains this.
fn logged(fixture: &TestGateway, what: &str) -> usize {
    wait_for(what, || {
        let count = fixture.gateway.stderr().matches(what).count();
        (count > 0).then_some(count)
    })
}

/// Where the built-in store keeps the file of a storageUri.
fn file_of(fixture: &TestGateway, url: &str) -> PathBuf {
    fixture.gateway.data().join("evidence").join(url.strip_prefix("s3://uploaded/").unwrap())
}

#[test]
fn unmounted_evidence_is_not_a_missing_file() {
    let fixture = folder_test_gateway();
    let [submitted, waiting] = [1, 2].map(|number| fixture.upload(&samples::receipt(number)));
    let (contested, dispute) = (fixture.dispute(), fixture.dispute());
    fixture.contest(&contested, &[Item::receipt(&submitted)]).is("OK");
    let download = format!("/disputes/{contested}/evidence/1-1");
    let (evidence, away) = (fixture.gateway.data().join("evidence"), fixture.gateway.scratch().join("away"));

    fs::rename(&evidence, &away).unwrap();
    fixture.contest(&dispute, &[Item::receipt(&waiting)]).is(UNAVAILABLE);
    fixture.operator.fetch(&download).is_problem(503, UNAVAILABLE);
    becomes_ready(fixture.address(), 503);
    logged(&fixture, "evidence store check failed");
    assert_eq!(logged(&fixture, "evidence file could not be read"), 1);
    fs::rename(&away, &evidence).unwrap();
    becomes_ready(fixture.address(), 200);
    assert_eq!(fixture.operator.fetch(&download).status, 200);
    fixture.contest(&dispute, &[Item::receipt(&waiting)]).is("OK");
}

#[test]
fn missing_recorded_file_is_logged() {
    let fixture = folder_test_gateway();
    let [submitted, waiting] = [1, 2].map(|number| fixture.upload(&samples::receipt(number)));
    let dispute = fixture.dispute();
    fixture.contest(&dispute, &[Item::receipt(&submitted)]).is("OK");
    for url in [&submitted, &waiting] {
        fs::remove_file(file_of(&fixture, url)).unwrap();
    }
    fixture.contest(&fixture.dispute(), &[Item::receipt(&waiting)]).is("Evidence.NotUploaded");
    let download = fixture.operator.fetch(&format!("/disputes/{dispute}/evidence/1-1"));
    download.is_problem(500, "Common.System.Error");
    assert_eq!(logged(&fixture, "a recorded file is missing from the evidence store"), 1);
    assert_eq!(logged(&fixture, "was submitted, but is missing"), 1);
}

#[test]
fn unreadable_row_is_a_permanent_error() {
    let fixture = sqlite_test_gateway();
    let dispute = fixture.dispute();
    let database = rusqlite::Connection::open(fixture.gateway.data().join("rebuttal.db")).unwrap();
    assert_eq!(database.execute("UPDATE disputes SET status = 'OPEN'", []).unwrap(), 1);
    fixture.query(&dispute).is("Common.System.Error");
    fixture.accept(&dispute).is("Common.System.Error");
    for path in ["/disputes".to_owned(), format!("/disputes/{dispute}")] {
        fixture.operator.fetch(&path).is_problem(500, "Common.System.Error");
    }
    assert!(logged(&fixture, "this version cannot read") >= 1);
}

#[test]
fn removed_database_file_stops_changes() {
    let fixture = sqlite_test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let dispute = fixture.dispute();
    let database = fixture.gateway.data().join("rebuttal.db");
    let away = fixture.gateway.scratch().join("away.db");
    fs::rename(&database, &away).unwrap();
    let contest = fixture.contest_call(&dispute, &[Item::receipt(&url)]);
    for replaced in [false, true] {
        if replaced {
            fs::copy(&away, &database).unwrap();
        }
        contest.send(fixture.address()).is(UNAVAILABLE);
        fixture
            .operator
            .post("/merchants", &json!({ "name": "m", "timeZone": "UTC" }))
            .is_problem(503, UNAVAILABLE);
        becomes_ready(fixture.address(), 503);
    }
    assert_eq!(logged(&fixture, "writes fail until it is restored"), 1);
    fs::rename(&away, &database).unwrap();
    assert_eq!(fixture.status(&dispute), "NEEDS_RESPONSE");
    contest.send(fixture.address()).is("OK");
    becomes_ready(fixture.address(), 200);
}

#[test]
fn readiness_is_checked_at_most_once_a_second() {
    const ASKED: usize = 400;
    const CONCURRENT: usize = 8;
    let tries = |fixture: &TestGateway| {
        value(&scrape(&fixture.gateway), "rebuttal_commit_requests_total{outcome=\"unavailable\"}")
            .unwrap_or_default()
    };
    let gateway = gateway().built_in().survives_full_disk().args(["--metrics-listen", "127.0.0.1:0"]);
    let fixture = TestGateway::with_builder(gateway);
    // From now on each readiness check tries a change.
    fixture.gateway.limit_file_size(Some(0));
    fixture
        .operator
        .post("/merchants", &json!({ "name": "m", "timeZone": "UTC" }))
        .is_problem(503, UNAVAILABLE);
    becomes_ready(fixture.address(), 503);
    let (before, began) = (tries(&fixture), Instant::now());
    std::thread::scope(|threads| {
        for _ in 0..CONCURRENT {
            threads.spawn(|| {
                let mut connection = Connection::open(fixture.address()).unwrap();
                let request = Request::new("GET", "/readyz", "").bytes();
                for _ in 0..ASKED / CONCURRENT {
                    assert_eq!(connection.exchange(&request).unwrap().status, 503);
                }
            });
        }
    });
    // The sweeper also tries every few seconds.
    let (tried, seconds) = (tries(&fixture) - before, began.elapsed().as_secs_f64());
    assert!(tried <= 20.0 + 4.0 * seconds, "{tried} in {seconds} s");
    fixture.gateway.limit_file_size(None);
    becomes_ready(fixture.address(), 200);
}

#[test]
fn disk_with_space_for_one_page_counts_as_full() {
    let fixture = TestGateway::with_builder(gateway().built_in().survives_full_disk());
    let dispute = fixture.dispute();
    let log = fs::metadata(fixture.gateway.data().join("rebuttal.db-wal")).unwrap().len();
    fixture.gateway.limit_file_size(Some(log + 3 * 4096));
    fixture.accept(&dispute).is(UNAVAILABLE);
    becomes_ready(fixture.address(), 503);
    fixture.gateway.limit_file_size(None);
    becomes_ready(fixture.address(), 200);
}

#[test]
fn gateway_started_without_write_access_is_not_ready() {
    let mut fixture = TestGateway::with_builder(gateway().built_in().survives_full_disk());
    fixture.gateway.restart();
    // Nothing has been committed since the start.
    fixture.gateway.limit_file_size(Some(0));
    becomes_ready(fixture.address(), 503);
    fixture.gateway.limit_file_size(None);
    becomes_ready(fixture.address(), 200);
}

#[test]
fn deleted_wal_loses_nothing() {
    let mut fixture = sqlite_test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let (answered, dispute) = (fixture.dispute(), fixture.dispute());
    fixture.contest(&answered, &[Item::receipt(&url)]).is("OK");
    fs::remove_file(fixture.gateway.data().join("rebuttal.db-wal")).unwrap();
    let contest = fixture.contest_call(&dispute, &[Item::receipt(&url)]);
    contest.send(fixture.address()).is(UNAVAILABLE);
    becomes_ready(fixture.address(), 503);
    assert_eq!(logged(&fixture, "stop the gateway with SIGTERM"), 1);
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    fixture.gateway.restart();
    assert_eq!(fixture.status(&answered), "UNDER_REVIEW");
    contest.send(fixture.address()).is("OK");
}

#[test]
fn evidence_folder_of_another_gateway_is_rejected() {
    let fixture = folder_test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let dispute = fixture.dispute();
    let other = gateway().folder().start();
    let (evidence, away) = (fixture.gateway.data().join("evidence"), fixture.gateway.scratch().join("away"));
    fs::rename(&evidence, &away).unwrap();
    // A new one is valid, but has another gateway's ownership marker.
    fs::create_dir_all(evidence.join("incoming")).unwrap();
    let ticket = fixture.ticket("receipt.png");
    for foreign in [false, true] {
        if foreign {
            fs::copy(other.data().join("evidence/gateway.mark"), evidence.join("gateway.mark")).unwrap();
        }
        fixture.contest(&dispute, &[Item::receipt(&url)]).is(UNAVAILABLE);
        let upload = ticket.form(&samples::png(7)).send(fixture.address());
        assert!(upload.status >= 500, "{} {}", upload.status, upload.text());
        becomes_ready(fixture.address(), 503);
    }
    fs::remove_dir_all(&evidence).unwrap();
    fs::rename(&away, &evidence).unwrap();
    fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    assert_eq!(ticket.form(&samples::png(7)).send(fixture.address()).status, 204);
}
