//! Load of merchants that contest one dispute after another, and the check of every response afterwards.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rebuttal_testbed::clock::pause;
use rebuttal_testbed::test_gateway::number;
use rebuttal_testbed::{Answer, Connection, Item, Operator, SignedCall, TestGateway, samples};
use serde_json::json;

const WORKERS: usize = 8;
const DISPUTES_PER_LANE: usize = 250;
/// The pause between two contests of a worker, so that the disputes suffice.
const BREATH: Duration = Duration::from_millis(8);

/// The outcomes of contests.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OutcomeCounts {
    pub(super) done: usize,
    pub(super) unavailable: usize,
    pub(super) unknown: usize,
}

/// A contest and its answer.
struct Contest {
    dispute_no: String,
    call: SignedCall,
    code: String,
}

pub(super) struct Load<'s> {
    fixture: &'s TestGateway,
    url: String,
    disputes: Vec<Vec<String>>,
    contests: Mutex<Vec<Contest>>,
}

impl<'s> Load<'s> {
    /// Opens the disputes before the outage.
    pub(super) fn prepare(fixture: &'s TestGateway) -> Self {
        let url = fixture.upload(&samples::receipt(1));
        let open = |operator: &Operator| {
            (0..DISPUTES_PER_LANE)
                .map(|_| number(&operator.open_dispute(fixture.merchant_id, &json!({}))))
                .collect()
        };
        let disputes = std::thread::scope(|scope| {
            let workers = [(); WORKERS].map(|()| scope.spawn(|| open(&fixture.operator.clone())));
            workers.map(|worker| worker.join().unwrap()).into()
        });
        Self { fixture, url, disputes, contests: Mutex::default() }
    }

    /// Contests until the outage is over.
    pub(super) fn while_running(&self, faults: impl FnOnce()) -> OutcomeCounts {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for disputes in &self.disputes {
                scope.spawn(|| self.worker(disputes, &over));
            }
            faults();
            over.store(true, Ordering::Relaxed);
        });
        let mut counts = OutcomeCounts::default();
        for contest in self.contests.lock().unwrap().iter() {
            match contest.code.as_str() {
                "OK" => counts.done += 1,
                "Common.System.Unavailable" => counts.unavailable += 1,
                "Common.System.OutcomeUnknown" => counts.unknown += 1,
                other => panic!("{}: {other}", contest.dispute_no),
            }
        }
        counts
    }

    fn worker(&self, disputes: &[String], over: &AtomicBool) {
        let mut connection = Connection::open(self.fixture.address()).unwrap();
        for dispute_no in disputes {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let call = self.fixture.contest_call(dispute_no, &[Item::receipt(&self.url)]);
            let response = connection.exchange(&call.bytes()).unwrap();
            // After a long database outage the gateway no longer knows the app, and cannot sign.
            let code = match response.header("Authorization") {
                Some(_) => call.verified(response).code,
                None => Answer::checked(response).code,
            };
            self.contests.lock().unwrap().push(Contest { dispute_no: dispute_no.clone(), call, code });
            pause(BREATH);
        }
    }

    /// Compares every response with what is stored.
    pub(super) fn check(&self) {
        for Contest { dispute_no, call, code } in self.contests.lock().unwrap().iter() {
            let is_there = self.fixture.history(dispute_no).len() == 2;
            match code.as_str() {
                "OK" => assert!(is_there, "{dispute_no}: an answered contest is lost"),
                "Common.System.Unavailable" => {
                    assert!(!is_there, "{dispute_no}: what was called unchanged is there");
                    // Its nonce is unused, too: the same bytes are accepted.
                    call.send(self.fixture.address()).is("OK");
                }
                _ if is_there => call.send(self.fixture.address()).is("Common.Auth.ReplayedNonce"),
                _ => call.send(self.fixture.address()).is("OK"),
            }
            assert_eq!(self.fixture.history(dispute_no).len(), 2, "{dispute_no}");
        }
    }
}
