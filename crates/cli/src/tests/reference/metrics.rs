//! The metrics, by the list that declares them.

use std::fmt::Write as _;

use rebuttal_server::described_metrics;

use super::{cell, hold};

#[test]
fn the_page_of_metrics_is_fresh() {
    let mut body = "\
What `/metrics` on `metrics_listen` exports. [monitoring.md](../operate/monitoring.md) describes the labels, what
healthy values are, and which alerts to set.

| metric | type | meaning |
|---|---|---|
"
    .to_owned();
    for (name, kind, meaning) in described_metrics() {
        let _ = writeln!(body, "| `{name}` | {} | {} |", kind.word(), cell(meaning));
    }
    hold("metrics.md", "`crates/server/src/metrics/described.rs`", "Metrics", &body);
}
