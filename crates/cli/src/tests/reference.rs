//! `docs/reference`, generated from the code. Each test writes its page when
//! `cargo xtask regenerate` asks for it, and else fails where the page is another. The limits are made by xtask, which
//! reads the code of every crate.

mod cli;
mod codes;
mod configuration;
mod metrics;

use std::path::Path;

/// Set by `cargo xtask regenerate`.
const REGENERATE: &str = "REBUTTAL_REGENERATE";

/// Holds a page to what it should be. `source` is what to edit instead of it.
fn hold(page: &str, source: &str, title: &str, body: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(page);
    let body = body.trim_end();
    let should = format!(
        "<!-- Written by `cargo xtask regenerate` from {source}; edit that. -->\n\n# {title}\n\n{body}\n"
    );
    if std::env::var_os(REGENERATE).is_some() {
        std::fs::write(&path, should).unwrap();
        return;
    }
    let is = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(is == should, "docs/reference/{page} is not what the code says; run `cargo xtask regenerate`");
}

/// Text as a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
