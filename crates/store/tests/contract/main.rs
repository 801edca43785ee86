//! One contract suite for every database: same requests, same outcomes, same histories.
//!
//! A database is added with one more module at the end of this file.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod accounts;
mod common;
mod contests;
mod data_migration;
mod idempotency;
mod maintenance;
mod manual_edits;
mod pooler;
mod queries;
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
                a_contest_is_committed_whole
                a_refused_contest_leaves_only_its_nonce
                another_merchants_dispute_does_not_exist
                evidence_is_what_was_uploaded_by_this_merchant
                one_contest_of_many_wins
                a_batch_sees_its_own_works_in_order
                one_refused_request_of_many_fails_alone
                everything_is_there_after_reopening;
            idempotency:
                a_nonce_counts_once
                a_nonce_counts_once_within_a_batch
                a_key_answers_its_first_answer_again
                a_refusal_is_the_first_answer_too
                a_key_of_an_invalid_request_can_be_used_again
                a_repeated_extend_or_advance_changes_nothing
                the_same_opening_is_a_repetition;
            queries:
                a_query_finds_the_one_that_needs_a_response_soonest
                a_list_pages_through_everything_once
                a_list_that_was_begun_skips_nothing_that_commits_late
                a_list_holds_what_its_filter_asks
                what_is_due_is_listed_longest_overdue_first
                the_oldest_of_what_waits_is_told;
            maintenance:
                purged_nonces_are_stale_whatever_the_clock_says
                newest_trusted_time_is_stored_even_if_earlier
                a_step_of_upkeep_is_bounded
                secret_is_purged_from_its_key_and_not_recreated
                the_fence_moves_only_from_where_it_was_thought_to_stand
                a_purge_stalls_no_contest
                unreferenced_uploads_are_swept_and_referenced_ones_stay
                marked_uploads_are_paged_after_deletions
                a_full_queue_refuses_and_changes_nothing
                closing_finishes_what_waits;
            accounts:
                merchants_and_apps_are_created_and_changed
                a_second_rotation_waits_for_the_first_overlap
                older_secrets_end_during_an_overlap
                the_first_use_of_a_secret_is_kept
                account_changes_count_once_per_key
                a_key_answers_an_account_as_it_was
                evidence_stays_at_the_place_that_was_recorded_first;
            tokens:
                a_token_is_found_by_its_hash
                a_token_lets_its_role_in_until_it_is_revoked
                a_revoked_token_commits_nothing_more
                a_name_is_one_tokens_at_a_time
                tokens_are_listed_by_name_without_the_revoked_ones
                tokens_from_before_there_were_roles_are_an_admins
                older_binaries_are_locked_out_once_roles_are_used
                older_binaries_are_locked_out_once_a_token_is_revoked;
            manual_edits:
                a_newer_schema_is_not_opened
                an_older_binary_goes_on_where_a_newer_one_has_added
                unreadable_row_is_distinguished_from_unavailable_database
                manual_edits_are_reported
                manual_edits_after_extend_and_advance_are_found
                a_history_without_its_dispute_is_told;
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
