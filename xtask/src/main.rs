//! The project's own tasks: `test` is everything a change must pass, `tidy` the repository rules alone, `soak` the
//! black-box stories with larger counts, `regenerate` the pages that are made from the code. What only a developer's
//! machine needs does not belong here.

mod limits;
mod servers;
mod stage;
mod stages;
mod tidy;
mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

const USAGE: &str = "\
Usage: cargo xtask <task>

  test         install what the tests need, then fmt, clippy, docs, all tests, doc tests, tidy
  tidy         the repository rules alone: dependencies, forbidden patterns, sizes, documents
  soak         the black-box stories with ten times the counts (REBUTTAL_TEST_SCALE changes the factor)
  regenerate   docs/reference, from the code that it tells of";

fn main() -> ExitCode {
    match task() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn task() -> Result<ExitCode> {
    let root = root()?;
    let mut words = std::env::args().skip(1);
    match (words.next().as_deref(), words.next()) {
        (Some("test"), None) => stage::run(&root, &stages::test()),
        (Some("soak"), None) => stage::run(&root, &stages::soak()),
        (Some("tidy"), None) => {
            tidy::check(&root)?;
            println!("tidy: no faults");
            Ok(ExitCode::SUCCESS)
        }
        (Some("regenerate"), None) => {
            limits::regenerate(&root)?;
            // The other pages are made where the program's own words are at hand.
            stage::program(
                &root,
                "cargo test --package rebuttal --package rebuttal-server --bins --lib --quiet reference",
                &[("REBUTTAL_REGENERATE", "1")],
            )?;
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("{USAGE}"),
    }
}

/// The workspace's folder, wherever cargo was called.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("xtask lies in the workspace")?.to_owned())
}
