//! Runs tests with nextest, or with cargo if nextest is not installed, and reads the result from the runner's summary,
//! so that a run without tests is a failure.

use std::io::BufReader;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::stage::{command, is_available};

/// Where nextest writes the times of a run, by `.config/nextest.toml`; a folder for each profile.
const JUNIT: [&str; 2] = ["target/nextest/default/junit.xml", "target/nextest/soak/junit.xml"];
/// How many of the slowest tests are printed after a run.
const SLOWEST: usize = 20;

/// Tests that run together: some packages, some of their tests, on one backend.
pub(crate) struct TestRun {
    /// The label of this run in the closing line.
    pub(crate) label: &'static str,
    pub(crate) packages: &'static str,
    /// A nextest filter expression without spaces. Cargo has none, and then runs all tests of the packages.
    pub(crate) filter: Option<String>,
    pub(crate) env: Vec<(&'static str, String)>,
}

/// How long a test took, in seconds.
type TestTime = (f64, String);

/// Makes all runs, even after a failure, prints the slowest tests, and returns the closing lines joined.
pub(crate) fn run_all(root: &Path, runs: &[TestRun]) -> Result<String> {
    let mut times = Vec::new();
    let mut results = Vec::new();
    for run in runs {
        for report in JUNIT {
            // The report of an earlier run must not be read as this one's.
            drop(std::fs::remove_file(root.join(report)));
        }
        results.push(run.start(root).map(|counts| format!("{counts}{}", run.label)));
        times.extend(times_of(root, run.label));
    }
    print!("{}", slowest(times));
    Ok(results.into_iter().collect::<Result<Vec<_>>>()?.join("; "))
}

impl TestRun {
    fn start(&self, root: &Path) -> Result<String> {
        let packages = self.packages;
        if is_available(root, "cargo nextest --version") {
            let filter = self.filter.as_ref().map_or_else(String::new, |filter| format!(" -E {filter}"));
            let line = format!(
                "cargo nextest run {packages} --run-ignored all --no-fail-fast --status-level slow{filter}"
            );
            return run_and_summarize(root, &line, &self.env, nextest_summary);
        }
        let kinds = if packages.contains("--test ") { "" } else { " --lib --bins --tests" };
        let line = format!("cargo test {packages}{kinds} --no-fail-fast -- --include-ignored");
        run_and_summarize(root, &line, &self.env, cargo_summary)
    }
}

/// Twice as many tests as processors: many wait for a timer of the gateway, or for a program that they started.
fn threads() -> usize {
    2 * std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs the tests, prints both output streams, and reads the closing lines from them.
fn run_and_summarize(
    root: &Path,
    line: &str,
    env: &[(&'static str, String)],
    summarize: fn(&[String]) -> Result<String>,
) -> Result<String> {
    println!("{line}");
    let mut command = command(root, line, &[("NEXTEST_TEST_THREADS", &threads().to_string())])?;
    command.envs(env.iter().map(|(name, value)| (name, value)));
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
    let summary = summary.context("the test runner printed no summary")?.trim();
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

/// The times of the last run; none without a report of nextest.
fn times_of(root: &Path, label: &str) -> Vec<TestTime> {
    let reports = JUNIT.iter().filter_map(|report| std::fs::read_to_string(root.join(report)).ok());
    reports.flat_map(|report| junit_times(&report, label)).collect()
}

/// `<testcase name="…" classname="…" … time="1.234">`, the form in which nextest writes it.
fn junit_times(report: &str, label: &str) -> Vec<TestTime> {
    let attribute = |case: &str, name: &str| {
        let (_, value) = case.split_once(&format!(" {name}=\""))?;
        Some(value.split_once('"')?.0.to_owned())
    };
    let cases = report.split("<testcase").skip(1);
    cases
        .filter_map(|case| {
            let seconds = attribute(case, "time")?.parse().ok()?;
            Some((seconds, format!("{} {}{label}", attribute(case, "classname")?, attribute(case, "name")?)))
        })
        .collect()
}

fn slowest(mut times: Vec<TestTime>) -> String {
    times.sort_by(|one, other| other.0.total_cmp(&one.0));
    let all: f64 = times.iter().map(|(seconds, _)| seconds).sum();
    let mut text = String::new();
    for (seconds, name) in times.iter().take(SLOWEST) {
        text.push_str(&format!(" {seconds:>7.1}s  {name}\n"));
    }
    if !text.is_empty() {
        text =
            format!("\nslowest of {} tests, which took {all:.0} s one after another:\n{text}", times.len());
    }
    text
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

    #[test]
    fn slowest_tests_are_printed_first() {
        let report = "<testsuite name=\"a\">\n\
            <testcase name=\"b::c\" classname=\"a::it\" timestamp=\"2026\" time=\"0.5\">\n</testcase>\n\
            <testcase name=\"d\" classname=\"a::it\" timestamp=\"2026\" time=\"12.25\"/>";
        let printed = slowest(junit_times(report, " on s3"));
        let lines: Vec<_> = printed.lines().skip(2).map(str::trim).collect();
        assert_eq!(lines, ["12.2s  a::it d on s3", "0.5s  a::it b::c on s3"]);
        assert_eq!(slowest(junit_times("", "")), "");
    }
}
