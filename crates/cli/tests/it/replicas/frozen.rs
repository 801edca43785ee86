//! A replica that is suspended while it holds locks: the others are delayed, and nothing of its work is lost or done
//! twice.

use std::time::{Duration, Instant};

use rebuttal_testbed::clock::pause;
use rebuttal_testbed::{Connection, Item, samples};

use super::Replicas;
use crate::common::scaled;

/// How long a suspended replica may delay another: 5 s, and more on a machine many times slower.
const HELD_BACK_MAX: Duration = Duration::from_secs(20);
const FREEZES: usize = 4;
const CONTESTS: usize = 24;

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
fn suspended_replica_blocks_the_others_at_most_five_seconds() {
    let replicas = Replicas::start();
    let fixture = &replicas.fixture;
    let [first, second] = replicas.addresses();
    let url = fixture.upload(&samples::receipt(1));
    for round in 0..scaled(FREEZES) {
        let disputes: Vec<String> = (0..CONTESTS).map(|_| fixture.dispute()).collect();
        let call = |dispute: &str| fixture.contest_call(dispute, &[Item::receipt(&url)]);
        let mut connections: Vec<Connection> =
            disputes.iter().map(|_| Connection::open(first).unwrap()).collect();
        let calls: Vec<_> = disputes.iter().map(|dispute| call(dispute)).collect();
        for (connection, call) in connections.iter_mut().zip(&calls) {
            connection.send(&call.bytes()).unwrap();
        }
        // At a different point of the batch each time.
        pause(Duration::from_micros(300 * round as u64));
        fixture.gateway.suspend();
        let started = Instant::now();
        for dispute in &disputes {
            call(dispute).send(second).is("OK");
        }
        let held_back = started.elapsed();
        fixture.gateway.resume();
        assert!(held_back < HELD_BACK_MAX, "held back for {held_back:?} in round {round}");
        for ((connection, call), dispute) in connections.iter_mut().zip(&calls).zip(&disputes) {
            let answer = call.verified(connection.receive().unwrap());
            assert!(
                ["OK", "Common.System.Unavailable", "Common.System.OutcomeUnknown"]
                    .contains(&answer.code.as_str()),
                "{}",
                answer.code
            );
            assert_eq!(fixture.history(dispute).len(), 2, "one contest, committed by either");
        }
    }
}
