//! Races between two replicas for one dispute, one nonce, one number, one key: exactly one winner, one history.

use rebuttal_testbed::operator::{dispute, in_days};
use rebuttal_testbed::test_gateway::{ACCEPT, history_of};
use rebuttal_testbed::{Connection, Item, Operator, Request, Response, SignedCall, samples};
use serde_json::{Value, json};

use super::Replicas;
use crate::common::scaled;

const RACES: usize = 2_000;
/// Enough concurrent requests that the batches of both replicas name the same disputes in different orders.
const WORKERS: usize = 16;

#[derive(Clone, Copy, Debug)]
enum Race {
    TwoContests,
    ContestAndAccept,
    AcceptAndResolve,
    SameRequestTwice,
    TwoOpenings,
    SameKeyTwice,
}

impl Race {
    const ALL: [Self; 6] = [
        Self::TwoContests,
        Self::ContestAndAccept,
        Self::AcceptAndResolve,
        Self::SameRequestTwice,
        Self::TwoOpenings,
        Self::SameKeyTwice,
    ];

    /// The response to the second one.
    fn loser(self) -> &'static str {
        match self {
            Self::TwoContests | Self::ContestAndAccept | Self::AcceptAndResolve => "Dispute.InvalidState",
            Self::SameRequestTwice => "Common.Auth.ReplayedNonce",
            Self::TwoOpenings => "Operator.Conflict",
            Self::SameKeyTwice => "OK",
        }
    }
}

/// The request of one side.
enum RaceRequest {
    Merchant(SignedCall),
    Operator(Request),
}

impl RaceRequest {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Merchant(call) => call.bytes(),
            Self::Operator(request) => request.bytes(),
        }
    }

    fn code(&self, response: Response) -> String {
        match self {
            Self::Merchant(call) => call.verified(response).code,
            Self::Operator(_) if response.status < 300 => "OK".to_owned(),
            Self::Operator(_) => response.problem(),
        }
    }
}

/// The connections of one worker: a racer at each replica, and the operator.
struct RaceWorker<'a> {
    replicas: &'a Replicas,
    urls: &'a [String; 2],
    runners: [Connection; 2],
    operators: [Operator; 2],
}

impl RaceWorker<'_> {
    fn runners(&self, race: Race, no: &str) -> [RaceRequest; 2] {
        let fixture = &self.replicas.fixture;
        let contest = |url: &str| RaceRequest::Merchant(fixture.contest_call(no, &[Item::receipt(url)]));
        let accept = || RaceRequest::Merchant(fixture.call(ACCEPT, &json!({ "disputeNo": no })));
        let operator = |path: &str, body: &Value, key: &str| {
            let request = self.operators[0].request("POST", path, Some(body));
            RaceRequest::Operator(request.header("Idempotency-Key", key))
        };
        match race {
            Race::TwoContests => [contest(&self.urls[0]), contest(&self.urls[1])],
            Race::ContestAndAccept => [contest(&self.urls[0]), accept()],
            Race::AcceptAndResolve => {
                let body = json!({ "outcome": "WON" });
                [accept(), operator(&format!("/disputes/{no}/resolve"), &body, no)]
            }
            Race::SameRequestTwice => {
                let call = fixture.contest_call(no, &[Item::receipt(&self.urls[0])]);
                [RaceRequest::Merchant(call.clone()), RaceRequest::Merchant(call)]
            }
            Race::TwoOpenings => ["One", "Other"].map(|reason| {
                let but = json!({ "disputeNo": format!("{no}-new"), "disputeReason": reason });
                operator("/disputes", &dispute(fixture.merchant_id, &but), &format!("{no}-{reason}"))
            }),
            Race::SameKeyTwice => {
                let body = json!({ "deadline": in_days(9) });
                [(); 2].map(|()| operator(&format!("/disputes/{no}/extend"), &body, no))
            }
        }
    }

    fn run(&mut self, index: usize) {
        let race = Race::ALL[index % Race::ALL.len()];
        let no = format!("R-{index}");
        let opening = dispute(self.replicas.fixture.merchant_id, &json!({ "disputeNo": no }));
        let operator = &self.operators[index % 2];
        let opened = operator.send(&operator.request("POST", "/disputes", Some(&opening)));
        assert_eq!(opened.status, 201, "{}", opened.text());
        let runners = self.runners(race, &no);
        // Which request is written first, and to which replica, alternates between races.
        let order = if index.is_multiple_of(2) { [0, 1] } else { [1, 0] };
        let at = if index % 4 < 2 { [0, 1] } else { [1, 0] };
        for one in order {
            self.runners[at[one]].send(&runners[one].bytes()).unwrap();
        }
        let codes = [0, 1].map(|one| runners[one].code(self.runners[at[one]].receive().unwrap()));
        let winner = codes.iter().position(|code| code == "OK");
        let winner = winner.unwrap_or_else(|| panic!("{race:?} {no}: no winner: {codes:?}"));
        assert_eq!(codes[1 - winner], race.loser(), "{race:?} {no}: {codes:?}");
        self.one_history(race, &no, winner);
    }

    fn one_history(&self, race: Race, no: &str, winner: usize) {
        let no = if matches!(race, Race::TwoOpenings) { format!("{no}-new") } else { no.to_owned() };
        let shown = self.operators[winner].show(&no);
        let entries = if matches!(race, Race::TwoOpenings) { 1 } else { 2 };
        assert_eq!(history_of(&shown).len(), entries, "{race:?}: {shown}");
        let status = match (race, winner) {
            (Race::TwoOpenings | Race::SameKeyTwice, _) => "NEEDS_RESPONSE",
            (Race::ContestAndAccept, 1) | (Race::AcceptAndResolve, 0) => "ACCEPTED",
            (Race::AcceptAndResolve, _) => "WON",
            _ => "UNDER_REVIEW",
        };
        assert_eq!(shown["status"], status, "{race:?}: {shown}");
        if let Race::TwoOpenings = race {
            assert_eq!(shown["disputeReason"], ["One", "Other"][winner]);
        }
        let submissions = shown["submissions"].as_array().unwrap();
        let wanted = (status == "UNDER_REVIEW").then(|| match race {
            Race::TwoContests => &self.urls[winner],
            _ => &self.urls[0],
        });
        let urls: Vec<_> =
            submissions.iter().filter_map(|each| each["evidence"][0]["url"].as_str()).collect();
        assert_eq!(urls, wanted.into_iter().collect::<Vec<_>>(), "{race:?}: {shown}");
    }
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
fn two_replicas_agree_on_one_winner() {
    let replicas = Replicas::start();
    let urls = [1, 2].map(|seed| replicas.fixture.upload(&samples::receipt(seed)));
    let races = scaled(RACES);
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (replicas, urls) = (&replicas, &urls);
            scope.spawn(move || {
                let runners = replicas.addresses().map(|address| Connection::open(address).unwrap());
                let operators = replicas.operators();
                let mut lane_of = RaceWorker { replicas, urls, runners, operators };
                for index in (worker..races).step_by(WORKERS) {
                    lane_of.run(index);
                }
            });
        }
    });
    let unequal = replicas.database.query(
        "SELECT count(*) FROM disputes \
         WHERE sequence <> (SELECT count(*) FROM history WHERE history.dispute_id = disputes.dispute_id)",
    );
    assert_eq!(unequal, "0", "a history is not whole");
}
