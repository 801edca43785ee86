//! Licences, bans, sources and advisories of the dependencies, by cargo-deny with `deny.toml`. A run does not fail if
//! the list of advisories cannot be fetched.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail};

use crate::stage::Passed;
use crate::tools;

/// What cargo-deny writes when it could not fetch the list of advisories.
const NOT_FETCHED: &str = "failed to fetch advisory database";

pub(crate) fn check(root: &Path) -> Result<Passed> {
    let rules = cargo_deny(root, &["licenses", "bans", "sources"])?;
    if !rules.status.success() {
        bail!("cargo-deny reported licenses, bans or sources ({})", rules.status);
    }
    let advisories = cargo_deny(root, &["advisories"])?;
    if !advisories.status.success() {
        if !String::from_utf8_lossy(&advisories.stderr).contains(NOT_FETCHED) {
            bail!("cargo-deny reported advisories ({})", advisories.status);
        }
        println!("advisories were not checked, because their list could not be fetched");
    }
    Ok(Passed::default())
}

fn cargo_deny(root: &Path, checks: &[&str]) -> Result<Output> {
    let mut command = Command::new(tools::cargo_deny(root));
    let output =
        command.arg("check").args(checks).current_dir(root).output().context("cannot run cargo-deny")?;
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(output)
}
