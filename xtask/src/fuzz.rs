//! Fuzzing: cargo-fuzz gives each parser of hostile bytes inputs that it alters by what they reach.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::stage::{Passed, command, program};

/// The fuzzer's own workspace.
const FOLDER: &str = "xtask/fuzz";
/// Inputs that fuzzing begins with, a folder for each target.
const SEEDS: &str = "xtask/fuzz/seeds";
/// Files that the targets of a worker's readers begin with, in addition.
const FILES: [&str; 3] =
    ["testdata/evidence", "crates/documents/tests/cases/accept", "crates/documents/tests/cases/refuse"];
const READERS: &str = "inspect_";
/// cargo-fuzz, installed once.
const TOOL_FOLDER: &str = "target/test-tools/cargo-fuzz-0.13.2";
const INSTALL: &str = "cargo install cargo-fuzz --version 0.13.2 --locked --root";
/// How long a target is fuzzed in the full tier, and in soak.
pub(crate) const QUICK_SECONDS: u32 = 60;
pub(crate) const SOAK_SECONDS: u32 = 3600;
/// An input that takes longer is a finding: a worker has two seconds for a file.
const INPUT_SECONDS: u32 = 5;
/// An input that needs more memory is a finding: a worker has 256 MiB.
const MEMORY_MB: u32 = 512;

/// Runs every target for so many seconds. A finding fails, and stays in `xtask/fuzz/artifacts`.
pub(crate) fn run(root: &Path, seconds: u32) -> Result<Passed> {
    let tool = root.join(TOOL_FOLDER);
    if !tool.exists() {
        program(root, &format!("{INSTALL} {TOOL_FOLDER}"), &[])?;
    }
    let listed = cargo_fuzz(root, &["list"])?.output().context("cannot list the targets")?;
    let targets = String::from_utf8(listed.stdout)?;
    ensure!(!targets.is_empty(), "there are no targets: {}", String::from_utf8_lossy(&listed.stderr));
    for target in targets.lines() {
        let corpus = root.join(FOLDER).join("corpus").join(target);
        std::fs::create_dir_all(&corpus)?;
        let files = FILES.into_iter().filter(|_| target.starts_with(READERS)).map(|files| root.join(files));
        let mut fuzz = cargo_fuzz(root, &["run", "--sanitizer", "none", target])?;
        // New inputs are written to the first folder.
        fuzz.arg(corpus)
            .args([root.join(SEEDS).join(target)].into_iter().chain(files).filter(|seeds| seeds.exists()));
        fuzz.arg("--").arg(format!("-max_total_time={seconds}"));
        fuzz.arg(format!("-timeout={INPUT_SECONDS}")).arg(format!("-rss_limit_mb={MEMORY_MB}"));
        let status = fuzz.status().with_context(|| format!("cannot fuzz {target}"))?;
        ensure!(status.success(), "{target}: {status}; the input is in xtask/fuzz/artifacts/{target}");
    }
    let closing_line = format!("{} targets fuzzed for {seconds} s each", targets.lines().count());
    Ok(Passed { closing_line: Some(closing_line) })
}

/// Its instrumentation is stable in the compiler, and behind a flag that only nightly has without this variable.
fn cargo_fuzz(root: &Path, words: &[&str]) -> Result<std::process::Command> {
    let tool = root.join(TOOL_FOLDER).join("bin/cargo-fuzz");
    let mut fuzz = command(&root.join(FOLDER), &tool.to_string_lossy(), &[("RUSTC_BOOTSTRAP", "1")])?;
    fuzz.args(words);
    Ok(fuzz)
}
