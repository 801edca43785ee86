//! App secrets with several gateways.

use std::time::{Duration, Instant};

use rebuttal_testbed::SignedCall;
use rebuttal_testbed::clock::{pause, wait_for};
use rebuttal_testbed::signer::Signer;
use rebuttal_testbed::test_gateway::QUERY;
use serde_json::json;

use super::{PUBLIC_URL, Replicas};

/// Contract §2: how soon a secret that was ended is refused everywhere.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// Often enough that a replica always has the app in its cache.
const CALL_EVERY: Duration = Duration::from_millis(100);

/// Each change is made at one replica, while the other is called constantly and has the app in its cache.
#[test]
#[ignore = "needs PostgreSQL and S3, which cargo xtask test starts"]
fn ended_secret_is_invalid_within_5_s_on_every_replica() {
    let replicas = Replicas::start();
    let fixture = &replicas.fixture;
    let [_, there] = replicas.operators();
    let app = format!("/merchants/{}/apps/{}", fixture.merchant_id, fixture.signer.app_id);
    let rotated = |overlap_seconds: u64| {
        let answer = there.post(&format!("{app}/rotate"), &json!({ "overlapSeconds": overlap_seconds }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let app_secret = answer.json()["appSecret"].as_str().unwrap().to_owned();
        Signer { app_secret, ..fixture.signer.clone() }
    };
    let code = |address, by: &Signer| {
        let call = SignedCall::new(by, PUBLIC_URL, QUERY, "{\"disputeNo\":\"never-opened\"}");
        call.request().send(address).unwrap().json()["code"].as_str().unwrap().to_owned()
    };
    // A new secret verifies within a second, for which an app is cached.
    let verifies = |signers: &[&Signer]| {
        for address in replicas.addresses() {
            for signer in signers {
                let verifies = || (code(address, signer) == "Dispute.NotFound").then_some(());
                wait_for("the secret to verify", verifies);
            }
        }
    };
    let ends = |signers: &[&Signer]| {
        let ended_at = Instant::now();
        let mut ended = Vec::new();
        while ended.len() < 2 * signers.len() {
            for address in replicas.addresses() {
                for signer in signers {
                    let sent_after = ended_at.elapsed();
                    match code(address, signer).as_str() {
                        "Common.Auth.InvalidSignature" => ended.push((address, &signer.app_secret)),
                        other => assert!(sent_after < ENDS_WITHIN, "{other} {sent_after:?} after the end"),
                    }
                }
            }
            ended.sort();
            ended.dedup();
            pause(CALL_EVERY);
        }
    };
    let first = fixture.signer.clone();
    let second = rotated(3_600);
    verifies(&[&first, &second]);
    let ended = there.post(&format!("{app}/endOverlap"), &json!({}));
    assert_eq!(ended.status, 200, "{}", ended.text());
    ends(&[&first]);
    let third = rotated(3_600);
    verifies(&[&second, &third]);
    let fourth = rotated(0);
    ends(&[&second, &third]);
    verifies(&[&fourth]);
}
