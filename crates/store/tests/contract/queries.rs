//! Queries, lists, and due disputes.

use std::collections::HashSet;

use rebuttal_disputes::{COMMIT_LIMIT, Command};
use rebuttal_protocol::dispute::{QueryRequest, Stage, Status};
use rebuttal_protocol::operator::{self, DisputeOutcome};
use rebuttal_protocol::{DisputeNo, UnixMillis};
use rebuttal_store::{
    Backlog, DisputeFilter, Idempotency, Location, Maintenance, Operation, Options, SingleOperation, Store,
    WriteRequest,
};

use crate::common::{
    DEADLINE, Fixture, NOW, code, commit, detail, merchant, open, opening, operation, operator, upload, url,
};

/// Opens a dispute of payment `P` at a time.
async fn open_at(store: &Store, merchant: u32, no: &str, deadline: UnixMillis, at: UnixMillis) {
    let mut opening = opening(merchant.try_into().unwrap(), no, deadline);
    opening.facts.payment_no = "P".parse().unwrap();
    let operation = Operation::Open { opening, actor: operator() };
    store
        .commit(WriteRequest { arrived_at: at, idempotency: Idempotency::None, token: None, operation })
        .await
        .unwrap()
        .unwrap();
}

pub(crate) async fn a_query_finds_the_dispute_with_the_earliest_deadline(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let number = merchant_id.number();
    let later = UnixMillis(DEADLINE.0 + 1);
    open_at(&store, number, "B", DEADLINE, UnixMillis(NOW.0 + 3)).await;
    open_at(&store, number, "A", DEADLINE, NOW).await;
    open_at(&store, number, "C", later, UnixMillis(NOW.0 + 5)).await;
    let found = |query| {
        let store = store.clone();
        async move { Some(store.find(merchant_id, &query).await.unwrap()?.state.dispute_no.to_string()) }
    };
    let by_payment = || QueryRequest::PaymentNo("P".parse().unwrap());
    assert_eq!(found(by_payment()).await.as_deref(), Some("A"), "ties go by number");
    for (no, next) in [("A", "B"), ("B", "C"), ("C", "C")] {
        let no: DisputeNo = no.parse().unwrap();
        commit(
            &store,
            Idempotency::None,
            operation(&no, Command::Operator(operator::OperatorAction::Withdraw { note: None })),
        )
        .await
        .unwrap();
        assert_eq!(found(by_payment()).await.as_deref(), Some(next), "after {no} needs none");
    }
    let by_trade = QueryRequest::MerchantTradeNo("T-B".parse().unwrap());
    assert_eq!(found(by_trade).await.as_deref(), Some("B"));
    let by_no = QueryRequest::DisputeNo("B".parse().unwrap());
    assert_eq!(found(by_no.clone()).await.as_deref(), Some("B"));
    let other = merchant(&store).await;
    assert!(store.find(other, &by_no).await.unwrap().is_none());
    assert!(store.find(other, &by_payment()).await.unwrap().is_none());
}

pub(crate) async fn a_list_pages_through_everything_once(fixture: &Fixture) {
    let store = fixture.store().await;
    let number = merchant(&store).await.number();
    for index in 0..25 {
        open_at(&store, number, &format!("D{index:02}"), DEADLINE, UnixMillis(NOW.0 + index / 3)).await;
    }
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = store.list(DisputeFilter { limit: 7, after, ..DisputeFilter::default() }).await.unwrap();
        assert_eq!((page.total, page.total_exact), (25, true));
        seen.extend(page.items.into_iter().map(|item| (item.created_at, item.state.dispute_no)));
        pages += 1;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((pages, seen.len(), seen.iter().collect::<HashSet<_>>().len()), (4, 25, 25));
    assert!(seen.is_sorted_by(|one, next| one > next), "the newest come first");
}

/// A list is in the order of commits. A dispute has its time of arrival, and may be committed after later ones.
pub(crate) async fn paging_skips_nothing_that_commits_late(fixture: &Fixture) {
    let store = fixture.store().await;
    let number = merchant(&store).await.number();
    let open_then = async |no: &str, at: i64| {
        open_at(&store, number, no, DEADLINE, UnixMillis(NOW.0 + at)).await;
    };
    for at in [1, 2, 3, 4] {
        open_then(&format!("D{at}"), 10 * at).await;
    }
    let list = async |filter: DisputeFilter| {
        let page = store.list(DisputeFilter { limit: 2, ..filter }).await.unwrap();
        let numbers: Vec<_> = page.items.iter().map(|item| item.state.dispute_no.to_string()).collect();
        (numbers, page.next)
    };
    let (first, after) = list(DisputeFilter::default()).await;
    assert_eq!(first, ["D4", "D3"]);
    open_then("D2-late", 25).await;
    open_then("D3-late", 35).await;
    assert_eq!(
        list(DisputeFilter { after, ..DisputeFilter::default() }).await,
        (vec!["D2".to_owned(), "D1".to_owned()], None)
    );
    assert_eq!(list(DisputeFilter::default()).await.0, ["D3-late", "D2-late"]);
    let created_after = Some(UnixMillis(NOW.0 + 30));
    assert_eq!(list(DisputeFilter { created_after, ..DisputeFilter::default() }).await.0, ["D3-late", "D4"]);
}

pub(crate) async fn a_list_holds_what_its_filter_selects(fixture: &Fixture) {
    let store = fixture.store().await;
    let (one, two) = (merchant(&store).await, merchant(&store).await);
    open_at(&store, one.number(), "A1", DEADLINE, NOW).await;
    open_at(&store, two.number(), "A2", UnixMillis(DEADLINE.0 + 9), UnixMillis(NOW.0 + 9)).await;
    let b1 = open(&store, one, "B1").await;
    commit(
        &store,
        Idempotency::None,
        operation(
            &b1,
            Command::Operator(operator::OperatorAction::Resolve {
                outcome: DisputeOutcome::Lost,
                note: None,
            }),
        ),
    )
    .await
    .unwrap();
    let all = || DisputeFilter { limit: 10, ..DisputeFilter::default() };
    for (filter, expected) in [
        (DisputeFilter { merchant_id: Some(two), ..all() }, "A2"),
        (DisputeFilter { status: Some(Status::Lost), ..all() }, "B1"),
        (DisputeFilter { stage: Some(Stage::Inquiry), ..all() }, ""),
        (DisputeFilter { deadline_before: Some(UnixMillis(DEADLINE.0 + 1)), ..all() }, "A1 B1"),
        (DisputeFilter { created_after: Some(NOW), ..all() }, "A2"),
        (DisputeFilter { q: Some("A".to_owned()), ..all() }, "A1 A2"),
        (DisputeFilter { q: Some("T-B".to_owned()), ..all() }, "B1"),
        (DisputeFilter { q: Some("%".to_owned()), ..all() }, ""),
    ] {
        let page = store.list(filter.clone()).await.unwrap();
        let mut found: Vec<_> = page.items.iter().map(|item| item.state.dispute_no.to_string()).collect();
        found.sort();
        assert_eq!(found.join(" "), expected, "{filter:?}");
    }
}

pub(crate) async fn due_disputes_are_listed_longest_overdue_first(fixture: &Fixture) {
    let store = fixture.store().await;
    let number = merchant(&store).await.number();
    for (no, offset) in [("D2", 2), ("D1", 1), ("D3", 3)] {
        open_at(&store, number, no, UnixMillis(DEADLINE.0 + offset), NOW).await;
    }
    let due = store.due(UnixMillis(DEADLINE.0 + 2), 10).await.unwrap();
    assert_eq!(due.iter().map(DisputeNo::as_str).collect::<Vec<_>>(), ["D1", "D2"]);
    let expire = |at| {
        let (store, operation) = (store.clone(), operation(&due[0], Command::Expire));
        async move {
            code(
                store
                    .commit(WriteRequest {
                        arrived_at: at,
                        idempotency: Idempotency::None,
                        token: None,
                        operation,
                    })
                    .await
                    .unwrap(),
            )
        }
    };
    let due_at = UnixMillis(DEADLINE.0 + 1) + COMMIT_LIMIT;
    assert_eq!(expire(UnixMillis(due_at.0 - 1)).await, "Dispute.InvalidState");
    assert_eq!(expire(due_at).await, "OK");
    assert_eq!(detail(&store, &due[0]).await.record.state.status, Status::Expired);
    assert_eq!(store.due(UnixMillis(DEADLINE.0 + 2), 10).await.unwrap().len(), 1);
}

pub(crate) async fn the_backlog_holds_the_oldest_of_each_kind(fixture: &Fixture) {
    let store = fixture.store().await;
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
    let merchant_id = merchant(&store).await;
    open_at(&store, merchant_id.number(), "D2", UnixMillis(DEADLINE.0 + 2), NOW).await;
    open_at(&store, merchant_id.number(), "D1", UnixMillis(DEADLINE.0 + 1), NOW).await;
    upload(&store, url(merchant_id, 1), 1).await.unwrap();
    let earliest_deadline = Some(UnixMillis(DEADLINE.0 + 1));
    let waits = Backlog { earliest_deadline, oldest_unreferenced_at: Some(NOW), oldest_marked_at: None };
    assert_eq!(store.backlog().await.unwrap(), waits);
    let mark = Maintenance::MarkUnreferenced { uploaded_before: UnixMillis(NOW.0 + 1), limit: 10 };
    commit(&store, Idempotency::None, SingleOperation::Maintenance(mark)).await.unwrap();
    let marked = Backlog { oldest_unreferenced_at: None, oldest_marked_at: Some(NOW), ..waits };
    assert_eq!(store.backlog().await.unwrap(), marked);
    let lanes = store.traffic();
    assert_eq!((lanes.waiting, lanes.waiting_max), (0, Options::default().queue_max));
    assert_eq!(
        lanes.lanes,
        if matches!(fixture.location(), Location::Sqlite(_)) { 1 } else { Options::default().lanes.get() }
    );
}
