//! PostgreSQL: lanes that each own a connection and commit batches in two round trips, and a bounded pool of
//! connections that read. Any number of processes may share a database.
//!
//! Sessions depend only on the settings that they are opened with, so a pooler in session mode may be used. One in
//! transaction mode may not: prepared statements and settings would end up in other sessions.

use std::time::Duration;

use rebuttal_disputes::COMMIT_LIMIT;

mod accounts;
mod address;
mod commit_resolution;
mod examine;
mod history_reader;
mod lane;
mod layout_migration;
mod load;
mod maintenance;
mod migration_target;
mod nonces;
pub(crate) mod queries;
mod read_pool;
mod rows;
mod save;
mod schema;
mod server_checks;
mod session;
mod statements;
mod tls;

pub(crate) use address::Address;
pub(crate) use examine::examine;
pub(crate) use history_reader::HistoryReader;
pub(crate) use lane::Lane;
pub(crate) use migration_target::MigrationTarget;
pub(crate) use read_pool::PostgresReadPool;
pub(crate) use schema::{prepare, values_before_migration};

/// Longest time to an answer with the slowest database that the limits allow: to load, to save, and to resolve a
/// commit whose answer was lost. The time to connect in between is added.
pub const ANSWER_LIMIT: Duration =
    COMMIT_LIMIT.saturating_add(lane::ROUND_TRIP_LIMIT).saturating_add(commit_resolution::RESOLVE_LIMIT);

#[cfg(test)]
mod tests;
