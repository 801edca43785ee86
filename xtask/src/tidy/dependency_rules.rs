//! Which crate may depend on which, read from `cargo metadata`.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::stage::command;

/// Every member, the members it may depend on, and the external crates that only it may use.
///
/// Invariant: ARCHITECTURE.md describes these dependencies; a new crate needs a reason there first.
const ALLOWED_DEPENDENCIES: [(&str, &[&str], &[&str]); 10] = [
    ("rebuttal-protocol", &[], &[]),
    ("rebuttal-disputes", &["rebuttal-protocol"], &[]),
    ("rebuttal-documents", &["rebuttal-protocol"], &["calamine", "hayro", "hayro-syntax", "image"]),
    ("rebuttal-evidence", &["rebuttal-protocol"], &[]),
    (
        "rebuttal-store",
        &["rebuttal-protocol", "rebuttal-disputes"],
        &["rusqlite", "refinery", "tokio-postgres"],
    ),
    (
        "rebuttal-server",
        &[
            "rebuttal-protocol",
            "rebuttal-disputes",
            "rebuttal-documents",
            "rebuttal-evidence",
            "rebuttal-store",
        ],
        &["axum", "tower-http", "tower"],
    ),
    ("rebuttal-client", &["rebuttal-protocol"], &[]),
    ("rebuttal", &["rebuttal-evidence", "rebuttal-server", "rebuttal-client"], &["clap"]),
    ("rebuttal-testbed", &[], &[]),
    ("xtask", &["rebuttal-testbed"], &[]),
];

/// The pure crates, and dependencies that make a crate impure: time, randomness, threads, network, database.
const PURE: [&str; 2] = ["rebuttal-protocol", "rebuttal-disputes"];
const IMPURE: [&str; 17] = [
    "axum",
    "futures-util",
    "getrandom",
    "hyper",
    "mio",
    "parking_lot",
    "rand",
    "reqwest",
    "rusqlite",
    "rustix",
    "rustls",
    "socket2",
    "tempfile",
    "tokio",
    "tower",
    "tracing",
    "uuid",
];

pub(crate) fn metadata(root: &Path) -> Result<Value> {
    let output = command(root, "cargo metadata --no-deps --format-version 1", &[])?.output()?;
    serde_json::from_slice(&output.stdout).context("cargo metadata gives JSON")
}

pub(crate) fn faults(metadata: &Value) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().context("packages")? {
        let name = package["name"].as_str().context("a package's name")?;
        let Some((_, may_know, _)) = ALLOWED_DEPENDENCIES.iter().find(|(known, ..)| *known == name) else {
            faults.push(format!("{name}: a new crate; add its dependency rules to tidy and ARCHITECTURE.md"));
            continue;
        };
        // Dev-dependencies do not count.
        let dependencies = package["dependencies"].as_array().context("dependencies")?;
        for on in dependencies.iter().filter(|on| on["kind"] != "dev").filter_map(|on| on["name"].as_str()) {
            let ours = ALLOWED_DEPENDENCIES.iter().any(|(known, ..)| *known == on);
            if ours && !may_know.contains(&on) {
                faults.push(format!("{name} must not depend on {on}"));
            }
            if let Some((owner, ..)) = ALLOWED_DEPENDENCIES.iter().find(|(_, _, theirs)| theirs.contains(&on))
                && *owner != name
            {
                faults.push(format!("{name} depends on {on}, which only {owner} may use"));
            }
            if PURE.contains(&name) && IMPURE.contains(&on) {
                faults.push(format!("{name} is pure and must not depend on {on}"));
            }
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(name: &str, on: &str, kind: Option<&str>) -> usize {
        let dependencies = serde_json::json!([{ "name": on, "kind": kind }]);
        faults(&serde_json::json!({ "packages": [{ "name": name, "dependencies": dependencies }] }))
            .unwrap()
            .len()
    }

    #[test]
    fn arrows_point_one_way() {
        assert_eq!(faults_of("rebuttal-store", "rebuttal-disputes", None), 0);
        assert_eq!(faults_of("rebuttal-store", "rebuttal-server", None), 1);
        assert_eq!(faults_of("rebuttal-client", "rebuttal-store", None), 1);
        assert_eq!(faults_of("rebuttal-client", "rebuttal-testbed", Some("dev")), 0);
        assert_eq!(faults_of("rebuttal-extra", "serde", None), 1);
    }

    #[test]
    fn outside_crates_have_one_owner() {
        assert_eq!(faults_of("rebuttal-store", "rusqlite", None), 0);
        assert_eq!(faults_of("rebuttal-server", "rusqlite", None), 1);
        assert_eq!(faults_of("rebuttal-client", "axum", None), 1);
    }

    #[test]
    fn the_heart_is_pure() {
        assert_eq!(faults_of("rebuttal-protocol", "tokio", None), 1);
        assert_eq!(faults_of("rebuttal-disputes", "getrandom", None), 1);
        assert_eq!(faults_of("rebuttal-disputes", "proptest", Some("dev")), 0);
    }
}
