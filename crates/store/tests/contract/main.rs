//! One contract suite for every database: same works, same outcomes, same histories.
//!
//! A database plugs in with one more module at the end of this file.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod accounts;
mod contests;
mod ground;
mod once;
mod reading;
mod upkeep;

macro_rules! suite {
    ($ground:expr; $($room:ident: $($case:ident)*;)*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                crate::$room::$case(&$ground).await;
            }
        )*)*
    };
}

macro_rules! every_case {
    ($ground:expr) => {
        suite! { $ground;
            contests:
                a_contest_is_committed_whole
                a_refused_contest_leaves_only_its_nonce
                another_merchants_dispute_does_not_exist
                evidence_is_what_was_uploaded_by_this_merchant
                one_contest_of_many_wins
                a_batch_sees_its_own_works_in_order
                one_spoilt_work_spoils_no_other
                everything_is_there_after_reopening;
            once:
                a_nonce_counts_once
                a_nonce_counts_once_within_a_batch
                a_key_answers_its_first_answer_again
                a_refusal_is_the_first_answer_too
                the_same_opening_is_a_repetition;
            reading:
                a_query_finds_the_one_that_needs_a_response_soonest
                a_list_pages_through_everything_once
                a_list_holds_what_its_filter_asks
                what_is_due_is_listed_longest_overdue_first;
            upkeep:
                purged_nonces_are_stale_whatever_the_clock_says
                a_step_of_upkeep_is_bounded
                a_purge_stalls_no_contest
                unreferenced_uploads_are_swept_and_referenced_ones_stay
                a_full_queue_refuses_and_changes_nothing
                closing_finishes_what_waits;
            accounts:
                merchants_and_apps_are_created_and_changed
                a_second_rotation_waits_for_the_first_overlap
                account_changes_count_once_per_key
                a_key_answers_an_account_as_it_was
                a_token_is_found_by_its_hash;
        }
    };
}

mod sqlite {
    every_case!(crate::ground::Ground::sqlite());

    #[test]
    fn a_newer_schema_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rebuttal.db");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _within = runtime.enter();
        let store = rebuttal_store::Store::open(&path, &rebuttal_store::Options::default()).unwrap();
        runtime.block_on(store.close());
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute("UPDATE meta SET value = x'3939' WHERE name = 'min_binary'", []).unwrap();
        drop(connection);
        let error = rebuttal_store::Store::open(&path, &rebuttal_store::Options::default()).err().unwrap();
        assert!(matches!(error, rebuttal_store::StoreError::TooNew { min_binary: 99 }), "{error}");
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_read_is_told_apart_from_a_database_that_does_not_answer() {
        use rebuttal_store::StoreError::Unreadable;
        let ground = crate::ground::Ground::sqlite();
        let store = ground.store();
        let merchant_id = crate::ground::merchant(&store).await;
        let no = crate::ground::open(&store, merchant_id, "D1").await;
        let other = crate::ground::open(&store, merchant_id, "D2").await;
        let connection = rusqlite::Connection::open(ground.path()).unwrap();
        connection.execute("UPDATE disputes SET status = 'OPEN' WHERE dispute_no = 'D1'", []).unwrap();
        assert!(matches!(store.dispute(&no).await, Err(Unreadable(_))));
        assert!(matches!(store.story(&no).await, Err(Unreadable(_))));
        let all = rebuttal_store::Filter { limit: 10, ..Default::default() };
        assert!(matches!(store.list(all).await, Err(Unreadable(_))));
        let act = crate::ground::act(&no, rebuttal_disputes::Command::Accept);
        let once = rebuttal_store::Once::Always;
        let work = rebuttal_store::Work { arrived_at: crate::ground::NOW, once, act };
        assert!(matches!(store.commit(work).await, Err(rebuttal_store::CommitError::Failed(_))));
        assert!(store.dispute(&other).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_story_tells_that_the_database_was_written_to_by_hand() {
        let ground = crate::ground::Ground::sqlite();
        crate::contests::a_contest_is_committed_whole(&ground).await;
        for tampering in [
            "UPDATE evidence SET size = size + 1 WHERE position = 1",
            "UPDATE evidence SET size = size - 1, sha256 = zeroblob(32) WHERE position = 1",
            "DELETE FROM evidence; DELETE FROM submissions",
            "UPDATE history SET actor = 'gateway' WHERE sequence = 1",
            "DELETE FROM history WHERE sequence = 2",
        ] {
            rusqlite::Connection::open(ground.path()).unwrap().execute_batch(tampering).unwrap();
            let store = ground.store();
            let story = store.story(&"D1".parse().unwrap()).await.unwrap().unwrap();
            assert!(!rebuttal_store::Store::is_whole(&story), "unseen: {tampering}");
            store.close().await;
        }
    }
}
