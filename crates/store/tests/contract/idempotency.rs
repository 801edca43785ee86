//! Idempotency: a merchant's nonce, an operator's idempotency key, a dispute's number.

use rebuttal_disputes::Command;
use rebuttal_protocol::dispute::{Event, Stage};
use rebuttal_protocol::operator::{self, OperatorAction};
use rebuttal_protocol::{DisputeNo, UnixMillis};
use rebuttal_store::{Idempotency, Operation, Outcome, Store};

use crate::common::{
    DEADLINE, Fixture, code, commit, contest, detail, is_replay, item, key, merchant, open, opening,
    operation, operator, upload, url,
};

pub(crate) async fn a_nonce_is_used_once(fixture: &Fixture) {
    let store = fixture.store().await;
    let nonce = fixture.nonce();
    commit(&store, Idempotency::Nonce(nonce.clone()), Operation::UseNonce).await.unwrap();
    assert!(is_replay(&commit(&store, Idempotency::Nonce(nonce.clone()), Operation::UseNonce).await));
    let mut other_app = nonce.clone();
    other_app.app_id = rebuttal_protocol::AppId::from_bytes([8; 16]);
    let mut other_time = nonce;
    other_time.timestamp.0 += 1;
    for other in [other_app, other_time] {
        commit(&store, Idempotency::Nonce(other), Operation::UseNonce).await.unwrap();
    }
}

pub(crate) async fn a_nonce_is_used_once_within_a_batch(fixture: &Fixture) {
    let store = fixture.store().await;
    for _ in 0..20 {
        let nonce = fixture.nonce();
        let uses = (0..16).map(|_| {
            let (store, nonce) = (store.clone(), nonce.clone());
            tokio::spawn(async move {
                commit(&store, Idempotency::Nonce(nonce), Operation::UseNonce).await.is_ok()
            })
        });
        let mut taken = 0;
        for each in uses.collect::<Vec<_>>() {
            taken += usize::from(each.await.unwrap());
        }
        assert_eq!(taken, 1);
    }
}

pub(crate) async fn a_repeated_key_returns_the_first_answer(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let open = |no: &str| Operation::Open { opening: opening(merchant_id, no, DEADLINE), actor: operator() };
    let first = commit(&store, key("k", 1), open("D1")).await;
    assert!(matches!(&first, Ok(Outcome::Opened(_))), "{first:?}");
    let no: DisputeNo = "D1".parse().unwrap();
    let repeated = Ok(Outcome::Dispute { dispute_no: no.clone(), sequence: 1, opened: true });
    commit(
        &store,
        Idempotency::None,
        operation(&no, Command::Operator(OperatorAction::Withdraw { note: None })),
    )
    .await
    .unwrap();
    assert_eq!(commit(&store, key("k", 1), open("D1")).await, repeated, "not the first answer");
    assert_eq!(commit(&store, key("k", 1), open("D2")).await, repeated, "the key alone decides");
    assert!(store.dispute(&"D2".parse().unwrap()).await.unwrap().is_none());
    assert_eq!(code(commit(&store, key("k", 2), open("D3")).await), "Operator.Conflict");
    assert!(store.dispute(&"D3".parse().unwrap()).await.unwrap().is_none());
}

pub(crate) async fn a_repeated_key_returns_the_first_rejection(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let no = open(&store, merchant_id, "D1").await;
    let action = |action: OperatorAction| operation(&no, Command::Operator(action));
    let resolve = action(OperatorAction::Resolve { outcome: operator::DisputeOutcome::Won, note: None });
    commit(&store, Idempotency::None, resolve).await.unwrap();
    let extend = action(OperatorAction::Extend { deadline: UnixMillis(DEADLINE.0 + 1) });
    let first = commit(&store, key("k", 1), extend).await.unwrap_err();
    assert_eq!(first.code().as_str(), "Dispute.InvalidState");

    // The key alone decides, even where the operation would be allowed.
    let other = open(&store, merchant_id, "D2").await;
    let allowed = operation(&other, Command::Operator(OperatorAction::Withdraw { note: None }));
    let again = commit(&store, key("k", 1), allowed).await.unwrap_err();
    assert_eq!((again.code(), again.to_string()), (first.code(), first.to_string()));
}

pub(crate) async fn a_key_of_an_invalid_request_can_be_used_again(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let no = open(&store, merchant_id, "D1").await;
    let extend = |deadline| operation(&no, Command::Operator(OperatorAction::Extend { deadline }));
    let past = commit(&store, key("k", 1), extend(UnixMillis(1))).await;
    assert_eq!(code(past), "Common.Request.InvalidParameter");
    commit(&store, key("k", 2), extend(UnixMillis(DEADLINE.0 + 1))).await.unwrap();
}

pub(crate) async fn the_same_opening_is_a_repetition(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let no = open(&store, merchant_id, "D1").await;
    commit(
        &store,
        Idempotency::None,
        operation(
            &no,
            Command::Operator(OperatorAction::Resolve { outcome: operator::DisputeOutcome::Won, note: None }),
        ),
    )
    .await
    .unwrap();
    let again = Operation::Open { opening: opening(merchant_id, "D1", DEADLINE), actor: operator() };
    let answer = commit(&store, Idempotency::None, again).await;
    assert_eq!(answer, Ok(Outcome::Dispute { dispute_no: no.clone(), sequence: 2, opened: false }));
    let mut other = opening(merchant_id, "D1", DEADLINE);
    other.facts.dispute_reason = "Another".parse().unwrap();
    let other = Operation::Open { opening: other, actor: operator() };
    assert_eq!(code(commit(&store, Idempotency::None, other).await), "Operator.Conflict");
    assert_eq!(detail(&store, &no).await.history.len(), 2);
}

pub(crate) async fn a_repeated_extend_or_advance_changes_nothing(fixture: &Fixture) {
    let store = fixture.store().await;
    let no = extended_and_advanced(fixture, &store).await;
    let history = detail(&store, &no).await.history;
    let events: Vec<_> = history.iter().map(|entry| entry.event).collect();
    assert_eq!(events, [Event::Opened, Event::Extended, Event::Contested, Event::Advanced]);
}

/// Extends, contests and advances a dispute; each operator action is sent twice without a key.
pub(crate) async fn extended_and_advanced(fixture: &Fixture, store: &Store) -> DisputeNo {
    let merchant_id = merchant(store).await;
    let no = open(store, merchant_id, "D1").await;
    upload(store, url(merchant_id, 1), 1).await.unwrap();
    let act_twice = async |action: OperatorAction, sequence| {
        for _ in 0..2 {
            let operation = operation(&no, Command::Operator(action.clone()));
            let answer = commit(store, Idempotency::None, operation).await;
            assert_eq!(answer, Ok(Outcome::Dispute { dispute_no: no.clone(), sequence, opened: false }));
        }
    };
    act_twice(OperatorAction::Extend { deadline: UnixMillis(DEADLINE.0 + 1) }, 2).await;
    let contest = contest(merchant_id, &no, vec![item(Some(url(merchant_id, 1)))]);
    commit(store, Idempotency::Nonce(fixture.nonce()), contest).await.unwrap();
    let deadline = UnixMillis(DEADLINE.0 + 2);
    act_twice(OperatorAction::Advance { stage: Stage::PreArbitration, deadline }, 4).await;
    no
}
