//! What `cargo xtask test`, `cargo xtask test --full` and `cargo xtask soak` consist of.

use std::path::Path;

use anyhow::Result;
use rebuttal_testbed::backend;

use crate::runner::{TestRun, run_all};
use crate::servers::Servers;
use crate::stage::{Passed, Stage, program};
use crate::{deny, fuzz, tidy, tools};

/// Multiplies the counts of kills, races and disconnects; by default the tests make a tenth of them.
const SCALE: &str = "REBUTTAL_TEST_SCALE";
const FULL_SCALE: &str = "1";
const SOAK_SCALE: &str = "10";
/// The tests that start the real binary.
const END_TO_END: &str = "--workspace --test it";
/// The other backend of the quick tier, and the tests that run on it: one group for each way in which behaviour depends
/// on the database or the evidence store. All of them run on the default backend, too.
const SAMPLE_BACKEND: &str = "postgres+s3";
const SAMPLE: [(&str, &str); 9] = [
    ("^raw::contest::", "what a contest stores, compares and refuses"),
    ("^raw::states::every_state_accepts_its_actions_only$", "every command in every state"),
    ("^raw::accept_and_query::(accept|query)", "reads, and repetition of an accept"),
    ("^raw::freshness::", "nonces, in transactions and across a restart"),
    ("^raw::deadlines::(expired|restarted_gateway)", "expiry, and a gateway restarted after the deadline"),
    ("^raw::operator::", "idempotency keys, lists, pages and histories"),
    ("^raw::tokens::(revoked|token_revoked|first_token)", "revocation within the transaction"),
    ("^races::", "two requests for one dispute"),
    ("^data_dir::restart_keeps_all_data$", "a restart"),
];
/// The backends that the end-to-end tests run on in the full tier besides the default (SQLite and a folder), and the
/// modules that are skipped there: tests that choose their own backend or start no gateway, and on `postgres` the tests
/// of merchants' programs, which do not depend on the database.
const BACKENDS: [(&str, &str, &str); 2] = [
    (
        "postgres",
        " on postgres",
        "commands|outage|replicas|data_migration|strace|docs::(backup|examples)|openapi::schemathesis|s3",
    ),
    (SAMPLE_BACKEND, " on postgres+s3", "commands|outage|replicas|data_migration|strace|docs::backup"),
];

/// What a change must pass: all tests on the default backend, and a sample on another.
pub(crate) fn test() -> Vec<Stage> {
    checks(|root| tests(root, &[sample()], &[]))
}

/// The tests whose name matches a pattern alone, with the servers that they need, on the backend of
/// [`backend::VARIABLE`].
pub(crate) fn matching(root: &Path, pattern: &str) -> Result<()> {
    tools::install(root)?;
    let servers = Servers::start(root);
    let filter = Some(format!("test(/{pattern}/)"));
    let run = TestRun { label: "", packages: "--workspace", filter, env: servers.variables() };
    println!("PASSED: {}", run_all(root, &[run])?);
    Ok(())
}

/// What a change must pass, with every end-to-end test on every backend, and with all kills, races and disconnects.
pub(crate) fn full() -> Vec<Stage> {
    let mut stages = checks(|root| tests(root, &everywhere(), &[(SCALE, &scale(FULL_SCALE))]));
    stages.push(Stage { name: "fuzz", act: |root| fuzz::run(root, fuzz::QUICK_SECONDS) });
    stages
}

/// The tests of the full tier alone, with ten times its counts.
pub(crate) fn soak() -> Vec<Stage> {
    let soak =
        |root: &Path| tests(root, &everywhere(), &[(SCALE, &scale(SOAK_SCALE)), ("NEXTEST_PROFILE", "soak")]);
    vec![
        Stage { name: "install", act: tools::install },
        Stage { name: "tests", act: soak },
        Stage { name: "fuzz", act: |root| fuzz::run(root, fuzz::SOAK_SECONDS) },
    ]
}

/// The tests come last, so that a formatting fault is seen in seconds.
fn checks(tests: fn(&Path) -> Result<Passed>) -> Vec<Stage> {
    vec![
        Stage { name: "install", act: tools::install },
        Stage { name: "fmt", act: |root| program(root, "cargo fmt --all --check", &[]) },
        Stage { name: "tidy", act: |root| tidy::check(root).map(|()| Passed::default()) },
        Stage { name: "deny", act: deny::check },
        Stage {
            name: "clippy",
            act: |root| program(root, "cargo clippy --workspace --all-targets -- -D warnings", &[]),
        },
        Stage {
            name: "docs",
            act: |root| program(root, "cargo doc --workspace --no-deps", &[("RUSTDOCFLAGS", "-D warnings")]),
        },
        Stage { name: "doctests", act: |root| program(root, "cargo test --workspace --doc --quiet", &[]) },
        Stage { name: "tests", act: tests },
    ]
}

/// The factor of a tier, unless the environment sets one.
fn scale(of_tier: &str) -> String {
    std::env::var(SCALE).unwrap_or_else(|_| of_tier.to_owned())
}

/// Some end-to-end tests on another backend.
struct OtherBackend {
    name: &'static str,
    label: &'static str,
    filter: String,
}

fn sample() -> OtherBackend {
    let patterns = SAMPLE.map(|(pattern, _)| format!("test(/{pattern}/)"));
    OtherBackend {
        name: SAMPLE_BACKEND,
        label: " on postgres+s3",
        filter: format!("package(rebuttal)&({})", patterns.join("|")),
    }
}

fn everywhere() -> [OtherBackend; 2] {
    BACKENDS.map(|(name, label, skipped)| OtherBackend {
        name,
        label,
        filter: format!("package(rebuttal)&not(test(/^({skipped})::/))"),
    })
}

/// Runs all tests, those that need more than Rust included, then some of the end-to-end tests on other backends.
fn tests(root: &Path, other_backends: &[OtherBackend], env: &[(&'static str, &str)]) -> Result<Passed> {
    let servers = Servers::start(root);
    let mut variables = servers.variables();
    variables.extend(env.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let mut runs = vec![TestRun { label: "", packages: "--workspace", filter: None, env: variables.clone() }];
    for OtherBackend { name, label, filter } in other_backends {
        let backend = [(backend::VARIABLE, (*name).to_owned())];
        runs.push(TestRun {
            label,
            packages: END_TO_END,
            filter: Some(filter.clone()),
            env: variables.iter().cloned().chain(backend).collect(),
        });
    }
    run_all(root, &runs).map(|closing_line| Passed { closing_line: Some(closing_line) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests below a folder, named as nextest names them.
    fn tests_below(folder: &Path, module: &str) -> Vec<String> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let module = format!("{module}{}::", path.file_stem().unwrap().to_string_lossy());
            if path.is_dir() {
                names.extend(tests_below(&path, &module));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                let functions = text.lines().filter_map(|line| line.strip_prefix("fn ")?.split_once("()"));
                names.extend(functions.map(|(name, _)| format!("{module}{name}")));
            }
        }
        names
    }

    #[test]
    fn each_pattern_of_a_tier_matches_a_test() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/cli/tests/it");
        let names = tests_below(&folder, "");
        let skipped = BACKENDS.iter().flat_map(|(_, _, skipped)| modules_of(skipped));
        let patterns = SAMPLE.iter().map(|(pattern, _)| (*pattern).to_owned()).chain(skipped);
        for pattern in patterns {
            let regex = regex::Regex::new(&pattern).unwrap();
            assert!(names.iter().any(|name| regex.is_match(name)), "{pattern} matches no test");
        }
    }

    /// `a|b::(c|d)` as `^a::`, `^b::(c|d)::`: it is split outside of parentheses only.
    fn modules_of(skipped: &str) -> Vec<String> {
        let mut depth = 0;
        let apart = |character: char| {
            depth += i32::from(character == '(') - i32::from(character == ')');
            character == '|' && depth == 0
        };
        skipped.split(apart).map(|module| format!("^{module}::")).collect()
    }
}
