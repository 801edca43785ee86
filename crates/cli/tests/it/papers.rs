//! The operating papers, held to what the binary really does: what `docs/operate` and `packaging` say is looked up in a
//! running gateway, and what they tell people to do is done.

mod backup;
mod growth;
mod metrics;
mod packaging;

use std::path::{Path, PathBuf};

/// A file of the project, by its path from the root.
fn paper(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
