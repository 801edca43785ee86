//! SQLite: one writer thread with one connection in WAL mode and `synchronous=FULL`, and a pool of read connections.

mod accounts;
mod checkpointer;
mod dispute_queue;
mod file_identity;
mod inspector;
mod layout_migration;
mod maintenance;
mod migration_source;
mod read_pool;
mod rows;
mod schema;
mod statements;
mod writer;

pub(crate) use inspector::Inspector;
pub(crate) use migration_source::MigrationSource;
pub(crate) use read_pool::SqliteReadPool;
pub(crate) use writer::Writer;

#[cfg(test)]
mod tests;
