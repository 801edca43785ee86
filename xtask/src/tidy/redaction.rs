//! `sign` and `verify` examine requests that may contain a secret anywhere. One file of theirs redacts secrets, so that
//! nothing else of them prints.

use super::tree::{File, Tree};

/// Their files.
const MODULES: [&str; 4] = [
    "crates/cli/src/sign.rs",
    "crates/cli/src/signing",
    "crates/cli/src/verify.rs",
    "crates/cli/src/verify/",
];
/// The one that may print.
const REDACTOR: &str = "crates/cli/src/signing/redactor.rs";
/// What prints: macros, streams, and what is built on them. All of `terminal` does, but for what only returns a text.
const PRINTING: [&str; 7] =
    ["print!(", "println!(", "dbg!(", "stdout()", "stderr()", "outcome::finish_output(", "outcome::finish("];
const PURE: [&str; 10] = [
    "shell_quote",
    "dim",
    "bold",
    "command",
    "sanitize",
    "relative_time",
    "short_time",
    "ok_mark",
    "fail_mark",
    "warn_mark",
];

pub(crate) fn faults(tree: &Tree) -> Vec<String> {
    let theirs =
        |file: &&File| file.path != REDACTOR && MODULES.iter().any(|module| file.path.starts_with(module));
    let mut faults: Vec<_> = tree.sources().filter(theirs).flat_map(of).collect();
    if !tree.sources().any(|file| file.path == REDACTOR) {
        faults.push(format!("{REDACTOR} is missing; name here the file that prints for sign and verify"));
    }
    faults
}

fn of(file: &File) -> impl Iterator<Item = String> {
    let prints = |line: &str| {
        let mut calls = line.split("terminal::").skip(1);
        PRINTING.iter().any(|word| line.contains(word))
            || calls.any(|after| {
                let name = after.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').next();
                !PURE.contains(&name.unwrap_or_default())
            })
    };
    let printed = file.code().filter(move |(_, line)| prints(line));
    printed
        .map(|(number, _)| format!("{}:{number}: sign and verify print through {REDACTOR} alone", file.path))
}

#[cfg(test)]
mod tests {
    use super::super::tree::sample;
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        faults(&sample(&[(REDACTOR, "terminal::println(line)"), (path, text)])).len()
    }

    #[test]
    fn only_the_redactor_prints() {
        for printing in [
            "terminal::println(secret);",
            "terminal::eprint_error(&text)",
            "use crate::terminal::{println};",
            "println!(\"{secret}\");",
            "eprint!(\"{secret}\")",
            "writeln!(io::stdout(), \"x\")",
            "outcome::finish_output(Exit::Done)",
        ] {
            for module in
                ["crates/cli/src/sign.rs", "crates/cli/src/signing/a.rs", "crates/cli/src/verify/a/b.rs"]
            {
                assert_eq!(count(module, printing), 1, "{module}: {printing}");
            }
            assert_eq!(count("crates/cli/src/query.rs", printing), 0);
        }
        for pure in
            ["terminal::dim(value.name())", "use crate::terminal;", "use crate::outcome::OutcomeJson;"]
        {
            assert_eq!(count("crates/cli/src/sign.rs", pure), 0, "{pure}");
        }
        assert_eq!(faults(&sample(&[("crates/cli/src/sign.rs", "")])).len(), 1);
    }
}
