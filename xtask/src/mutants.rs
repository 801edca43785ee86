//! Mutation testing: cargo-mutants changes one expression after another of the code that decides, and a test of the
//! crate must fail. Each file has a floor, a share of the mutants that build; a file below it fails the command.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::stage::{command, is_available};

/// Files, and the least percentage of caught mutants in each. Behind
/// each, what was caught on 2026-12-01 of the mutants that build.
const FLOORS: [(&str, usize); 10] = [
    ("crates/protocol/src/**", 95),        // 333 of 333
    ("crates/disputes/src/**", 95),        // 120 of 120
    ("crates/store/src/batch.rs", 90),     // 33 of 33
    ("crates/store/src/committer.rs", 90), // 38 of 38, three of them by the timeout
    ("crates/evidence/src/form.rs", 90),   // 39 of 39, one of them by the timeout
    ("crates/evidence/src/form/**", 90),   // 7 of 7, two of them by the timeout
    ("crates/evidence/src/policy.rs", 90), // 3 of 3
    ("crates/evidence/src/policy/**", 90), // 48 of 48
    ("crates/client/src/attempts.rs", 90), // 35 of 36
    ("crates/client/src/retry.rs", 90),    // 30 of 30
];
/// The output folder of cargo-mutants.
const OUTPUT: &str = "target/mutants";
const OUTCOMES: &str = "target/mutants/mutants.out/outcomes.json";
/// A mutant with an endless loop counts as caught after this many seconds.
const TEST_TIMEOUT_SECONDS: &str = "60";

/// Runs it over the files whose path contains `part`, or over all of them.
pub(crate) fn run(root: &Path, part: &str) -> Result<()> {
    if !is_available(root, "cargo mutants --version") {
        bail!("cargo-mutants is not installed; run `cargo install cargo-mutants --locked` and this again");
    }
    let floors: Vec<_> = FLOORS.into_iter().filter(|(files, _)| files.contains(part)).collect();
    if floors.is_empty() {
        bail!(
            "no file with `{part}` in its path has a floor; xtask/src/mutants.rs lists those that have one"
        );
    }
    let mut mutants = command(root, "cargo mutants --workspace --no-shuffle --test-tool nextest", &[])?;
    mutants.args(["--output", OUTPUT, "--timeout", TEST_TIMEOUT_SECONDS]);
    for (files, _) in &floors {
        mutants.args(["--file", files]);
    }
    std::fs::create_dir_all(root.join(OUTPUT))?;
    // cargo-mutants fails for every missed mutant; the report is compared with the floor instead.
    let status = mutants.status().context("cannot run cargo-mutants")?;
    let report = std::fs::read_to_string(root.join(OUTCOMES))
        .with_context(|| format!("cargo-mutants ended with {status} and without a report"))?;
    let counts = counts(&serde_json::from_str(&report)?)?;
    if counts.is_empty() {
        bail!("cargo-mutants tried no mutant ({status})");
    }
    let mut below = 0;
    for (file, Counts { caught, missed }) in &counts {
        let (floor, share) = (floor(file), caught * 100 / (caught + missed));
        let verdict = if share < floor { format!("below its floor of {floor} %") } else { String::new() };
        below += usize::from(share < floor);
        println!("{share:>4} % of {:>3}  {file}  {verdict}", caught + missed);
    }
    if below > 0 {
        bail!(
            "{below} of {} files are below their floor; {OUTPUT}/mutants.out/missed.txt lists what was missed",
            counts.len()
        );
    }
    Ok(())
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    caught: usize,
    missed: usize,
}

/// The mutants of each file that built.
fn counts(report: &Value) -> Result<BTreeMap<String, Counts>> {
    let mut counts = BTreeMap::<_, Counts>::new();
    for outcome in report["outcomes"].as_array().context("a report has outcomes")? {
        let Some(file) = outcome.pointer("/scenario/Mutant/file").and_then(Value::as_str) else { continue };
        let of_file = counts.entry(file.to_owned());
        match outcome["summary"].as_str() {
            Some("CaughtMutant" | "Timeout") => of_file.or_default().caught += 1,
            Some("MissedMutant") => of_file.or_default().missed += 1,
            _ => {}
        }
    }
    Ok(counts)
}

fn floor(file: &str) -> usize {
    let of_file = FLOORS.iter().find(|(files, _)| file.starts_with(files.trim_end_matches("**")));
    of_file.map_or(0, |(_, floor)| *floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutants_that_build_are_counted_by_file() {
        let outcome = |file: &str, summary: &str| serde_json::json!({ "scenario": { "Mutant": { "file": file } }, "summary": summary });
        let report = serde_json::json!({ "outcomes": [
            { "scenario": "Baseline", "summary": "Success" },
            outcome("a.rs", "CaughtMutant"), outcome("a.rs", "Timeout"), outcome("a.rs", "MissedMutant"),
            outcome("b.rs", "Unviable"), outcome("c.rs", "MissedMutant"),
        ] });
        let counts = counts(&report).unwrap();
        assert_eq!(counts.keys().collect::<Vec<_>>(), ["a.rs", "c.rs"]);
        assert_eq!(counts["a.rs"], Counts { caught: 2, missed: 1 });
        assert_eq!(counts["c.rs"], Counts { caught: 0, missed: 1 });
    }

    #[test]
    fn floors_are_of_files_that_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (files, _) in FLOORS {
            assert!(root.join(files.trim_end_matches("/**")).exists(), "{files}");
        }
    }

    #[test]
    fn each_file_has_the_floor_of_its_pattern() {
        assert_eq!(floor("crates/protocol/src/operator/app.rs"), 95);
        assert_eq!(floor("crates/evidence/src/policy/check.rs"), 90);
        assert_eq!(floor("crates/cli/src/main.rs"), 0);
    }
}
