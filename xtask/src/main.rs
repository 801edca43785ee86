//! The project's own tasks: `test` is everything a change must pass, `tidy` the repository rules alone, `soak` the
//! end-to-end tests with larger counts, `mutants` how much of a change the tests of some crates notice, `fuzz`
//! hostile bytes for every parser, `regenerate` the pages that are generated from the code.

mod deny;
mod fuzz;
mod limits;
mod mutants;
mod runner;
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

  test           install what the tests need, then fmt, tidy, licences, clippy, docs, all tests on SQLite and a folder,
                 and a sample of the end-to-end tests on PostgreSQL and S3
  test --full    the same with all end-to-end tests on every backend, and ten times as many kills and races
  test <pattern> the tests whose name matches, with the servers that they need (REBUTTAL_TEST_BACKEND=postgres+s3)
  soak           all tests on every backend, and ten times as many again (REBUTTAL_TEST_SCALE changes the factor)
  mutants [part] cargo-mutants over the crates that decide, or their files with `part` in the path; fails where a
                 file's tests catch a smaller share than its floor
  fuzz [seconds] cargo-fuzz over every parser of hostile bytes, a minute each unless it says otherwise
  tidy           the repository rules alone: dependencies, forbidden patterns, sizes, documents, words
  regenerate     docs/reference, from the code that it describes";

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
    match (words.next().as_deref(), words.next().as_deref()) {
        (Some("test"), None) => stage::run(&root, &stages::test()),
        (Some("test"), Some("--full")) => stage::run(&root, &stages::full()),
        (Some("test"), Some(pattern)) => stages::matching(&root, pattern).map(|()| ExitCode::SUCCESS),
        (Some("soak"), None) => stage::run(&root, &stages::soak()),
        (Some("mutants"), part) => mutants::run(&root, part.unwrap_or_default()).map(|()| ExitCode::SUCCESS),
        (Some("fuzz"), seconds) => {
            let seconds =
                seconds.map_or(Ok(fuzz::QUICK_SECONDS), str::parse).context("a number of seconds")?;
            fuzz::run(&root, seconds).map(|_| ExitCode::SUCCESS)
        }
        (Some("tidy"), None) => {
            tidy::check(&root)?;
            println!("tidy: no faults");
            Ok(ExitCode::SUCCESS)
        }
        (Some("regenerate"), None) => {
            limits::regenerate(&root)?;
            // The other pages are written by tests of the crates that define their content.
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

/// The workspace's folder, independent of the current one.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("xtask is in the workspace")?.to_owned())
}
