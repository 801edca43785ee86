//! Contract §7, an object store that fails: clear codes, nothing half done, and what was sealed stays.

use std::time::{Duration, Instant};

use rebuttal_testbed::s3::{Bucket, Fault, Proxy, Store};
use rebuttal_testbed::{Item, Scene, samples};
use serde_json::json;

use super::submitted;
use crate::ground::{becomes_ready, each, gateway};

const UNAVAILABLE: &str = "Common.System.Unavailable";
/// What looks may take, and a busy machine beside them: well below what a client waits for one attempt.
const PATIENCE: Duration = Duration::from_secs(14);

fn scene() -> (Bucket, Proxy, Scene) {
    let bucket = Store::shared().bucket();
    let proxy = Proxy::before(bucket.store.address);
    let scene = Scene::of(gateway().bucket_through(&bucket, proxy.address));
    (bucket, proxy, scene)
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn a_contest_that_cannot_read_its_evidence_changes_nothing_and_can_be_sent_again() {
    let (bucket, proxy, scene) = scene();
    let faults = [Fault::Fails, Fault::Hangs, Fault::CutsAfter(0), Fault::CutsAfter(10), Fault::LosesAnswer];
    let cases = faults.map(|fault| (format!("{fault:?}"), fault));
    each(cases, |fault| {
        let url = scene.upload(&samples::receipt(1));
        let dispute = scene.dispute();
        let (before, seals) = (proxy.befallen(), bucket.keys("sealed/"));
        proxy.fault("GET", "dispute-evidence/", fault);
        let start = Instant::now();
        let contest = scene.contest_call(&dispute, &[Item::receipt(&url)]);
        let answer = contest.send(scene.address()).expect(UNAVAILABLE);
        assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
        assert!(
            answer.message.contains("evidenceList[0].url could not be read just now"),
            "{}",
            answer.message
        );
        assert!(proxy.befallen() > before);
        assert_eq!(scene.history(&dispute).len(), 1);
        assert_eq!(bucket.keys("sealed/"), seals);
        proxy.heal();
        // Nothing was changed, so the very same request is taken, nonce and all.
        contest.send(scene.address()).is("OK");
    });
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn a_contest_that_cannot_be_sealed_changes_nothing_and_can_be_sent_again() {
    let (_, proxy, scene) = scene();
    for fault in [Fault::Fails, Fault::Hangs] {
        let url = scene.upload(&samples::receipt(1));
        let dispute = scene.dispute();
        proxy.fault("PUT", "sealed/", fault);
        let start = Instant::now();
        scene.contest(&dispute, &[Item::receipt(&url)]).is(UNAVAILABLE);
        assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
        assert_eq!(scene.history(&dispute).len(), 1);
        proxy.heal();
        scene.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    }
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn a_seal_whose_answer_got_lost_is_sealed_again_as_what_lies_there_then() {
    let (bucket, proxy, scene) = scene();
    let url = scene.upload(&samples::receipt(1));
    let dispute = scene.dispute();
    proxy.fault("PUT", "sealed/", Fault::LosesAnswer);
    scene.contest(&dispute, &[Item::receipt(&url)]).is(UNAVAILABLE);
    assert_eq!(bucket.keys("sealed/").len(), 1, "it was carried out");
    proxy.heal();
    let second = samples::receipt(2).bytes;
    bucket.put(super::key(&url), &second);
    scene.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    let download = scene.operator.fetch(&format!("/disputes/{dispute}/evidence/1-1"));
    assert_eq!(download.body, second, "nothing was promised about the first");
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn what_was_sealed_before_the_store_failed_need_not_be_read_again() {
    let (_, proxy, scene) = scene();
    let [good, bad] = [1, 2].map(|seed| scene.upload(&samples::receipt(seed)));
    let dispute = scene.dispute();
    proxy.fault("GET", super::key(&bad), Fault::Fails);
    scene.contest(&dispute, &[Item::receipt(&good), Item::receipt(&bad)]).is(UNAVAILABLE);
    // The good one has its record now: its upload may be out of reach, as long as its seal is not.
    proxy.fault("GET", super::key(&good), Fault::Fails);
    scene.contest(&dispute, &[Item::receipt(&good), Item::receipt(&bad)]).is("OK");
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn a_store_that_does_not_answer_stops_what_needs_it_alone() {
    let (_, proxy, scene) = scene();
    let url = scene.upload(&samples::receipt(1));
    let [contested, other] = [(); 2].map(|()| scene.dispute());
    scene.contest(&contested, &[Item::receipt(&url)]).is("OK");
    for fault in [Fault::Fails, Fault::Hangs] {
        proxy.fault("GET", "", fault);
        becomes_ready(scene.address(), 503);
        let start = Instant::now();
        let download = scene.operator.fetch(&format!("/disputes/{contested}/evidence/1-1"));
        download.is_problem(503, UNAVAILABLE);
        assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
        scene.contest(&contested, &[Item::receipt(&url)]).is("OK");
        scene.query(&other).is("OK");
        scene.accept(&scene.dispute()).is("OK");
        drop(scene.ticket("a.png"));
    }
    proxy.heal();
    becomes_ready(scene.address(), 200);
    assert_eq!(submitted(&scene, &contested)["type"], json!("RECEIPT"));
}

#[test]
#[ignore = "needs an S3, which cargo xtask test starts"]
fn a_first_start_waits_for_its_store_and_any_start_does_without() {
    let bucket = Store::shared().bucket();
    let proxy = Proxy::before(bucket.store.address);
    proxy.fault("GET", "", Fault::Fails);
    let start = gateway().bucket_through(&bucket, proxy.address).args(["--start-wait-seconds", "1"]);
    let mut scene = Scene::of(start);
    assert_eq!(scene.gateway.stderr().matches("waiting for the object store").count(), 1);
    becomes_ready(scene.address(), 503);
    scene.gateway.kill();
    scene.gateway.restart();
    assert!(!scene.gateway.stderr().contains("waiting for"), "{}", scene.gateway.stderr());
    becomes_ready(scene.address(), 503);
    assert!(scene.gateway.stderr().contains("until the object store answers"), "{}", scene.gateway.stderr());
    scene.accept(&scene.dispute()).is("OK");
    proxy.heal();
    becomes_ready(scene.address(), 200);
}
