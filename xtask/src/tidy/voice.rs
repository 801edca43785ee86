//! `sign` and `verify` look at requests that may hold a secret anywhere, and one file of theirs knows how to leave it
//! out of what is said. So nothing else of them speaks.

use super::tree::{File, Tree};

/// Their files.
const ROOMS: [&str; 4] = [
    "crates/cli/src/sign.rs",
    "crates/cli/src/signing",
    "crates/cli/src/verify.rs",
    "crates/cli/src/verify/",
];
/// The one that may speak.
const VOICE: &str = "crates/cli/src/signing/voice.rs";
/// What prints: macros, streams, and what is built on them. All of `terminal` does, but for what only returns a text.
const SPEAKING: [&str; 7] =
    ["print!(", "println!(", "dbg!(", "stdout()", "stderr()", "outcome::said(", "outcome::tell("];
const GIVING: [&str; 10] = [
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
    let theirs = |file: &&File| file.path != VOICE && ROOMS.iter().any(|room| file.path.starts_with(room));
    let mut faults: Vec<_> = tree.sources().filter(theirs).flat_map(of).collect();
    if !tree.sources().any(|file| file.path == VOICE) {
        faults.push(format!("{VOICE} is gone; tidy must learn where sign and verify speak now"));
    }
    faults
}

fn of(file: &File) -> impl Iterator<Item = String> {
    let speaks = |line: &str| {
        let mut calls = line.split("terminal::").skip(1);
        SPEAKING.iter().any(|word| line.contains(word))
            || calls.any(|after| {
                let name = after.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').next();
                !GIVING.contains(&name.unwrap_or_default())
            })
    };
    let spoken = file.code().filter(move |(_, line)| speaks(line));
    spoken.map(|(number, _)| format!("{}:{number}: sign and verify speak through {VOICE} alone", file.path))
}

#[cfg(test)]
mod tests {
    use super::super::tree::sample;
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        faults(&sample(&[(VOICE, "terminal::println(line)"), (path, text)])).len()
    }

    #[test]
    fn nothing_but_their_voice_speaks() {
        for speaking in [
            "terminal::println(secret);",
            "terminal::eprint_error(&text)",
            "use crate::terminal::{println};",
            "println!(\"{secret}\");",
            "eprint!(\"{secret}\")",
            "writeln!(io::stdout(), \"x\")",
            "outcome::said(Exit::Done)",
        ] {
            for room in
                ["crates/cli/src/sign.rs", "crates/cli/src/signing/a.rs", "crates/cli/src/verify/a/b.rs"]
            {
                assert_eq!(count(room, speaking), 1, "{room}: {speaking}");
            }
            assert_eq!(count("crates/cli/src/query.rs", speaking), 0);
        }
        for silent in ["terminal::dim(value.name())", "use crate::terminal;", "use crate::outcome::Judged;"] {
            assert_eq!(count("crates/cli/src/sign.rs", silent), 0, "{silent}");
        }
        assert_eq!(faults(&sample(&[("crates/cli/src/sign.rs", "")])).len(), 1);
    }
}
