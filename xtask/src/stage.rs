//! Runs stages one after another, prints the time each took, and ends with one line, the verdict. `stages`
//! lists them.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// A step whose failure fails the run, but does not stop it: one run reports all faults.
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) act: fn(&Path) -> Result<Passed>,
}

/// The result of a successful stage; the tests' closing line becomes part of the run's last line.
#[derive(Default)]
pub(crate) struct Passed {
    pub(crate) closing_line: Option<String>,
}

struct Report {
    name: &'static str,
    took: Duration,
    outcome: Result<Passed>,
}

pub(crate) fn run(root: &Path, stages: &[Stage]) -> Result<ExitCode> {
    let mut reports = Vec::new();
    for stage in stages {
        println!("\n── {} ──", stage.name);
        let start = Instant::now();
        let outcome = (stage.act)(root);
        if let Err(error) = &outcome {
            println!("{}: {error:#}", stage.name);
        }
        reports.push(Report { name: stage.name, took: start.elapsed(), outcome });
    }
    print!("{}", table(&reports));
    Ok(verdict(&reports))
}

fn table(reports: &[Report]) -> String {
    let mut text = String::from("\n stage        time  result\n");
    let mut total = Duration::ZERO;
    for Report { name, took, outcome } in reports {
        let result = outcome.as_ref().map_or_else(|error| format!("FAILED: {error:#}"), |_| "ok".to_owned());
        text.push_str(&format!(" {name:<9} {:>6.1}s  {}\n", took.as_secs_f64(), first_line(&result)));
        total += *took;
    }
    text.push_str(&format!(" {:<9} {:>6.1}s\n\n", "all", total.as_secs_f64()));
    text
}

/// The last line depends on the test runner's closing line and on the result of every stage.
fn verdict(reports: &[Report]) -> ExitCode {
    let failed: Vec<_> =
        reports.iter().filter(|report| report.outcome.is_err()).map(|report| report.name).collect();
    let closing_line =
        reports.iter().find_map(|report| report.outcome.as_ref().ok()?.closing_line.as_deref());
    let closing_line = closing_line.unwrap_or("no tests ran");
    if failed.is_empty() {
        println!("PASSED: {closing_line}");
        ExitCode::SUCCESS
    } else {
        println!("FAILED in {}; {closing_line}", failed.join(", "));
        ExitCode::FAILURE
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Runs a program in the workspace, with inherited output.
pub(crate) fn program(root: &Path, line: &str, env: &[(&str, &str)]) -> Result<Passed> {
    let status = command(root, line, env)?.status().with_context(|| format!("cannot run `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(Passed::default())
}

/// A command from its words, none of which contains a space.
pub(crate) fn command(root: &Path, line: &str, env: &[(&str, &str)]) -> Result<Command> {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().context("an empty command")?);
    command.args(words).envs(env.iter().copied()).current_dir(root);
    Ok(command)
}

/// Whether a program can be run.
pub(crate) fn is_available(root: &Path, line: &str) -> bool {
    command(root, line, &[]).and_then(|mut command| Ok(command.output()?.status.success())).unwrap_or(false)
}
