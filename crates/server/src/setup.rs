//! Settings, data directory, start and stop, `doctor`, and the migration of a gateway's data to another database.

pub(crate) mod config;
pub(crate) mod data_dir;
pub(crate) mod doctor;
mod first_token;
mod hints;
pub(crate) mod migrate_data;
pub(crate) mod routes;
pub(crate) mod run;
pub(crate) mod start;
