//! The operating papers, held to what the binary really does: what `docs/operate` and `packaging` say is looked up in a
//! running gateway, and what they tell people to do is done.

mod backup;
mod examples;
mod growth;
mod integrate;
mod metrics;
mod packaging;

use rebuttal_testbed::page::{file as document, root};
