//! Ten thousand races for one dispute each, many in parallel: exactly one winner, one history.

use rebuttal_testbed::operator::dispute;
use rebuttal_testbed::test_gateway::{ACCEPT, history_of};
use rebuttal_testbed::{Connection, Item, SignedCall, TestGateway, samples};
use serde_json::{Value, json};

use crate::common::{scaled, test_gateway};

const RACES: usize = 10_000;
/// Enough concurrent requests that the committer's batches contain both requests of many races.
const WORKERS: usize = 32;

#[derive(Clone, Copy, Debug)]
enum Race {
    TwoContests,
    ContestAndAccept,
    SameRequestTwice,
}

impl Race {
    fn of(index: usize) -> Self {
        [Self::TwoContests, Self::ContestAndAccept, Self::SameRequestTwice][index % 3]
    }

    fn loser(self) -> &'static str {
        match self {
            Self::TwoContests | Self::ContestAndAccept => "Dispute.InvalidState",
            Self::SameRequestTwice => "Common.Auth.ReplayedNonce",
        }
    }
}

/// The connections of one worker: two racers and the operator.
struct RaceWorker<'a> {
    fixture: &'a TestGateway,
    urls: &'a [String; 2],
    runners: [Connection; 2],
    operator: rebuttal_testbed::Operator,
}

impl RaceWorker<'_> {
    fn calls(&self, race: Race, dispute_no: &str) -> [SignedCall; 2] {
        let contest = |url: &str| self.fixture.contest_call(dispute_no, &[Item::receipt(url)]);
        let first = contest(&self.urls[0]);
        let second = match race {
            Race::TwoContests => contest(&self.urls[1]),
            Race::ContestAndAccept => self.fixture.call(ACCEPT, &json!({ "disputeNo": dispute_no })),
            Race::SameRequestTwice => first.clone(),
        };
        [first, second]
    }

    fn run(&mut self, index: usize) {
        let race = Race::of(index);
        let dispute_no = format!("R-{index}");
        let opening = dispute(self.fixture.merchant_id, &json!({ "disputeNo": dispute_no }));
        let opened = self.operator.send(&self.operator.request("POST", "/disputes", Some(&opening)));
        assert_eq!(opened.status, 201, "{}", opened.text());
        let calls = self.calls(race, &dispute_no);
        // Which request is written first alternates between races.
        let order = if index.is_multiple_of(2) { [0, 1] } else { [1, 0] };
        for at in order {
            self.runners[at].send(&calls[at].bytes()).unwrap();
        }
        let codes = [0, 1].map(|at| calls[at].verified(self.runners[at].receive().unwrap()).code);
        let winner = codes.iter().position(|code| code == "OK");
        let winner = winner.unwrap_or_else(|| panic!("{race:?} {dispute_no}: no winner: {codes:?}"));
        assert_eq!(codes[1 - winner], race.loser(), "{race:?} {dispute_no}: {codes:?}");
        self.one_history(race, &dispute_no, winner);
    }

    fn one_history(&self, race: Race, dispute_no: &str, winner: usize) {
        let shown = self.operator.show(dispute_no);
        assert_eq!(history_of(&shown).len(), 2, "{race:?}: {shown}");
        let submissions = shown["submissions"].as_array().unwrap();
        let urls: Vec<&Value> =
            submissions.iter().map(|submission| &submission["evidence"][0]["url"]).collect();
        let (status, wanted) = match (race, winner) {
            (Race::ContestAndAccept, 1) => ("ACCEPTED", None),
            (Race::TwoContests, 1) => ("UNDER_REVIEW", Some(&self.urls[1])),
            _ => ("UNDER_REVIEW", Some(&self.urls[0])),
        };
        assert_eq!(shown["status"], status);
        assert_eq!(urls, wanted.into_iter().collect::<Vec<_>>(), "{race:?}: {shown}");
    }
}

#[test]
fn every_race_has_one_winner_and_one_history() {
    let fixture = test_gateway();
    let urls = [1, 2].map(|seed| fixture.upload(&samples::receipt(seed)));
    let races = scaled(RACES);
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (fixture, urls) = (&fixture, &urls);
            scope.spawn(move || {
                let runners = [(); 2].map(|()| Connection::open(fixture.address()).unwrap());
                let mut runner = RaceWorker { fixture, urls, runners, operator: fixture.operator.clone() };
                for index in (worker..races).step_by(WORKERS) {
                    runner.run(index);
                }
            });
        }
    });
    let page = fixture.operator.fetch("/disputes?limit=1&status=NEEDS_RESPONSE").json();
    assert_eq!(page["total"], 0, "every race had its winner");
}
