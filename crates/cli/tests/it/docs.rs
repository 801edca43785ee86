//! The operating documentation, checked against a running gateway: its statements are true, and its instructions work.

mod backup;
mod examples;
mod integrate;
mod metrics;
mod packaging;

use rebuttal_testbed::page::{file as document, root};
