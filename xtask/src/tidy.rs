//! The repository rules, as checks that can fail: each looks at the tracked files or at `cargo metadata` and
//! returns one line per fault. Rules that clippy can check are checked by clippy.

mod dependency_rules;
mod documents;
mod forbidden_patterns;
mod handlers;
mod links;
mod modules;
mod sizes;
pub(crate) mod tree;
mod type_names;
mod words;

use std::path::Path;

use anyhow::{Result, bail};

use crate::limits;
use tree::Tree;

pub(crate) fn check(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let metadata = dependency_rules::metadata(root)?;
    let mut faults = dependency_rules::faults(&metadata)?;
    faults.extend(forbidden_patterns::faults(&tree));
    faults.extend(handlers::faults(&tree));
    faults.extend(sizes::faults(&tree));
    faults.extend(documents::faults(&tree));
    faults.extend(links::faults(&tree));
    faults.extend(limits::faults(&tree));
    faults.extend(modules::faults(&tree));
    faults.extend(type_names::faults(&tree));
    faults.extend(words::faults(&tree));
    report(&faults)
}

fn report(faults: &[String]) -> Result<()> {
    for fault in faults {
        println!("tidy: {fault}");
    }
    if !faults.is_empty() {
        bail!("{} faults", faults.len());
    }
    Ok(())
}
