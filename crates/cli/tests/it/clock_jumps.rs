//! What happens only after minutes or days: forms that expire, unreferenced files. The gateway's wall clock is moved;
//! its timers are not. Run by `cargo xtask test`, which installs libfaketime.

use std::path::PathBuf;
use std::time::Duration;

use rebuttal_testbed::clock::{pause, wait_for};
use rebuttal_testbed::operator::{in_days, in_ms};
use rebuttal_testbed::samples::{receipt, refund};
use rebuttal_testbed::test_gateway::UPLOAD_URL;
use rebuttal_testbed::{FakeClock, Item, TestGateway};
use serde_json::json;

use crate::common::gateway;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Slightly longer than the period of the job that deletes uploads and keys.
const JOBS_PERIOD: Duration = Duration::from_secs(6);

/// A gateway with a fake clock, which it trusts again one second after a jump.
fn test_gateway(clock: &FakeClock) -> TestGateway {
    // On SQLite only: a database server has its own clock, which is not moved.
    TestGateway::with_builder(clock.apply_to(gateway().built_in()).args(["--freshness-window-seconds", "1"]))
}

fn file_of(fixture: &TestGateway, storage_uri: &str) -> PathBuf {
    let key = storage_uri.strip_prefix("s3://uploaded/").unwrap();
    fixture.gateway.data().join("evidence").join(key)
}

/// Waits until an upload is marked for deletion: contested together with a missing file, so that nothing refers to it.
fn wait_for_mark(fixture: &TestGateway, dispute: &str, url: &str, ahead: Duration) {
    let upload_url = json!({ "filename": "receipt.png", "scene": "DISPUTE_EVIDENCE" });
    let nothing = fixture.call(UPLOAD_URL, &upload_url).ahead(ahead).send(fixture.address()).ok();
    let items = [Item::receipt(url), Item::receipt(nothing["storageUri"].as_str().unwrap())];
    let looked_for = || fixture.contest_call(dispute, &items).ahead(ahead).send(fixture.address());
    let marked = || looked_for().expect("Evidence.NotUploaded").message.contains("[0]").then_some(());
    wait_for("the upload to be marked", marked);
}

#[test]
#[ignore = "needs libfaketime: cargo xtask test runs it"]
fn unreferenced_upload_is_swept_after_seven_days() {
    let clock = FakeClock::new();
    let fixture = test_gateway(&clock);
    let (kept, swept) = (fixture.upload(&receipt(1)), fixture.upload(&refund(1)));
    let dispute = || fixture.dispute_with(&json!({ "deadline": in_days(30) }));
    let (dispute, other, third) = (dispute(), dispute(), dispute());
    let contest = |dispute: &str, url: &str, ahead: Duration| {
        fixture.contest_call(dispute, &[Item::receipt(url)]).ahead(ahead).send(fixture.address()).code
    };
    assert_eq!(contest(&dispute, &kept, Duration::ZERO), "OK");

    let six_days = 6 * DAY;
    clock.ahead(six_days);
    assert_eq!(contest(&other, &kept, six_days), "OK", "an old file serves as well as a new one");

    let past_keep = 7 * DAY + MINUTE;
    clock.ahead(past_keep);
    wait_for_mark(&fixture, &third, &swept, past_keep);
    assert!(
        file_of(&fixture, &swept).exists(),
        "a contest that found it just before may still be on its way"
    );

    clock.ahead(past_keep + HOUR + MINUTE);
    wait_for("its file to go", || (!file_of(&fixture, &swept).exists()).then_some(()));
    assert!(file_of(&fixture, &kept).exists());
    assert_eq!(contest(&third, &kept, past_keep + HOUR + MINUTE), "OK", "what was submitted stays");
}

#[test]
#[ignore = "needs libfaketime: cargo xtask test runs it"]
fn undeletable_files_do_not_block_other_deletions() {
    /// More failures than end a round of deletions.
    const STUBBORN: u8 = 12;
    let clock = FakeClock::new();
    let fixture = test_gateway(&clock);
    let mut urls: Vec<_> = (0..STUBBORN + 2).map(|seed| fixture.upload(&receipt(seed))).collect();
    // Marked at the same time, they are deleted in the order of their names.
    urls.sort();
    let files: Vec<_> = urls.iter().map(|url| file_of(&fixture, url)).collect();
    let (stubborn, others) = files.split_at(STUBBORN.into());
    let dispute = fixture.dispute_with(&json!({ "deadline": in_days(30) }));
    let past_keep = 7 * DAY + MINUTE;
    clock.ahead(past_keep);
    wait_for_mark(&fixture, &dispute, &urls[0], past_keep);

    for file in stubborn {
        std::fs::remove_file(file).unwrap();
        std::fs::create_dir(file).unwrap();
    }
    clock.ahead(past_keep + HOUR + MINUTE);
    wait_for("the others to go", || others.iter().all(|file| !file.exists()).then_some(()));
    assert!(stubborn.iter().all(|file| file.exists()));
}

#[test]
#[ignore = "needs libfaketime: cargo xtask test runs it"]
fn new_secret_can_be_repeated_for_one_day() {
    let clock = FakeClock::new();
    let fixture = test_gateway(&clock);
    let request = |path: &str, body: &serde_json::Value| {
        fixture.operator.request("POST", path, Some(body)).header("Idempotency-Key", path.to_owned())
    };
    let apps = format!("/merchants/{}/apps", fixture.merchant_id);
    let requests = [
        request("/tokens", &json!({ "name": "alice", "role": "viewer" })),
        request(&apps, &json!({})),
        request(&format!("{apps}/{}/rotate", fixture.signer.app_id), &json!({ "overlapSeconds": 0 })),
    ];
    let first = requests.each_ref().map(|request| fixture.operator.send(request).body);
    clock.ahead(23 * HOUR);
    // Expired data is deleted when the clock is trusted.
    pause(JOBS_PERIOD);
    let again = requests.each_ref().map(|request| fixture.operator.send(request).body);
    assert_eq!(again, first);

    clock.ahead(DAY + MINUTE);
    for request in &requests {
        let refused = fixture.operator.send(request);
        assert!(refused.status == 409 && refused.text().contains("not kept any more"), "{}", refused.text());
    }
    // It is removed from the database when the clock is trusted.
    let database = rusqlite::Connection::open(fixture.gateway.data().join("rebuttal.db")).unwrap();
    let mut kept = database.prepare("SELECT answer FROM idempotency_keys").unwrap();
    wait_for("the secrets to be purged", || {
        let kept: Vec<String> = kept.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let is_purged = kept.len() >= 3 && kept.iter().all(|answer| !answer.contains("sealed\":["));
        is_purged.then_some(())
    });
}

#[test]
#[ignore = "needs libfaketime: cargo xtask test runs it"]
fn brief_forward_clock_jump_changes_nothing() {
    let clock = FakeClock::new();
    let fixture = TestGateway::with_builder(clock.apply_to(gateway()));
    let url = fixture.upload(&receipt(1));
    let dispute = fixture.dispute();
    let merchant = json!({ "name": "Corner Shop", "timeZone": "Asia/Shanghai" });
    let create =
        fixture.operator.request("POST", "/merchants", Some(&merchant)).header("Idempotency-Key", "day-1");
    let created = fixture.operator.send(&create).created();

    clock.ahead(400 * DAY);
    let logged = || fixture.gateway.stderr().contains("clock jumped from").then_some(());
    wait_for("the clock jump in the log", logged);
    // The background jobs would act on such a clock within their period.
    pause(JOBS_PERIOD);
    clock.ahead(Duration::ZERO);

    assert_eq!(fixture.operator.send(&create).created(), created, "the key is forgotten");
    fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
}

#[test]
#[ignore = "needs libfaketime: cargo xtask test runs it"]
fn late_start_expires_nothing_during_clock_guard() {
    let clock = FakeClock::new();
    let mut fixture = test_gateway(&clock);
    let url = fixture.upload(&receipt(1));
    let due = || fixture.dispute_with(&json!({ "deadline": in_ms(3_600_000).0 }));
    let (contested, late) = (due(), due());

    clock.ahead(2 * HOUR);
    fixture.gateway.restart();
    let logged =
        || fixture.gateway.stderr().contains("clock is far from the last trusted time").then_some(());
    wait_for("the clock warning in the log", logged);
    // The background jobs would act on such a clock within a second.
    pause(JOBS_PERIOD);
    for dispute in [&contested, &late] {
        assert_eq!(fixture.status(dispute), "NEEDS_RESPONSE");
    }
    clock.ahead(Duration::ZERO);
    fixture.contest(&contested, &[Item::receipt(&url)]).is("OK");

    // The gateway really was stopped for that long: the clock is right.
    clock.ahead(2 * HOUR);
    fixture.gateway.restart();
    wait_for("the deadline to expire", || (fixture.status(&late) == "EXPIRED").then_some(()));
    let stderr = fixture.gateway.stderr();
    assert!(
        stderr.contains("clock is far from the last trusted time"),
        "the clock was doubted before: {stderr}"
    );
}
