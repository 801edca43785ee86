//! Contract §7, what the gateway stands on taken away under it: its evidence, its database, a row. It says that it
//! cannot serve, promises nothing that is not so, and goes on when what it lost is back.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::{Connection, Item, Request, Scene, samples};
use serde_json::json;

use crate::ground::{becomes_ready, embedded_scene, folder_scene, gateway, scrape, value};

const UNAVAILABLE: &str = "Common.System.Unavailable";

/// How often the log tells this, once it does.
fn logged(scene: &Scene, what: &str) -> usize {
    wait_for(what, Duration::from_secs(5), || {
        let count = scene.gateway.stderr().matches(what).count();
        (count > 0).then_some(count)
    })
}

/// Where the built-in store keeps the file of a storageUri.
fn file_of(scene: &Scene, url: &str) -> PathBuf {
    scene.gateway.data().join("evidence").join(url.strip_prefix("s3://uploaded/").unwrap())
}

#[test]
fn evidence_that_is_not_mounted_is_no_missing_file() {
    let scene = folder_scene();
    let [submitted, waiting] = [1, 2].map(|number| scene.upload(&samples::receipt(number)));
    let (contested, dispute) = (scene.dispute(), scene.dispute());
    scene.contest(&contested, &[Item::receipt(&submitted)]).is("OK");
    let download = format!("/disputes/{contested}/evidence/1-1");
    let (evidence, away) = (scene.gateway.data().join("evidence"), scene.gateway.scratch().join("away"));

    fs::rename(&evidence, &away).unwrap();
    scene.contest(&dispute, &[Item::receipt(&waiting)]).is(UNAVAILABLE);
    scene.operator.fetch(&download).is_problem(503, UNAVAILABLE);
    becomes_ready(scene.address(), 503);
    logged(&scene, "the evidence store does not answer");
    assert_eq!(logged(&scene, "a file of evidence could not be read"), 1);
    fs::rename(&away, &evidence).unwrap();
    becomes_ready(scene.address(), 200);
    assert_eq!(scene.operator.fetch(&download).status, 200);
    scene.contest(&dispute, &[Item::receipt(&waiting)]).is("OK");
}

#[test]
fn a_recorded_file_that_is_gone_is_told_in_the_log() {
    let scene = folder_scene();
    let [submitted, waiting] = [1, 2].map(|number| scene.upload(&samples::receipt(number)));
    let dispute = scene.dispute();
    scene.contest(&dispute, &[Item::receipt(&submitted)]).is("OK");
    for url in [&submitted, &waiting] {
        fs::remove_file(file_of(&scene, url)).unwrap();
    }
    scene.contest(&scene.dispute(), &[Item::receipt(&waiting)]).is("Evidence.NotUploaded");
    let download = scene.operator.fetch(&format!("/disputes/{dispute}/evidence/1-1"));
    download.is_problem(500, "Common.System.Error");
    assert_eq!(logged(&scene, "a recorded file is gone"), 1);
    assert_eq!(logged(&scene, "is gone although it was submitted"), 1);
}

#[test]
fn a_row_that_cannot_be_read_is_a_failure_that_sending_again_does_not_mend() {
    let scene = embedded_scene();
    let dispute = scene.dispute();
    let database = rusqlite::Connection::open(scene.gateway.data().join("rebuttal.db")).unwrap();
    assert_eq!(database.execute("UPDATE disputes SET status = 'OPEN'", []).unwrap(), 1);
    scene.query(&dispute).is("Common.System.Error");
    scene.accept(&dispute).is("Common.System.Error");
    for path in ["/disputes".to_owned(), format!("/disputes/{dispute}")] {
        scene.operator.fetch(&path).is_problem(500, "Common.System.Error");
    }
    assert!(logged(&scene, "this version cannot read") >= 1);
}

#[test]
fn a_database_that_is_gone_from_its_place_takes_no_more_changes() {
    let scene = embedded_scene();
    let url = scene.upload(&samples::receipt(1));
    let dispute = scene.dispute();
    let database = scene.gateway.data().join("rebuttal.db");
    let away = scene.gateway.scratch().join("away.db");
    fs::rename(&database, &away).unwrap();
    let contest = scene.contest_call(&dispute, &[Item::receipt(&url)]);
    for replaced in [false, true] {
        if replaced {
            fs::copy(&away, &database).unwrap();
        }
        contest.send(scene.address()).is(UNAVAILABLE);
        scene
            .operator
            .post("/merchants", &json!({ "name": "m", "timeZone": "UTC" }))
            .is_problem(503, UNAVAILABLE);
        becomes_ready(scene.address(), 503);
    }
    assert_eq!(logged(&scene, "nothing is changed until it is back"), 1);
    fs::rename(&away, &database).unwrap();
    assert_eq!(scene.status(&dispute), "NEEDS_RESPONSE");
    contest.send(scene.address()).is("OK");
    becomes_ready(scene.address(), 200);
}

#[test]
fn readiness_follows_the_last_commit() {
    let scene = Scene::of(gateway().embedded().survives_full_disk());
    let dispute = scene.dispute();
    scene.gateway.limit_file_size(Some(0));
    scene.accept(&dispute).is(UNAVAILABLE);
    becomes_ready(scene.address(), 503);
    scene.gateway.limit_file_size(None);
    // Nobody has to send a change first.
    becomes_ready(scene.address(), 200);
    scene.accept(&dispute).is("OK");
}

#[test]
fn readiness_is_looked_at_once_a_second_however_often_it_is_asked() {
    const ASKED: usize = 400;
    const AT_ONCE: usize = 8;
    let tries = |scene: &Scene| {
        value(&scrape(&scene.gateway), "rebuttal_commit_requests_total{outcome=\"unavailable\"}")
            .unwrap_or_default()
    };
    let gateway = gateway().embedded().survives_full_disk().args(["--metrics-listen", "127.0.0.1:0"]);
    let scene = Scene::of(gateway);
    // From now on each look tries a change.
    scene.gateway.limit_file_size(Some(0));
    scene
        .operator
        .post("/merchants", &json!({ "name": "m", "timeZone": "UTC" }))
        .is_problem(503, UNAVAILABLE);
    becomes_ready(scene.address(), 503);
    let (before, began) = (tries(&scene), Instant::now());
    std::thread::scope(|threads| {
        for _ in 0..AT_ONCE {
            threads.spawn(|| {
                let mut connection = Connection::open(scene.address()).unwrap();
                let request = Request::new("GET", "/readyz", "").bytes();
                for _ in 0..ASKED / AT_ONCE {
                    assert_eq!(connection.exchange(&request).unwrap().status, 503);
                }
            });
        }
    });
    // The sweeper tries as well, every few seconds.
    let (tried, seconds) = (tries(&scene) - before, began.elapsed().as_secs_f64());
    assert!(tried <= 20.0 + 4.0 * seconds, "{tried} in {seconds} s");
    scene.gateway.limit_file_size(None);
    becomes_ready(scene.address(), 200);
}

#[test]
fn a_disk_with_room_for_one_page_is_full() {
    let scene = Scene::of(gateway().embedded().survives_full_disk());
    let dispute = scene.dispute();
    let log = fs::metadata(scene.gateway.data().join("rebuttal.db-wal")).unwrap().len();
    scene.gateway.limit_file_size(Some(log + 3 * 4096));
    scene.accept(&dispute).is(UNAVAILABLE);
    becomes_ready(scene.address(), 503);
    scene.gateway.limit_file_size(None);
    becomes_ready(scene.address(), 200);
}

#[test]
fn a_start_that_cannot_write_is_not_ready() {
    let mut scene = Scene::of(gateway().embedded().survives_full_disk());
    scene.gateway.restart();
    // Nothing has been committed since the start.
    scene.gateway.limit_file_size(Some(0));
    becomes_ready(scene.address(), 503);
    scene.gateway.limit_file_size(None);
    becomes_ready(scene.address(), 200);
}

#[test]
fn a_log_that_was_deleted_loses_nothing() {
    let mut scene = embedded_scene();
    let url = scene.upload(&samples::receipt(1));
    let (answered, dispute) = (scene.dispute(), scene.dispute());
    scene.contest(&answered, &[Item::receipt(&url)]).is("OK");
    fs::remove_file(scene.gateway.data().join("rebuttal.db-wal")).unwrap();
    let contest = scene.contest_call(&dispute, &[Item::receipt(&url)]);
    contest.send(scene.address()).is(UNAVAILABLE);
    becomes_ready(scene.address(), 503);
    assert_eq!(logged(&scene, "stop the gateway with SIGTERM"), 1);
    scene.gateway.terminate();
    assert!(scene.gateway.wait().success());
    scene.gateway.restart();
    assert_eq!(scene.status(&answered), "UNDER_REVIEW");
    contest.send(scene.address()).is("OK");
}

#[test]
fn another_evidence_folder_is_not_this_gateways() {
    let scene = folder_scene();
    let url = scene.upload(&samples::receipt(1));
    let dispute = scene.dispute();
    let other = gateway().folder().start();
    let (evidence, away) = (scene.gateway.data().join("evidence"), scene.gateway.scratch().join("away"));
    fs::rename(&evidence, &away).unwrap();
    // One that was just made looks right but for whose it is.
    fs::create_dir_all(evidence.join("incoming")).unwrap();
    let ticket = scene.ticket("receipt.png");
    for foreign in [false, true] {
        if foreign {
            fs::copy(other.data().join("evidence/gateway.mark"), evidence.join("gateway.mark")).unwrap();
        }
        scene.contest(&dispute, &[Item::receipt(&url)]).is(UNAVAILABLE);
        let upload = ticket.form(&samples::png(7)).send(scene.address());
        assert!(upload.status >= 500, "{} {}", upload.status, upload.text());
        becomes_ready(scene.address(), 503);
    }
    fs::remove_dir_all(&evidence).unwrap();
    fs::rename(&away, &evidence).unwrap();
    scene.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    assert_eq!(ticket.form(&samples::png(7)).send(scene.address()).status, 204);
}
