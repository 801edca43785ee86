//! Tests of the whole crate.

mod table;
