//! Evidence files of real producers, forged ones, and ones that are made to keep a processor busy.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests; clippy excuses only the functions marked #[test], not what they share"
)]

mod bombs;
mod cases;
mod confinement;
mod damage;
mod files;
mod pdf;
mod pictures;
mod previews;
mod producers;
mod workbooks;
mod xls;
