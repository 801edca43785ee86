//! Contract §7, a failing object store: clear codes, nothing done partially, and copied evidence stays.

use std::time::{Duration, Instant};

use rebuttal_testbed::s3::{Bucket, Fault, Proxy, Store};
use rebuttal_testbed::{Item, TestGateway, samples};
use serde_json::json;

use super::submitted;
use crate::common::{becomes_ready, each, gateway};

const UNAVAILABLE: &str = "Common.System.Unavailable";
/// The timeout of one attempt of `rebuttal-client`: the gateway must answer within it.
const CLIENT_ATTEMPT: Duration = Duration::from_secs(25);

fn test_gateway() -> (Bucket, Proxy, TestGateway) {
    let bucket = Store::shared().bucket();
    let proxy = Proxy::before(bucket.store.address);
    let fixture = TestGateway::with_builder(gateway().bucket_through(&bucket, proxy.address));
    (bucket, proxy, fixture)
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn contest_with_unreadable_evidence_can_be_retried() {
    let (bucket, proxy, fixture) = test_gateway();
    let faults = [Fault::Fails, Fault::Hangs, Fault::CutsAfter(0), Fault::CutsAfter(10), Fault::LosesAnswer];
    let cases = faults.map(|fault| (format!("{fault:?}"), fault));
    each(cases, |fault| {
        let url = fixture.upload(&samples::receipt(1));
        let dispute = fixture.dispute();
        let (before, copies) = (proxy.faults_injected(), bucket.keys("by-hash/"));
        proxy.fault("GET", "dispute-evidence/", fault);
        let start = Instant::now();
        let contest = fixture.contest_call(&dispute, &[Item::receipt(&url)]);
        let answer = contest.send(fixture.address()).expect(UNAVAILABLE);
        assert!(start.elapsed() < CLIENT_ATTEMPT, "{:?}", start.elapsed());
        assert!(
            answer.message.contains("evidenceList[0].url could not be read; nothing was changed"),
            "{}",
            answer.message
        );
        assert!(proxy.faults_injected() > before);
        assert_eq!(fixture.history(&dispute).len(), 1);
        assert_eq!(bucket.keys("by-hash/"), copies);
        proxy.heal();
        // Nothing was changed, so the same request with the same nonce is accepted.
        contest.send(fixture.address()).is("OK");
    });
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn contest_that_cannot_copy_its_evidence_can_be_retried() {
    let (_, proxy, fixture) = test_gateway();
    for fault in [Fault::Fails, Fault::Hangs] {
        let url = fixture.upload(&samples::receipt(1));
        let dispute = fixture.dispute();
        proxy.fault("PUT", "by-hash/", fault);
        let start = Instant::now();
        fixture.contest(&dispute, &[Item::receipt(&url)]).is(UNAVAILABLE);
        assert!(start.elapsed() < CLIENT_ATTEMPT, "{:?}", start.elapsed());
        assert_eq!(fixture.history(&dispute).len(), 1);
        proxy.heal();
        fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    }
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn copy_with_lost_response_is_redone_from_the_current_object() {
    let (bucket, proxy, fixture) = test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let dispute = fixture.dispute();
    proxy.fault("PUT", "by-hash/", Fault::LosesAnswer);
    fixture.contest(&dispute, &[Item::receipt(&url)]).is(UNAVAILABLE);
    assert_eq!(bucket.keys("by-hash/").len(), 1, "it was carried out");
    proxy.heal();
    let second = samples::receipt(2).bytes;
    bucket.put(super::key(&url), &second);
    fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    let download = fixture.operator.fetch(&format!("/disputes/{dispute}/evidence/1-1"));
    assert_eq!(download.body, second, "nothing was promised about the first");
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn evidence_copied_before_a_store_failure_is_not_read_again() {
    let (_, proxy, fixture) = test_gateway();
    let [good, bad] = [1, 2].map(|seed| fixture.upload(&samples::receipt(seed)));
    let dispute = fixture.dispute();
    proxy.fault("GET", super::key(&bad), Fault::Fails);
    fixture.contest(&dispute, &[Item::receipt(&good), Item::receipt(&bad)]).is(UNAVAILABLE);
    // The valid file is recorded now: its upload may be unreachable if its copy is reachable.
    proxy.fault("GET", super::key(&good), Fault::Fails);
    fixture.contest(&dispute, &[Item::receipt(&good), Item::receipt(&bad)]).is("OK");
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn unavailable_store_affects_only_calls_that_need_it() {
    let (_, proxy, fixture) = test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let [contested, other] = [(); 2].map(|()| fixture.dispute());
    fixture.contest(&contested, &[Item::receipt(&url)]).is("OK");
    for fault in [Fault::Fails, Fault::Hangs] {
        proxy.fault("GET", "", fault);
        becomes_ready(fixture.address(), 503);
        let start = Instant::now();
        let download = fixture.operator.fetch(&format!("/disputes/{contested}/evidence/1-1"));
        download.is_problem(503, UNAVAILABLE);
        assert!(start.elapsed() < CLIENT_ATTEMPT, "{:?}", start.elapsed());
        fixture.contest(&contested, &[Item::receipt(&url)]).is("OK");
        fixture.query(&other).is("OK");
        fixture.accept(&fixture.dispute()).is("OK");
        drop(fixture.ticket("a.png"));
    }
    proxy.heal();
    becomes_ready(fixture.address(), 200);
    assert_eq!(submitted(&fixture, &contested)["type"], json!("RECEIPT"));
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn only_the_first_start_waits_for_its_store() {
    let bucket = Store::shared().bucket();
    let proxy = Proxy::before(bucket.store.address);
    proxy.fault("GET", "", Fault::Fails);
    let start = gateway().bucket_through(&bucket, proxy.address).args(["--start-wait-seconds", "6"]);
    let mut fixture = TestGateway::with_builder(start);
    assert_eq!(fixture.gateway.stderr().matches("waiting for the object store, up to").count(), 1);
    // The wait is longer than opening a database may take without a log line.
    assert!(!fixture.gateway.stderr().contains("still opening"), "{}", fixture.gateway.stderr());
    becomes_ready(fixture.address(), 503);
    fixture.gateway.kill();
    fixture.gateway.restart();
    assert!(!fixture.gateway.stderr().contains("waiting for"), "{}", fixture.gateway.stderr());
    becomes_ready(fixture.address(), 503);
    assert!(
        fixture.gateway.stderr().contains("object store check failed; contests with new evidence"),
        "{}",
        fixture.gateway.stderr()
    );
    fixture.accept(&fixture.dispute()).is("OK");
    proxy.heal();
    becomes_ready(fixture.address(), 200);
}
