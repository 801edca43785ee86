//! Which crates may be published, and that those say what a registry and their reader need. What they say of
//! themselves is theirs.

use anyhow::{Context as _, Result};
use serde_json::Value;

/// What a merchant's own program builds on. Everything else is the gateway, which is installed, not depended on.
const PUBLISHED: [&str; 2] = ["rebuttal-protocol", "rebuttal-client"];
/// A registry refuses a crate without the first two; a reader misses the others.
const NEEDED: [&str; 4] = ["description", "license", "repository", "readme"];

pub(crate) fn faults(metadata: &Value) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for package in metadata["packages"].as_array().context("packages")? {
        let name = package["name"].as_str().context("a package's name")?;
        // Anywhere is `null`, nowhere is no registry.
        match (PUBLISHED.contains(&name), package["publish"].is_null()) {
            (true, true) => {
                let missing = NEEDED.iter().filter(|key| package[**key].is_null());
                faults.extend(missing.map(|key| format!("{name}: is published and has no {key}")));
            }
            (false, false) => {}
            (true, false) => {
                faults.push(format!("{name}: merchants build on it, and it cannot be published"))
            }
            (false, true) => faults.push(format!("{name}: lacks `publish.workspace = true`")),
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults_of(package: Value) -> usize {
        faults(&json!({ "packages": [package] })).unwrap().len()
    }

    #[test]
    fn what_merchants_build_on_can_be_published_and_nothing_else() {
        let complete = json!({ "name": "rebuttal-client", "publish": null, "description": "d", "license": "l",
            "repository": "r", "readme": "README.md" });
        assert_eq!(faults_of(complete), 0);
        assert_eq!(faults_of(json!({ "name": "rebuttal-client", "publish": null })), NEEDED.len());
        assert_eq!(faults_of(json!({ "name": "rebuttal-protocol", "publish": [] })), 1);
        assert_eq!(faults_of(json!({ "name": "rebuttal-server", "publish": [] })), 0);
        assert_eq!(faults_of(json!({ "name": "rebuttal-server", "publish": null })), 1);
    }
}
