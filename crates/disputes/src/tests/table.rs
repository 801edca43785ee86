//! Contract §6 as a full table: every state, reached by real commands, against every command.

use crate::{
    Actor, COMMIT_LIMIT, Change, Command, ContestItem, Decision, Dispute, DisputeRefusal, EvidenceFault,
    Fingerprint, FoundFile, Opening, decide, open, operator_actions,
};
use rebuttal_protocol::body::Object;
use rebuttal_protocol::dispute::{EvidenceType, ReceivedEvidence, Stage, Status};
use rebuttal_protocol::operator::{DisputeOutcome, OpenDispute, OperatorAction, OperatorActionKind};
use rebuttal_protocol::{Code, StorageUri, UnixMillis};

const OPENED_AT: UnixMillis = UnixMillis(1_750_000_000_000);
const HOUR: i64 = 3_600_000;
const DEADLINE: UnixMillis = UnixMillis(OPENED_AT.0 + HOUR);
const IN_TIME: UnixMillis = UnixMillis(DEADLINE.0 - 1);
const LATER: UnixMillis = UnixMillis(DEADLINE.0 + HOUR);

fn opening() -> Opening {
    let body = format!(
        r#"{{"merchantId":80,"paymentNo":"P1","merchantTradeNo":"T1","paymentAmount":"100.05","disputeAmount":"1",
        "currency":"USD","disputeReason":"Not received","type":"CHARGEBACK","deadline":"{}"}}"#,
        DEADLINE.to_rfc3339_utc()
    );
    let facts = OpenDispute::parse(&Object::parse(body.as_bytes()).unwrap()).unwrap();
    Opening { dispute_no: "D1".parse().unwrap(), facts }
}

fn contest(file: u8) -> Command {
    let url: StorageUri =
        format!("s3://uploaded/m/80/open/dispute-evidence/{file:032x}.png").parse().unwrap();
    let evidence = ReceivedEvidence {
        evidence_type: EvidenceType::Receipt,
        name: "receipt".parse().unwrap(),
        url: Some(url),
    };
    let found = FoundFile { sha256: Fingerprint([file; 32]), size: 7, media_type: "image/png".to_owned() };
    Command::contest(vec![ContestItem { evidence, file: Ok(found) }])
}

fn resolve(outcome: DisputeOutcome) -> Command {
    Command::Operator(OperatorAction::Resolve { outcome, note: None })
}

fn request_evidence(deadline: UnixMillis) -> Command {
    Command::Operator(OperatorAction::RequestEvidence { deadline, note: "more".parse().unwrap() })
}

fn extend(deadline: UnixMillis) -> Command {
    Command::Operator(OperatorAction::Extend { deadline })
}

fn advance(stage: Stage) -> Command {
    Command::Operator(OperatorAction::Advance { stage, deadline: LATER })
}

fn withdraw() -> Command {
    Command::Operator(OperatorAction::Withdraw { note: None })
}

/// The commands of each kind of action; at least one of them changes every state that allows the action.
fn acts() -> impl Iterator<Item = (OperatorActionKind, Command)> {
    OperatorActionKind::ALL.iter().flat_map(|kind| {
        let commands = match kind {
            OperatorActionKind::RequestEvidence => vec![request_evidence(LATER)],
            OperatorActionKind::Resolve => vec![resolve(DisputeOutcome::Won)],
            OperatorActionKind::Advance => Stage::ALL.iter().map(|stage| advance(*stage)).collect(),
            OperatorActionKind::Extend => vec![extend(UnixMillis(LATER.0 + HOUR))],
            OperatorActionKind::Withdraw => vec![withdraw()],
        };
        commands.into_iter().map(|command| (*kind, command))
    })
}

fn changed(decision: Result<Decision, DisputeRefusal>) -> Change {
    match decision.unwrap() {
        Decision::Change(change) => *change,
        Decision::Repetition => panic!("a repetition"),
    }
}

fn after(commands: &[(Command, UnixMillis)]) -> Dispute {
    let mut dispute = changed(open(None, &opening(), &Actor::Gateway, OPENED_AT)).dispute;
    for (command, arrival) in commands {
        dispute = changed(decide(&dispute, command, &Actor::Gateway, *arrival)).dispute;
    }
    dispute
}

/// The nine rows: the states of the contract, with `NEEDS_RESPONSE` once fresh and once after a request for evidence.
fn states() -> Vec<(&'static str, Dispute)> {
    let contested = (contest(1), IN_TIME);
    let expired = (Command::Expire, DEADLINE + COMMIT_LIMIT);
    vec![
        ("fresh", after(&[])),
        ("requested", after(&[contested.clone(), (request_evidence(DEADLINE), IN_TIME)])),
        ("UNDER_REVIEW", after(std::slice::from_ref(&contested))),
        ("ACCEPTED", after(&[(Command::Accept, IN_TIME)])),
        ("EXPIRED", after(&[expired])),
        ("WON", after(&[contested.clone(), (resolve(DisputeOutcome::Won), IN_TIME)])),
        ("LOST", after(&[contested, (resolve(DisputeOutcome::Lost), IN_TIME)])),
        ("WITHDRAWN", after(&[(withdraw(), IN_TIME)])),
    ]
}

/// What a command does in a state, in one word: the new status, `same` for a repetition, or the refusal's code.
fn verdict(dispute: &Dispute, command: &Command, arrival: UnixMillis) -> String {
    match decide(dispute, command, &Actor::Gateway, arrival) {
        Ok(Decision::Repetition) => "same".to_owned(),
        Ok(Decision::Change(change)) => change.dispute.status.to_string(),
        Err(refusal) => match refusal.code() {
            Code::InvalidState => "-".to_owned(),
            Code::DeadlinePassed => "late".to_owned(),
            Code::Unavailable => "over".to_owned(),
            code => code.to_string(),
        },
    }
}

#[test]
fn every_state_answers_every_command_as_the_table_says() {
    let commands = [
        (contest(1), IN_TIME),
        (contest(2), IN_TIME),
        (contest(2), DEADLINE),
        (Command::Accept, IN_TIME),
        (Command::Accept, DEADLINE),
        (request_evidence(LATER), IN_TIME),
        (resolve(DisputeOutcome::Won), IN_TIME),
        (resolve(DisputeOutcome::Lost), DEADLINE),
        (advance(Stage::Arbitration), IN_TIME),
        (extend(LATER), IN_TIME),
        (withdraw(), IN_TIME),
        (Command::Expire, UnixMillis(DEADLINE.0 + 4_999)),
        (Command::Expire, UnixMillis(DEADLINE.0 + 5_000)),
    ];
    #[rustfmt::skip]
    let table = [
        // contest: 1, 2, late   accept, late     request          WON    LOST    advance           extend
        // withdraw     early expire
        ("fresh",        "UNDER_REVIEW UNDER_REVIEW late ACCEPTED late - WON LOST NEEDS_RESPONSE NEEDS_RESPONSE WITHDRAWN - EXPIRED"),
        ("requested",    "- UNDER_REVIEW late ACCEPTED late - WON LOST NEEDS_RESPONSE NEEDS_RESPONSE WITHDRAWN - UNDER_REVIEW"),
        ("UNDER_REVIEW", "same - - - - NEEDS_RESPONSE WON LOST NEEDS_RESPONSE - WITHDRAWN - -"),
        ("ACCEPTED",     "- - - same same - - - NEEDS_RESPONSE - WITHDRAWN - -"),
        ("EXPIRED",      "over over late over late - WON LOST NEEDS_RESPONSE NEEDS_RESPONSE WITHDRAWN - -"),
        ("WON",          "same - - - - - same - NEEDS_RESPONSE - - - -"),
        ("LOST",         "same - - - - - - same NEEDS_RESPONSE - - - -"),
        ("WITHDRAWN",    "- - - - - - - - - - same - -"),
    ];
    for ((name, dispute), (row, expected)) in states().into_iter().zip(table) {
        assert_eq!(name, row);
        let verdicts: Vec<_> =
            commands.iter().map(|(command, arrival)| verdict(&dispute, command, *arrival)).collect();
        assert_eq!(verdicts.join(" "), expected, "in {name}");
    }
}

#[test]
fn allowed_actions_of_operators_match_the_table() {
    let last_stage = ("ARBITRATION", after(&[(advance(Stage::Arbitration), IN_TIME)]));
    for (name, dispute) in states().into_iter().chain([last_stage]) {
        let changes = |command: &Command| {
            matches!(decide(&dispute, command, &Actor::Gateway, IN_TIME), Ok(Decision::Change(_)))
        };
        let changing =
            |kind: &OperatorActionKind| acts().any(|(of, command)| of == *kind && changes(&command));
        let changing: Vec<_> = OperatorActionKind::ALL.iter().copied().filter(changing).collect();
        let allowed: Vec<_> = operator_actions(dispute.status, dispute.stage).collect();
        assert_eq!(allowed, changing, "in {name}");
    }
}

#[test]
fn a_repetition_is_decided_before_its_evidence_and_its_lateness() {
    let (_, under_review) = states().swap_remove(2);
    let contest = contest(1);
    let swept = contest.with_faults(|_| Some(EvidenceFault::NotUploaded));
    assert_ne!(*swept, contest);
    assert_eq!(verdict(&under_review, &swept, LATER), "same");
}

#[test]
fn submission_of_an_earlier_stage_is_not_a_repetition() {
    let advanced = after(&[(contest(1), IN_TIME), (advance(Stage::PreArbitration), IN_TIME)]);
    let again = changed(decide(&advanced, &contest(1), &Actor::Gateway, IN_TIME));
    assert_eq!(again.submission.unwrap().number, 2);
}

#[test]
fn an_operators_action_sent_twice_is_a_repetition() {
    let contested = (contest(1), IN_TIME);
    let to = |stage, deadline| Command::Operator(OperatorAction::Advance { stage, deadline });
    for (before, first, again) in [
        (vec![], extend(LATER), [(extend(LATER), "same"), (extend(DEADLINE), "Operator.Conflict")]),
        (
            vec![],
            to(Stage::Arbitration, LATER),
            [
                (to(Stage::Arbitration, LATER), "same"),
                (to(Stage::Arbitration, UnixMillis(LATER.0 + HOUR)), "-"),
            ],
        ),
        (
            vec![],
            to(Stage::PreArbitration, LATER),
            [(to(Stage::PreArbitration, LATER), "same"), (to(Stage::Arbitration, LATER), "NEEDS_RESPONSE")],
        ),
        (
            vec![contested],
            request_evidence(LATER),
            [(request_evidence(LATER), "same"), (request_evidence(UnixMillis(LATER.0 + HOUR)), "-")],
        ),
    ] {
        let mut commands = before;
        commands.push((first, IN_TIME));
        let dispute = after(&commands);
        assert_eq!((dispute.status, dispute.deadline), (Status::NeedsResponse, LATER));
        for (command, expected) in again {
            assert_eq!(verdict(&dispute, &command, IN_TIME), expected, "{command:?}");
        }
    }
    // In another status the same deadline is no repetition, but an action that the status does not allow.
    let under_review = after(&[(contest(1), IN_TIME)]);
    assert_eq!(verdict(&under_review, &extend(under_review.deadline), OPENED_AT), "-");
    let won = after(&[(advance(Stage::Arbitration), IN_TIME), (resolve(DisputeOutcome::Won), IN_TIME)]);
    assert_eq!(verdict(&won, &advance(Stage::Arbitration), IN_TIME), "-");
}

#[test]
fn stages_only_move_forward() {
    for stage in [Stage::Inquiry, Stage::Chargeback] {
        assert_eq!(verdict(&after(&[]), &advance(stage), IN_TIME), "-");
    }
}

/// A refusal of an action never lists it among the allowed ones.
#[test]
fn refusal_does_not_list_the_refused_action() {
    for (name, dispute) in states() {
        for (act, command) in acts() {
            let Err(refusal) = decide(&dispute, &command, &Actor::Gateway, IN_TIME) else { continue };
            let message = refusal.to_string();
            let allows =
                message.split_once("allows").is_some_and(|(_, allowed)| allowed.contains(act.as_str()));
            assert!(!allows, "{act} in {name}: {message}");
        }
    }
    let message = |dispute: &Dispute, command: &Command| {
        decide(dispute, command, &Actor::Gateway, IN_TIME).unwrap_err().to_string()
    };
    let won = after(&[(resolve(DisputeOutcome::Won), IN_TIME)]);
    assert_eq!(
        message(&won, &resolve(DisputeOutcome::Lost)),
        "the dispute is WON in CHARGEBACK and allows only: advance, the same outcome again"
    );
    assert_eq!(
        decide(&after(&[]), &advance(Stage::Inquiry), &Actor::Gateway, IN_TIME).unwrap_err().to_string(),
        "the dispute is NEEDS_RESPONSE in CHARGEBACK; advance leads to a later stage only: PRE_ARBITRATION, ARBITRATION"
    );
}

#[test]
fn new_deadline_is_in_the_future_and_not_earlier() {
    assert_eq!(verdict(&after(&[]), &extend(OPENED_AT), IN_TIME), "Common.Request.InvalidParameter");
    let shorter = extend(UnixMillis(DEADLINE.0 - 1));
    assert_eq!(verdict(&after(&[]), &shorter, OPENED_AT), "Operator.Conflict");
}

#[test]
fn the_same_opening_is_a_repetition_and_another_a_conflict() {
    let dispute = after(&[]);
    assert_eq!(open(Some(&dispute), &opening(), &Actor::Gateway, LATER), Ok(Decision::Repetition));
    let mut other = opening();
    other.facts.rrn = Some("1".parse().unwrap());
    assert_eq!(
        open(Some(&dispute), &other, &Actor::Gateway, OPENED_AT),
        Err(DisputeRefusal::OpenedDifferently)
    );
    assert!(open(None, &opening(), &Actor::Gateway, DEADLINE).is_err());
}

#[test]
fn every_faulty_item_is_named_by_its_index() {
    let url = Some(format!("s3://uploaded/m/80/open/dispute-evidence/{:032x}.png", 1).parse().unwrap());
    let item = |url, file| {
        let (evidence_type, name) = (EvidenceType::Other, "n".parse().unwrap());
        ContestItem { evidence: ReceivedEvidence { evidence_type, name, url }, file }
    };
    let found = FoundFile { sha256: Fingerprint::ZERO, size: 1, media_type: "image/png".to_owned() };
    let command = Command::contest(vec![
        item(None, Ok(found.clone())),
        item(url, Ok(found)),
        item(url, Err(EvidenceFault::NotUploaded)),
    ]);
    let refusal = decide(&after(&[]), &command, &Actor::Gateway, IN_TIME).unwrap_err();
    assert_eq!(refusal.code(), Code::EvidenceNotFound);
    assert_eq!(
        refusal.to_string(),
        "evidenceList[0].url is not a storageUri that generateUploadUrl returned to this merchant; evidenceList[2].url \
         has no file; upload it again with a new generateUploadUrl"
    );
}

#[test]
fn a_late_response_is_answered_with_both_times() {
    let refusal = decide(&after(&[]), &Command::Accept, &Actor::Gateway, LATER).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the deadline 2025-06-15T16:06:40.000+00:00 has passed; the response arrived at 2025-06-15T17:06:40.000+00:00, both in UTC"
    );
}

#[test]
fn any_alteration_breaks_the_history_chain() {
    let opened = changed(open(None, &opening(), &Actor::Gateway, OPENED_AT));
    let contested = changed(decide(&opened.dispute, &contest(1), &Actor::Gateway, IN_TIME));
    assert_eq!((opened.entry.sequence, contested.entry.sequence), (1, 2));
    assert_eq!(opened.entry.hash_after("D1", Fingerprint::ZERO), opened.entry.hash);
    assert_eq!(contested.entry.hash_after("D1", opened.entry.hash), contested.entry.hash);
    assert_eq!(contested.dispute.head, contested.entry.hash);

    let mut altered = contested.entry.clone();
    altered.detail = altered.detail.replace("UNDER_REVIEW", "WON");
    assert_ne!(altered.detail, contested.entry.detail);
    assert_ne!(altered.hash_after("D1", opened.entry.hash), contested.entry.hash);

    let detail = contested.entry.parse_detail().unwrap();
    assert_eq!(detail.status, Status::UnderReview);
    let mut submission = contested.submission.unwrap();
    let proven = detail.submission.unwrap().sha256;
    assert_eq!(proven, submission.digest().to_string());
    submission.evidence[0].file.size += 1;
    assert_ne!(proven, submission.digest().to_string());
}

#[test]
fn a_merchant_may_repeat_only_what_it_submitted() {
    let message =
        |dispute: &Dispute| decide(dispute, &contest(2), &Actor::Gateway, IN_TIME).unwrap_err().to_string();
    let won = (resolve(DisputeOutcome::Won), IN_TIME);
    let unanswered = after(std::slice::from_ref(&won));
    assert_eq!(
        message(&unanswered),
        "the dispute is WON in CHARGEBACK and allows nothing more from the merchant"
    );
    let answered = after(&[(contest(1), IN_TIME), won]);
    assert_eq!(
        message(&answered),
        "the dispute is WON in CHARGEBACK and allows only: the same contest again"
    );
}
