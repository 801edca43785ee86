//! The queue of disputes by status, where many disputes change together in any order.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use rebuttal_disputes::Command;
use rebuttal_protocol::UnixMillis;
use rebuttal_protocol::dispute::{Stage, Status};
use rebuttal_protocol::operator::OperatorAction;
use rebuttal_store::{
    DisputeFilter, Idempotency, Maintenance, Outcome, SingleOperation, Store, verify_histories,
};

use crate::common::{Fixture, commit, contest, detail, item, merchant, open, operation, upload, url};

/// More than one step examines after a kill.
const DISPUTES: usize = 250;
const ROUNDS: u8 = 6;

/// Rows of the queue as a process would find them that starts now.
const ROWS: &str = "SELECT CAST(count(*) AS TEXT) FROM dispute_queue";

async fn delete_stale(store: &Store, limit: u32) -> u64 {
    let step = SingleOperation::Maintenance(Maintenance::DeleteStaleQueueRows { limit });
    match commit(store, Idempotency::None, step).await {
        Ok(Outcome::Rows(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

/// What is due and listed is what needs a response, by the disputes' own rows.
async fn agrees(fixture: &Fixture, store: &Store, seed: u64) {
    let open = "SELECT dispute_no FROM disputes WHERE status = 'NEEDS_RESPONSE'";
    let open: BTreeSet<String> = fixture.ask(open).into_iter().collect();
    let due = store.due(UnixMillis(i64::MAX), 1_000).await.unwrap();
    assert_eq!(due.iter().map(ToString::to_string).collect::<BTreeSet<_>>(), open, "seed {seed}");
    assert_eq!(due.len(), open.len(), "seed {seed}");
    let filter =
        DisputeFilter { status: Some(Status::NeedsResponse), limit: 1_000, ..DisputeFilter::default() };
    let page = store.list(filter).await.unwrap();
    assert_eq!((page.items.len(), page.total), (open.len(), open.len() as u64), "seed {seed}");
    let report =
        verify_histories(&fixture.location(), None, &mut |_, _| {}, &mut async |_: &_| {}).await.unwrap();
    assert_eq!(report.map(|report| report.damaged), Some(0), "seed {seed}");
}

pub(crate) async fn a_queue_agrees_with_its_disputes_in_any_order(fixture: &Fixture) {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let numbers: Vec<_> = (0..DISPUTES).map(|number| format!("D{number}")).collect();
    let disputes = join_all(numbers.iter().map(|no| open(&store, merchant_id, no))).await;
    let mut was_deferred = false;
    for round in 0..ROUNDS {
        upload(&store, url(merchant_id, round), round).await.unwrap();
        let mut changes = Vec::new();
        for dispute in &disputes {
            let state = detail(&store, dispute).await.record.state;
            // Also back to the deadline that it had.
            let deadline = UnixMillis(state.deadline.0 + random.i64(0..2));
            let operator = |action: OperatorAction| operation(dispute, Command::from(action));
            changes.push(match (random.u8(0..4), state.status) {
                (0, _) => continue,
                (1, Status::NeedsResponse) => {
                    operator(OperatorAction::Extend { deadline: UnixMillis(deadline.0 + 1) })
                }
                // It stays where it is in the queue.
                (2, Status::NeedsResponse) if state.stage == Stage::Chargeback => {
                    operator(OperatorAction::Advance { stage: Stage::Arbitration, deadline: state.deadline })
                }
                (_, Status::NeedsResponse) => {
                    contest(merchant_id, dispute, vec![item(Some(url(merchant_id, round)))])
                }
                _ => {
                    operator(OperatorAction::RequestEvidence { deadline, note: "Send more".parse().unwrap() })
                }
            });
        }
        random.shuffle(&mut changes);
        let answers =
            join_all(changes.into_iter().map(|change| commit(&store, Idempotency::None, change))).await;
        assert!(answers.iter().all(Result::is_ok), "seed {seed}: {answers:?}");
        was_deferred |= fixture.ask(ROWS) != [DISPUTES.to_string()];
        agrees(fixture, &store, seed).await;
        if random.bool() {
            delete_stale(&store, random.u32(1..=DISPUTES as u32)).await;
            agrees(fixture, &store, seed).await;
        }
    }
    assert_eq!(was_deferred, !store.is_shared(), "only SQLite deletes rows later");
    if let Some(killed) = fixture.as_a_kill_leaves_it() {
        let store = killed.store().await;
        agrees(&killed, &store, seed).await;
        while delete_stale(&store, 1_000).await == 1_000 {}
        assert_eq!(killed.ask(ROWS), [DISPUTES.to_string()], "seed {seed}");
        agrees(&killed, &store, seed).await;
        store.close().await;
    }
    store.close().await;
    assert_eq!(fixture.ask(ROWS), [DISPUTES.to_string()], "seed {seed}");
    assert_eq!(fixture.ask("SELECT name FROM meta WHERE name = 'stale_queue_rows'"), [""; 0]);
}
