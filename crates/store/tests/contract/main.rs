//! One contract suite for every database: same requests, same outcomes, same histories.
//!
//! A database is added with one more module at the end of this file.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests; clippy excuses only the functions marked #[test], not what they share"
)]

mod accounts;
mod common;
mod contests;
mod data_migration;
mod idempotency;
mod maintenance;
mod manual_edits;
mod pooler;
mod queries;
mod queue;
mod schema;
mod tokens;

macro_rules! suite {
    ($attributes:tt $fixture:expr; $($module:ident: $($case:ident)*;)*) => {
        $($(case! { $attributes $fixture; $module $case })*)*
    };
}

macro_rules! case {
    ([$($attributes:tt)*] $fixture:expr; $module:ident $case:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $($attributes)*
        async fn $case() {
            crate::$module::$case(&$fixture).await;
        }
    };
}

macro_rules! every_case {
    ($fixture:expr $(, ignored: $reason:literal)?) => {
        suite! { [$(#[ignore = $reason])?] $fixture;
            contests:
                a_contest_is_committed_as_a_whole
                a_rejected_contest_writes_only_its_nonce
                another_merchants_dispute_is_not_found
                evidence_is_what_was_uploaded_by_this_merchant
                the_inspection_that_is_recorded_first_is_kept
                one_contest_of_many_wins
                a_request_sees_those_before_it_in_its_batch
                one_refused_request_of_many_fails_alone
                everything_is_stored_after_reopening;
            idempotency:
                a_nonce_is_used_once
                a_nonce_is_used_once_within_a_batch
                a_repeated_key_returns_the_first_answer
                a_repeated_key_returns_the_first_rejection
                a_key_of_an_invalid_request_can_be_used_again
                a_repeated_extend_or_advance_changes_nothing
                the_same_opening_is_a_repetition;
            queries:
                a_query_finds_the_dispute_with_the_earliest_deadline
                a_list_pages_through_everything_once
                paging_skips_nothing_that_commits_late
                a_list_holds_what_its_filter_selects
                due_disputes_are_listed_longest_overdue_first
                the_backlog_holds_the_oldest_of_each_kind;
            queue:
                a_queue_agrees_with_its_disputes_in_any_order;
            maintenance:
                purged_nonces_are_stale_whatever_the_clock_says
                newest_trusted_time_is_stored_even_if_earlier
                a_maintenance_step_is_bounded
                secret_is_purged_from_its_key_and_not_recreated
                the_fencing_token_is_replaced_only_if_it_is_the_expected_one
                a_purge_delays_no_contest
                unreferenced_uploads_are_deleted_and_others_stay
                marked_uploads_are_paged_after_deletions
                a_full_queue_refuses_and_changes_nothing
                closing_finishes_waiting_requests;
            accounts:
                merchants_and_apps_are_created_and_changed
                a_second_rotation_waits_for_the_first_overlap
                older_secrets_end_during_an_overlap
                the_first_use_of_a_secret_is_stored
                account_changes_are_made_once_per_key
                a_repeated_key_returns_the_account_as_it_was
                the_first_evidence_location_is_kept;
            tokens:
                a_token_is_found_by_its_hash
                a_token_has_its_role_until_it_is_revoked
                a_revoked_token_commits_nothing
                a_name_belongs_to_one_active_token
                active_tokens_are_listed_by_name;
            manual_edits:
                a_newer_schema_is_not_opened
                an_older_binary_serves_a_newer_schema
                unreadable_row_is_distinguished_from_unavailable_database
                manual_edits_are_reported
                manual_edits_after_extend_and_advance_are_found
                a_history_without_its_dispute_is_reported;
        }
    };
}

mod sqlite {
    every_case!(crate::common::Fixture::sqlite());
}

mod postgresql {
    every_case!(
        crate::common::Fixture::postgres(),
        ignored: "needs PostgreSQL, which cargo xtask test starts"
    );
}
