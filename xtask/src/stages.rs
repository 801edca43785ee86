//! What `cargo xtask test` and `cargo xtask soak` consist of.

use std::io::BufReader;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use rebuttal_testbed::backend;

use crate::servers::Servers;
use crate::stage::{Passed, Stage, command, program, there_is};
use crate::{tidy, tools};

/// How much longer a soak is than the plain run, unless the environment says otherwise.
const SOAK_SCALE: &str = "10";
const SCALE: &str = "REBUTTAL_TEST_SCALE";
/// The end-to-end tests.
const END_TO_END: &str = "--package rebuttal --test it";
/// The backends that the end-to-end tests run on besides the default (SQLite and a folder), and the modules that are
/// skipped there: tests that choose their own backend, and on `postgres` the tests of merchants' programs, which do not
/// depend on the database.
const BACKENDS: [(&str, &str); 2] = [
    (
        "postgres",
        "outage|replicas|data_migration|strace|docs::(backup|growth|examples)|openapi::schemathesis|s3",
    ),
    ("postgres+s3", "outage|replicas|data_migration|strace|docs::(backup|growth)"),
];

pub(crate) fn test() -> Vec<Stage> {
    vec![
        Stage { name: "install", act: tools::install },
        Stage { name: "fmt", act: |root| program(root, "cargo fmt --all --check", &[]) },
        Stage {
            name: "clippy",
            act: |root| program(root, "cargo clippy --workspace --all-targets -- -D warnings", &[]),
        },
        Stage { name: "docs", act: docs },
        Stage { name: "tests", act: |root| tests(root, &[]) },
        Stage { name: "doctests", act: |root| program(root, "cargo test --workspace --doc --quiet", &[]) },
        Stage { name: "deny", act: deny },
        Stage { name: "tidy", act: |root| tidy::check(root).map(|()| Passed::default()) },
    ]
}

pub(crate) fn soak() -> Vec<Stage> {
    vec![
        Stage { name: "install", act: tools::install },
        Stage {
            name: "tests",
            act: |root| {
                let scale = std::env::var(SCALE).unwrap_or_else(|_| SOAK_SCALE.to_owned());
                tests(root, &[(SCALE, &scale), ("NEXTEST_PROFILE", "soak")])
            },
        },
    ]
}

fn docs(root: &Path) -> Result<Passed> {
    program(root, "cargo doc --workspace --no-deps", &[("RUSTDOCFLAGS", "-D warnings")])
}

/// Licences and advisories; only where cargo-deny is installed, for compiling it would take longer than the tests.
fn deny(root: &Path) -> Result<Passed> {
    if !there_is(root, "cargo deny --version") {
        println!("cargo-deny is not installed; licences and advisories are not looked at in this run");
        return Ok(Passed::default());
    }
    program(root, "cargo deny check", &[])
}

/// Runs all tests, including those that need more than Rust, then the end-to-end tests on every other backend. The
/// result is read from the runner's summary line, so that a run of no tests is a failure.
fn tests(root: &Path, env: &[(&str, &str)]) -> Result<Passed> {
    let servers = Servers::start(root);
    let variables = servers.variables();
    let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
    let env = &env.iter().copied().chain(variables).collect::<Vec<_>>();
    let everything = runner(root, "--workspace", None, env);
    let end_to_end = BACKENDS.map(|(name, skipped)| {
        runner(root, END_TO_END, Some(skipped), &[env.as_slice(), &[(backend::VARIABLE, name)]].concat())
    });
    let mut closing_lines = vec![everything?];
    for ((backend, _), summary) in BACKENDS.iter().zip(end_to_end) {
        closing_lines.push(format!("{} on {backend}", summary?));
    }
    Ok(Passed { closing_line: Some(closing_lines.join("; ")) })
}

/// Runs the tests of some packages with nextest, skipping some modules, or with cargo if nextest is not installed;
/// returns the summary line.
fn runner(root: &Path, packages: &str, skipped: Option<&str>, env: &[(&str, &str)]) -> Result<String> {
    if there_is(root, "cargo nextest --version") {
        let filter = skipped.map_or_else(String::new, |modules| format!(" -E not(test(/^({modules})::/))"));
        let line = format!(
            "cargo nextest run {packages} --run-ignored all --no-fail-fast --status-level slow{filter}"
        );
        return run_and_summarize(root, &line, env, nextest_summary);
    }
    let kinds = if packages == END_TO_END { "" } else { " --lib --bins --tests" };
    let line = format!("cargo test {packages}{kinds} --no-fail-fast -- --include-ignored");
    run_and_summarize(root, &line, env, cargo_summary)
}

/// Runs the tests with both streams shown as they come and read for the closing lines.
fn run_and_summarize(
    root: &Path,
    line: &str,
    env: &[(&str, &str)],
    summarize: fn(&[String]) -> Result<String>,
) -> Result<String> {
    println!("{line}");
    let mut command = command(root, line, env)?;
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("piped")?;
    let stderr = child.stderr.take().context("piped")?;
    let reader = std::thread::spawn(move || echo(BufReader::new(stdout)));
    let mut lines = echo(BufReader::new(stderr));
    lines.extend(reader.join().unwrap_or_default());
    let status = child.wait()?;
    let closing_line = summarize(&lines)?;
    if !status.success() {
        bail!("{closing_line} ({status})");
    }
    Ok(closing_line)
}

fn echo(from: impl std::io::BufRead) -> Vec<String> {
    let show = |line: &String| println!("{line}");
    from.lines().map_while(Result::ok).inspect(show).collect()
}

/// nextest ends with `Summary [ 1.2s] 31 tests run: 31 passed, 0 skipped`.
fn nextest_summary(lines: &[String]) -> Result<String> {
    let summary = lines.iter().rev().find(|line| line.trim_start().starts_with("Summary ["));
    let summary = summary.context("the test runner gave no summary")?.trim();
    let counts = summary.split_once(']').map_or(summary, |(_, counts)| counts).trim();
    if counts.starts_with("0 tests") || counts.contains("failed") || counts.contains("timed out") {
        bail!("{counts}");
    }
    Ok(counts.to_owned())
}

/// cargo ends every test binary with `test result: ok. 31 passed; 0 failed; …`; the counts are added up.
fn cargo_summary(lines: &[String]) -> Result<String> {
    let results = lines.iter().filter_map(|line| line.trim_start().strip_prefix("test result: "));
    let (mut passed, mut failed) = (0, 0);
    for result in results {
        passed += count_before(result, " passed");
        failed += count_before(result, " failed");
    }
    let counts = format!("{} tests run: {passed} passed, {failed} failed", passed + failed);
    if passed == 0 || failed > 0 {
        bail!("{counts}");
    }
    Ok(counts)
}

fn count_before(text: &str, word: &str) -> u32 {
    let before = text.split_once(word).map_or("", |(before, _)| before);
    before.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_run_is_judged_by_its_closing_line() {
        let good = "   PASS x\n     Summary [   0.019s] 2 tests run: 2 passed, 0 skipped";
        assert_eq!(nextest_summary(&lines(good)).unwrap(), "2 tests run: 2 passed, 0 skipped");
        for bad in [
            "",
            "error: could not compile",
            "     Summary [   0.0s] 0 tests run: 0 passed, 3 skipped",
            "     Summary [   0.1s] 2 tests run: 1 passed, 1 failed, 0 skipped",
            "     Summary [   0.1s] 2 tests run: 1 passed, 1 timed out, 0 skipped",
        ] {
            assert!(nextest_summary(&lines(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn cargo_runs_are_added_up() {
        let good =
            "test result: ok. 3 passed; 0 failed; 0 ignored\ntest result: ok. 4 passed; 0 failed; 1 ignored";
        assert_eq!(cargo_summary(&lines(good)).unwrap(), "7 tests run: 7 passed, 0 failed");
        assert!(cargo_summary(&lines("test result: FAILED. 3 passed; 1 failed; 0 ignored")).is_err());
        assert!(cargo_summary(&lines("test result: ok. 0 passed; 0 failed; 0 ignored")).is_err());
    }
}
