//! A database that was edited by something other than the store.

use rebuttal_disputes::{Command, IntegrityError};
use rebuttal_store::{
    CommitError, DisputeFilter, HistoryReport, Idempotency, Options, Store, StoreError, WriteRequest,
    verify_histories,
};

use crate::common::{Fixture, NOW, merchant, open, operation};
use crate::{contests, idempotency};

pub(crate) async fn a_newer_schema_is_not_opened(fixture: &Fixture) {
    fixture.store().await.close().await;
    // The bytes of "99" as a literal of either database.
    fixture.tamper("UPDATE meta SET value = CAST('99' AS BLOB) WHERE name = 'min_binary'");
    let error = Store::open(&fixture.location(), &Options::default()).await.err().unwrap();
    assert!(matches!(error, StoreError::TooNew { min_binary: 99 }), "{error}");
}

pub(crate) async fn an_older_binary_serves_a_newer_schema(fixture: &Fixture) {
    fixture.store().await.close().await;
    fixture.tamper(
        "INSERT INTO refinery_schema_history SELECT 99, 'later', applied_on, checksum FROM refinery_schema_history \
         WHERE version = 1; \
         ALTER TABLE merchants ADD COLUMN later TEXT",
    );
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    open(&store, merchant_id, "D1").await;
    store.close().await;
}

pub(crate) async fn unreadable_row_is_distinguished_from_unavailable_database(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    let no = open(&store, merchant_id, "D1").await;
    let other = open(&store, merchant_id, "D2").await;
    fixture.tamper("UPDATE disputes SET status = 'OPEN' WHERE dispute_no = 'D1'");
    assert!(matches!(store.dispute(&no).await, Err(StoreError::Unreadable(_))));
    assert!(matches!(store.detail(&no).await, Err(StoreError::Unreadable(_))));
    let all = DisputeFilter { limit: 10, ..Default::default() };
    assert!(matches!(store.list(all).await, Err(StoreError::Unreadable(_))));
    let request = WriteRequest {
        arrived_at: NOW,
        idempotency: Idempotency::None,
        token: None,
        operation: operation(&no, Command::Accept),
    };
    assert!(matches!(store.commit(request).await, Err(CommitError::Failed(_))));
    assert!(store.dispute(&other).await.unwrap().is_some());
}

/// A manual edit, its reversal, and what is reported in between.
const TAMPERINGS: [(&str, &str, &str); 14] = [
    (
        "UPDATE disputes SET dispute_amount = dispute_amount + 1",
        "UPDATE disputes SET dispute_amount = dispute_amount - 1",
        "its facts",
    ),
    ("UPDATE disputes SET payment_no = 'P'", "UPDATE disputes SET payment_no = 'P-D1'", "its facts"),
    ("UPDATE disputes SET rrn = 'R'", "UPDATE disputes SET rrn = NULL", "its facts"),
    (
        "UPDATE disputes SET created_at = created_at - 1",
        "UPDATE disputes SET created_at = created_at + 1",
        "entry 1",
    ),
    ("UPDATE disputes SET status = 'WON'", "UPDATE disputes SET status = 'UNDER_REVIEW'", "its status"),
    ("UPDATE disputes SET status = 'OPEN'", "UPDATE disputes SET status = 'UNDER_REVIEW'", "cannot be read"),
    (
        "UPDATE disputes SET deadline = deadline + 1",
        "UPDATE disputes SET deadline = deadline - 1",
        "its status, type, deadline",
    ),
    (
        "UPDATE disputes SET submission_number = 0",
        "UPDATE disputes SET submission_number = 1",
        "last submission",
    ),
    (
        "UPDATE submissions SET evidence = replace(evidence, '\"size\":101', '\"size\":9101')",
        "UPDATE submissions SET evidence = replace(evidence, '\"size\":9101', '\"size\":101')",
        "submission 1",
    ),
    (
        "UPDATE history SET actor = 'gateway' WHERE sequence = 1",
        "UPDATE history SET actor = 'operator:night shift' WHERE sequence = 1",
        "entry 1",
    ),
    (
        "UPDATE submissions SET evidence = replace(evidence, 'size', 'length')",
        "UPDATE submissions SET evidence = replace(evidence, 'length', 'size')",
        "cannot be read",
    ),
    (
        "UPDATE history SET previous = entry_id WHERE sequence = 2",
        "UPDATE history SET previous = dispute_id WHERE sequence = 2",
        "entry 1",
    ),
    (
        "UPDATE dispute_queue SET position = position + 1",
        "UPDATE dispute_queue SET position = position - 1",
        "dispute_queue does not have it",
    ),
    ("DELETE FROM history WHERE sequence = 2", "", "entry 1"),
];

pub(crate) async fn manual_edits_are_reported(fixture: &Fixture) {
    contests::a_contest_is_committed_as_a_whole(fixture).await;
    let (all, mut progress) = (
        async |most, progress: &mut Vec<_>| {
            let on_progress = &mut |done, of| progress.push((done, of));
            verify_histories(&fixture.location(), most, on_progress, &mut async |_: &_| {}).await.unwrap()
        },
        Vec::new(),
    );
    let whole = HistoryReport { disputes: 1, entries: 2, ..HistoryReport::default() };
    assert_eq!(all(None, &mut progress).await, Some(whole.clone()));
    assert_eq!(progress, [(1, 1)]);
    for (tampering, undo, what) in TAMPERINGS {
        fixture.tamper(tampering);
        let found = all(Some(1), &mut progress).await.unwrap();
        let [(number, error)] = &found.named[..] else { panic!("unseen: {tampering}") };
        assert!(
            (number.as_str(), found.damaged) == ("D1", 1) && error.contains(what),
            "{tampering}: {error}"
        );
        fixture.tamper(undo);
        if !undo.is_empty() {
            assert_eq!(all(None, &mut progress).await, Some(whole.clone()), "{undo}");
        }
    }
    assert_eq!(all(Some(0), &mut progress).await, None, "more than the limit");
}

/// What the entries of an extension and of a later stage prove.
pub(crate) async fn manual_edits_after_extend_and_advance_are_found(fixture: &Fixture) {
    let store = fixture.store().await;
    let no = idempotency::extended_and_advanced(fixture, &store).await;
    for (tampering, undo, error) in [
        (
            "UPDATE disputes SET deadline = deadline - 1",
            "UPDATE disputes SET deadline = deadline + 1",
            IntegrityError::State,
        ),
        (
            "UPDATE disputes SET stage = 'CHARGEBACK'",
            "UPDATE disputes SET stage = 'PRE_ARBITRATION'",
            IntegrityError::State,
        ),
        (
            "UPDATE history SET at = at + 1 WHERE sequence = 2",
            "UPDATE history SET at = at - 1 WHERE sequence = 2",
            IntegrityError::Entry(2),
        ),
        ("UPDATE history SET event = 'EXTENDED' WHERE sequence = 4", "", IntegrityError::Entry(4)),
    ] {
        fixture.tamper(tampering);
        let found = store.detail(&no).await.unwrap().unwrap().check_integrity();
        assert_eq!(found, Err(error), "{tampering}");
        fixture.tamper(undo);
    }
}

pub(crate) async fn a_history_without_its_dispute_is_reported(fixture: &Fixture) {
    let store = fixture.store().await;
    let merchant_id = merchant(&store).await;
    open(&store, merchant_id, "D1").await;
    open(&store, merchant_id, "D2").await;
    fixture.tamper_unchecked("DELETE FROM disputes WHERE dispute_no = 'D1'");
    let found = verify_histories(&fixture.location(), None, &mut |_, _| {}, &mut async |_: &_| {})
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.disputes, found.damaged), (1, 1));
    assert!(found.named[0].1.contains("row is missing"), "{found:?}");
}
