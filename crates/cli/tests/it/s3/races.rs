//! A contest that is overtaken by an operator's action: which files it must read depends on the state, and the state
//! changes while it reads.

use std::thread;

use rebuttal_testbed::operator::in_days;
use rebuttal_testbed::{Item, SignedCall, samples};
use serde_json::json;

use super::test_gateway;

const RACES: usize = 24;
/// Enough contests that some read before the operator's action and are decided after it.
const CONTESTS: usize = 8;

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn contest_racing_with_an_operator_is_validated() {
    let (_bucket, fixture) = test_gateway();
    let (address, url) = (fixture.address(), fixture.upload(&samples::receipt(1)));
    for _ in 0..RACES {
        let dispute = fixture.dispute();
        fixture.operator.does(&dispute, "resolve", &json!({ "outcome": "WON" }));
        let calls: Vec<_> =
            (0..CONTESTS).map(|_| fixture.contest_call(&dispute, &[Item::receipt(&url)])).collect();
        let (before, after) = calls.split_at(CONTESTS / 2);
        let answers: Vec<_> = thread::scope(|threads| {
            let send = |call: SignedCall| threads.spawn(move || call.send(address));
            let mut sent: Vec<_> = before.iter().cloned().map(send).collect();
            let advanced = threads.spawn(|| {
                let stage = json!({ "type": "ARBITRATION", "deadline": in_days(3) });
                fixture.operator.act(&dispute, "advance", &stage).status
            });
            sent.extend(after.iter().cloned().map(send));
            assert_eq!(advanced.join().unwrap(), 200);
            sent.into_iter().map(|answer| answer.join().unwrap()).collect()
        });
        for answer in answers {
            assert!(
                ["OK", "Dispute.InvalidState"].contains(&answer.code.as_str()),
                "{}: {}",
                answer.code,
                answer.message
            );
        }
    }
    assert!(!fixture.gateway.stderr().contains("request not served"), "{}", fixture.gateway.stderr());
}
