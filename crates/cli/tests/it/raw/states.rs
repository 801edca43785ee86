//! Contract §6: the state table, cell by cell through both APIs, with the history entry of each cell.

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::operator::{in_days, in_ms};
use rebuttal_testbed::{Item, TestGateway, samples};
use serde_json::{Value, json};

use crate::common::{each, test_gateway};

const STATES: [&str; 7] =
    ["NEEDS_RESPONSE", "UNDER_REVIEW", "ACCEPTED", "EXPIRED", "WON", "LOST", "WITHDRAWN"];
const COMMANDS: [&str; 9] =
    ["contest", "repeat", "accept", "requestEvidence", "WON", "LOST", "advance", "extend", "withdraw"];

/// What a command leads to from a state: a new state, `same` for a repetition, `-` for a refusal, `late`.
fn cell(state: &str, command: &str) -> &'static str {
    let row = match state {
        "NEEDS_RESPONSE" => "UNDER_REVIEW . ACCEPTED - WON LOST NEEDS_RESPONSE NEEDS_RESPONSE WITHDRAWN",
        "UNDER_REVIEW" => "- same - NEEDS_RESPONSE WON LOST NEEDS_RESPONSE - WITHDRAWN",
        "ACCEPTED" => "- . same - - - NEEDS_RESPONSE - WITHDRAWN",
        "EXPIRED" => "late . - - WON LOST NEEDS_RESPONSE NEEDS_RESPONSE WITHDRAWN",
        "WON" => "- same - - same - NEEDS_RESPONSE - -",
        "LOST" => "- same - - - same NEEDS_RESPONSE - -",
        "WITHDRAWN" => "- . - - - - - - same",
        _ => panic!("{state}"),
    };
    let column = COMMANDS.iter().position(|known| *known == command).unwrap();
    row.split(' ').nth(column).unwrap()
}

struct Setup {
    fixture: TestGateway,
    urls: [String; 2],
}

impl Setup {
    fn start() -> Self {
        let fixture = test_gateway();
        let urls = [1, 2].map(|seed| fixture.upload(&samples::receipt(seed)));
        Self { fixture, urls }
    }

    fn first(&self) -> [Item<'_>; 1] {
        [Item::receipt(&self.urls[0])]
    }

    /// A fresh dispute brought into this state; in review, won or lost it was contested with the first file.
    fn brought_to(&self, state: &str) -> String {
        let fixture = &self.fixture;
        let dispute = fixture.dispute();
        match state {
            "UNDER_REVIEW" | "WON" | "LOST" => fixture.contest(&dispute, &self.first()).is("OK"),
            "ACCEPTED" => fixture.accept(&dispute).is("OK"),
            "WITHDRAWN" => drop(fixture.operator.does(&dispute, "withdraw", &json!({ "note": "paid back" }))),
            _ => {}
        }
        if state == "WON" || state == "LOST" {
            fixture.operator.does(
                &dispute,
                "resolve",
                &json!({ "outcome": state, "note": "the bank has said so" }),
            );
        }
        dispute
    }

    /// Lets nine disputes expire at the same time, because that takes some seconds.
    fn expired(&self) -> Vec<String> {
        let (deadline, _) = in_ms(1_000);
        let disputes: Vec<_> =
            COMMANDS.iter().map(|_| self.fixture.dispute_with(&json!({ "deadline": deadline }))).collect();
        for dispute in &disputes {
            wait_for("the sweeper", || (self.fixture.status(dispute) == "EXPIRED").then_some(()));
        }
        disputes
    }

    /// Sends the command and returns its outcome: `OK`, or the code of its rejection with the explanation.
    fn give(&self, dispute: &str, command: &str) -> (String, String) {
        let (action, body) = match command {
            "contest" | "repeat" | "accept" => {
                let answer = match command {
                    "contest" => self.fixture.contest(dispute, &[Item::receipt(&self.urls[1])]),
                    "repeat" => self.fixture.contest(dispute, &self.first()),
                    _ => self.fixture.accept(dispute),
                };
                return (answer.code, answer.message);
            }
            "requestEvidence" => {
                (command, json!({ "deadline": in_days(5), "note": "the receipt is unreadable" }))
            }
            "WON" | "LOST" => ("resolve", json!({ "outcome": command })),
            "advance" => (command, json!({ "type": "ARBITRATION", "deadline": in_days(5) })),
            "extend" => (command, json!({ "deadline": in_days(9) })),
            _ => (command, json!({})),
        };
        let response = self.fixture.operator.act(dispute, action, &body);
        if response.status == 200 {
            return ("OK".to_owned(), String::new());
        }
        let code = response.problem();
        assert_eq!(response.status, 409, "{code}: {}", response.text());
        (code, response.text())
    }
}

#[test]
fn every_state_accepts_its_actions_only() {
    let setup = Setup::start();
    let mut expired = setup.expired();
    let mut cases = Vec::new();
    for state in STATES {
        for command in COMMANDS.into_iter().filter(|command| cell(state, command) != ".") {
            let dispute = if state == "EXPIRED" { expired.pop().unwrap() } else { setup.brought_to(state) };
            cases.push((format!("{state}: {command}"), (state, command, dispute)));
        }
    }
    each(cases, |(state, command, dispute)| {
        let before = setup.fixture.show(&dispute);
        assert_eq!(before["status"], state);
        let (code, words) = setup.give(&dispute, command);
        let after = setup.fixture.show(&dispute);
        let steps = setup.fixture.history(&dispute).len() - before["history"].as_array().unwrap().len();
        match cell(state, command) {
            "same" => assert_eq!((code.as_str(), after), ("OK", before), "a repetition changes nothing"),
            "-" => {
                // A late accept may also be answered as late: the contract has both (§5, §6).
                let late = state == "EXPIRED" && command == "accept" && code == "Dispute.DeadlinePassed";
                assert!(code == "Dispute.InvalidState" || late, "{code}");
                assert!(late || words.contains(state), "names the state: {words}");
                assert_eq!(after, before, "a refusal changes nothing");
            }
            "late" => assert_eq!((code.as_str(), after), ("Dispute.DeadlinePassed", before)),
            wanted => {
                assert_eq!((code.as_str(), &after["status"], steps), ("OK", &json!(wanted), 1));
                assert_actions(&after, wanted);
            }
        }
    });
}

/// `allowedActions` lists what the table allows operators.
fn assert_actions(shown: &Value, state: &str) {
    let actions = shown["allowedActions"].as_array().unwrap_or_else(|| panic!("no allowedActions: {shown}"));
    let says = |action: &str| actions.iter().any(|said| said == action);
    for action in ["requestEvidence", "extend", "withdraw"] {
        let allowed = cell(state, action) != "-" && cell(state, action) != "same";
        assert_eq!(says(action), allowed, "{action} in {state}: {actions:?}");
    }
}
