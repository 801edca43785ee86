//! SQLite: one writer thread owning one connection in WAL mode with full fsync, and read connections beside it.

mod accounts;
mod look;
mod place;
mod reads;
mod rows;
mod schema;
mod source;
mod statements;
mod upkeep;
mod writer;

pub(crate) use look::Look;
pub(crate) use reads::Reads;
pub(crate) use schema::parts_of_migrations;
pub(crate) use source::Source;
pub(crate) use writer::Writer;

#[cfg(test)]
mod tests;
