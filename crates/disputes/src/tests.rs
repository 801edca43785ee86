//! Tests of the whole crate.

mod integrity;
mod table;
