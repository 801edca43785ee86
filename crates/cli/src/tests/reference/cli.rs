//! The commands, by their help.

use std::fmt::Write as _;

use super::super::help::{commands, help_of};
use super::hold;

#[test]
fn the_page_of_commands_is_fresh() {
    let commands = commands();
    let called = |words: &str| format!("rebuttal {words}").trim_end().to_owned();
    let mut body = "\
The output of `--help` for every command. `rebuttal man` writes the same as man pages, and `rebuttal completions` prints
completion scripts. The flags for gateway and token and the exit codes, which all commands of `rebuttal operator` have, are
described only there.

"
    .to_owned();
    for (words, command) in commands.iter().skip(1) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let anchor = called(words).replace(' ', "-");
        let _ = writeln!(body, "- [`{}`](#{anchor}): {about}", called(words));
    }
    for (words, _) in &commands {
        let _ = write!(body, "\n## {}\n\n```text\n", called(words));
        for line in own(words, &help_of(words)).lines() {
            let _ = writeln!(body, "{}", line.trim_end());
        }
        body.push_str("```\n");
    }
    hold("cli.md", "the help of each command (`crates/cli/src`)", "Commands", &body);
}

/// The help without the options that all `operator` commands have.
fn own(words: &str, help: &str) -> String {
    let shared = ["Gateway and token:", "Exit codes:"];
    let is_shared = |part: &&str| {
        words.starts_with("operator ") && shared.iter().any(|heading| part.starts_with(heading))
    };
    help.split("\n\n").filter(|part| !is_shared(part)).collect::<Vec<_>>().join("\n\n")
}
