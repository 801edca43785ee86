//! The integrity check detects any alteration of a stored dispute, its history or its submissions.

use crate::{
    Actor, ChainedEntry, Command, ContestItem, Decision, Dispute, Fingerprint, FoundFile, IntegrityError,
    Opening, Submission, check_integrity, decide, open,
};
use rebuttal_protocol::body::Object;
use rebuttal_protocol::dispute::{EvidenceType, ReceivedEvidence, Stage, Status};
use rebuttal_protocol::operator::{DisputeOutcome, OpenDispute, OperatorAction};
use rebuttal_protocol::{AppId, UnixMillis};

const OPENED_AT: UnixMillis = UnixMillis(1_750_000_000_000);
const DAY: i64 = 86_400_000;

const fn day(number: i64) -> UnixMillis {
    UnixMillis(OPENED_AT.0 + number * DAY)
}

/// All that is stored of a dispute.
#[derive(Clone)]
struct Stored {
    dispute: Dispute,
    facts: OpenDispute,
    opened_at: UnixMillis,
    history: Vec<ChainedEntry>,
    submissions: Vec<Submission>,
}

impl Stored {
    fn opened() -> Self {
        let body = format!(
            r#"{{"merchantId":80,"paymentNo":"P1","merchantTradeNo":"T1","paymentAmount":"100.05","disputeAmount":"99",
            "currency":"USD","disputeReason":"Not received","type":"CHARGEBACK","deadline":"{}"}}"#,
            day(2).to_rfc3339_utc()
        );
        let facts = OpenDispute::parse(&Object::parse(body.as_bytes()).unwrap()).unwrap();
        let opening = Opening { dispute_no: "D1".parse().unwrap(), facts: facts.clone() };
        let actor = Actor::Operator("night".to_owned());
        let Ok(Decision::Change(change)) = open(None, &opening, &actor, OPENED_AT) else {
            panic!("not opened")
        };
        let history = vec![change.entry];
        Self { dispute: change.dispute, facts, opened_at: OPENED_AT, history, submissions: Vec::new() }
    }

    fn apply(&mut self, command: &Command, actor: &Actor, at: UnixMillis) {
        let Ok(Decision::Change(change)) = decide(&self.dispute, command, actor, at) else {
            panic!("{command:?} changed nothing")
        };
        // As in the database, the row that holds the facts has the current stage and deadline.
        (self.facts.stage, self.facts.deadline) = (change.dispute.stage, change.dispute.deadline);
        self.dispute = change.dispute;
        self.history.push(change.entry);
        self.submissions.extend(change.submission);
    }

    /// Recomputes the hashes, as an attacker with write access to the database could.
    fn rehash(&mut self) {
        let mut before = Fingerprint::ZERO;
        for entry in &mut self.history {
            entry.hash = entry.hash_after("D1", before);
            before = entry.hash;
        }
        self.dispute.head = before;
    }

    fn check(&self) -> Result<(), IntegrityError> {
        check_integrity(&self.dispute, &self.facts, self.opened_at, &self.history, &self.submissions)
    }
}

fn contest(files: std::ops::Range<u8>) -> Command {
    let items = files.map(|file| {
        let url = format!("s3://uploaded/m/80/open/dispute-evidence/{file:032x}.png").parse().unwrap();
        let (evidence_type, name) = (EvidenceType::Receipt, "receipt".parse().unwrap());
        let found =
            FoundFile { sha256: Fingerprint([file; 32]), size: 7, media_type: "image/png".to_owned() };
        let evidence = ReceivedEvidence { evidence_type, name, url: Some(url) };
        ContestItem { evidence, file: Ok(found) }
    });
    Command::contest(items.collect())
}

/// A dispute with an extension, two submissions, a later stage and an outcome; intact after every command.
fn stored() -> Stored {
    let (app, operator) = (Actor::App(AppId::from_bytes([7; 16])), Actor::Operator("day".to_owned()));
    let note = "more".parse().unwrap();
    let mut stored = Stored::opened();
    for (at, actor, command) in [
        (1, &operator, OperatorAction::Extend { deadline: day(9) }.into()),
        (2, &app, contest(1..2)),
        (3, &operator, OperatorAction::RequestEvidence { deadline: day(9), note }.into()),
        (4, &app, contest(1..3)),
        (5, &operator, OperatorAction::Advance { stage: Stage::Arbitration, deadline: day(20) }.into()),
        (6, &operator, OperatorAction::Resolve { outcome: DisputeOutcome::Won, note: None }.into()),
    ] {
        assert_eq!(stored.check(), Ok(()), "before day {at}");
        stored.apply(&command, actor, day(at));
    }
    stored
}

#[test]
fn an_unaltered_dispute_passes() {
    let stored = stored();
    assert_eq!(stored.check(), Ok(()));
    assert_eq!((stored.dispute.status, stored.dispute.sequence), (Status::Won, 7));
    let actors: Vec<_> = stored.history.iter().map(|entry| entry.actor.as_str()).collect();
    let app = format!("app:{}", "07".repeat(16));
    let [opened, acts @ ..] = actors.as_slice() else { panic!("no history") };
    assert_eq!(*opened, "operator:night");
    assert_eq!(acts, ["operator:day", &app, "operator:day", &app, "operator:day", "operator:day"]);
}

#[test]
fn every_alteration_is_found() {
    use IntegrityError::{Entry, Facts, State, Submission};
    type Alter = fn(&mut Stored);
    #[rustfmt::skip]
    let cases: [(&str, Alter, IntegrityError); 30] = [
        ("actor of an entry", |stored| stored.history[1].actor = "operator:x".to_owned(), Entry(2)),
        ("time of an entry", |stored| stored.history[2].at = day(3), Entry(3)),
        ("hash of an entry", |stored| stored.history[3].hash = Fingerprint::ZERO, Entry(4)),
        ("deadline of an extension", |stored| stored.history[1].detail = stored.history[0].detail.clone(), Entry(2)),
        ("stage of an advance", |stored| stored.history[5].detail = stored.history[4].detail.clone(), Entry(6)),
        ("first entry missing", |stored| drop(stored.history.remove(0)), Entry(1)),
        ("entry missing", |stored| drop(stored.history.remove(4)), Entry(5)),
        ("entry missing, hashes anew", |stored| { stored.history.remove(1); stored.rehash() }, Entry(2)),
        ("entries exchanged", |stored| stored.history.swap(1, 2), Entry(2)),
        ("all entries missing", |stored| stored.history.clear(), Submission(1)),
        ("no detail, hashes anew", |stored| { stored.history[3].detail.clear(); stored.rehash() }, Entry(4)),
        ("time of the opening", |stored| stored.opened_at = day(1), Entry(1)),
        ("last entry missing", |stored| drop(stored.history.pop()), State),
        ("size of a file", |stored| stored.submissions[0].evidence[0].file.size += 1, Submission(1)),
        ("hash of a file", |stored| stored.submissions[1].evidence[1].file.sha256 = Fingerprint::ZERO, Submission(2)),
        ("order of evidence", |stored| stored.submissions[1].evidence.reverse(), Submission(2)),
        ("time of a submission", |stored| stored.submissions[1].submitted_at = day(3), Submission(2)),
        ("submission missing", |stored| drop(stored.submissions.pop()), Submission(2)),
        ("submission added", |stored| stored.submissions.push(stored.submissions[1].clone()), Submission(2)),
        ("status", |stored| stored.dispute.status = Status::Lost, State),
        ("stage", |stored| stored.dispute.stage = Stage::PreArbitration, State),
        ("deadline", |stored| stored.dispute.deadline = day(21), State),
        ("sequence", |stored| stored.dispute.sequence += 1, State),
        ("head", |stored| stored.dispute.head = Fingerprint::ZERO, State),
        ("last submission", |stored| stored.dispute.submission = None, State),
        ("amount", |stored| stored.facts.dispute_amount = stored.facts.payment_amount, Facts),
        ("merchant", |stored| stored.facts.merchant_id = "81".parse().unwrap(), Facts),
        ("payment", |stored| stored.facts.payment_no = "P2".parse().unwrap(), Facts),
        ("fingerprint of the facts", |stored| stored.dispute.opening = Fingerprint::ZERO, Facts),
        ("amount, fingerprint anew", |stored| {
            stored.facts.dispute_amount = stored.facts.payment_amount;
            let (stage, deadline) = (Stage::Chargeback, day(2));
            let facts = OpenDispute { stage, deadline, ..stored.facts.clone() };
            stored.dispute.opening = Opening { dispute_no: "D1".parse().unwrap(), facts }.fingerprint();
        }, Facts),
    ];
    for (name, alter, expected) in cases {
        let mut altered = stored();
        alter(&mut altered);
        assert_eq!(altered.check(), Err(expected), "{name}");
    }
    let mut empty = Stored::opened();
    empty.history.clear();
    assert_eq!(empty.check(), Err(Entry(1)));
}

/// The first entry of a dispute that an early build opened has no fingerprint of the facts.
#[test]
fn a_history_without_chained_facts_is_checked_by_the_row() {
    let mut stored = stored();
    let detail = &stored.history[0].detail;
    let opening = format!(r#","opening":"{}""#, stored.dispute.opening);
    assert!(detail.contains(&opening), "{detail}");
    stored.history[0].detail = detail.replace(&opening, "");
    stored.rehash();
    assert_eq!(stored.check(), Ok(()));
    stored.facts.dispute_amount = stored.facts.payment_amount;
    assert_eq!(stored.check(), Err(IntegrityError::Facts));
}
