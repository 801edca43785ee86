//! A database that somebody else wrote into.

use rebuttal_disputes::Command;
use rebuttal_store::{CommitError, Filter, Once, Options, Store, StoreError, Work};

use crate::contests;
use crate::ground::{Ground, NOW, act, merchant, open};

pub(crate) async fn a_newer_schema_is_not_opened(ground: &Ground) {
    ground.store().await.close().await;
    // The bytes of "99" in either database's words.
    ground.by_hand("UPDATE meta SET value = CAST('99' AS BLOB) WHERE name = 'min_binary'");
    let error = Store::open(&ground.location(), &Options::default()).await.err().unwrap();
    assert!(matches!(error, StoreError::TooNew { min_binary: 99 }), "{error}");
}

pub(crate) async fn an_older_binary_goes_on_where_a_newer_one_has_added(ground: &Ground) {
    ground.store().await.close().await;
    ground.by_hand(
        "INSERT INTO refinery_schema_history SELECT 99, 'later', applied_on, checksum FROM refinery_schema_history \
         WHERE version = 1; \
         ALTER TABLE merchants ADD COLUMN later TEXT",
    );
    let store = ground.store().await;
    let merchant_id = merchant(&store).await;
    open(&store, merchant_id, "D1").await;
    store.close().await;
}

pub(crate) async fn a_row_that_cannot_be_read_is_told_apart_from_a_database_that_does_not_answer(
    ground: &Ground,
) {
    let store = ground.store().await;
    let merchant_id = merchant(&store).await;
    let no = open(&store, merchant_id, "D1").await;
    let other = open(&store, merchant_id, "D2").await;
    ground.by_hand("UPDATE disputes SET status = 'OPEN' WHERE dispute_no = 'D1'");
    assert!(matches!(store.dispute(&no).await, Err(StoreError::Unreadable(_))));
    assert!(matches!(store.story(&no).await, Err(StoreError::Unreadable(_))));
    let all = Filter { limit: 10, ..Default::default() };
    assert!(matches!(store.list(all).await, Err(StoreError::Unreadable(_))));
    let work = Work { arrived_at: NOW, once: Once::Always, token: None, act: act(&no, Command::Accept) };
    assert!(matches!(store.commit(work).await, Err(CommitError::Failed(_))));
    assert!(store.dispute(&other).await.unwrap().is_some());
}

pub(crate) async fn a_story_tells_that_the_database_was_written_to_by_hand(ground: &Ground) {
    contests::a_contest_is_committed_whole(ground).await;
    for tampering in [
        "UPDATE evidence SET size = size + 1 WHERE position = 1",
        "UPDATE evidence SET size = size - 1, sha256 = (SELECT opening FROM disputes) WHERE position = 1",
        "DELETE FROM evidence; DELETE FROM submissions",
        "UPDATE history SET actor = 'gateway' WHERE sequence = 1",
        "DELETE FROM history WHERE sequence = 2",
    ] {
        ground.by_hand(tampering);
        let store = ground.store().await;
        let story = store.story(&"D1".parse().unwrap()).await.unwrap().unwrap();
        assert!(!Store::is_whole(&story), "unseen: {tampering}");
        store.close().await;
    }
}
