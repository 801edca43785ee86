//! Shell completion of profile names: by the scripts that `rebuttal completions` prints, in the shells that read them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::commands::terminal::Terminal;
use crate::common::{CommandOutput, bin, rebuttal, without_rebuttal_env};

const APP_ID: &str = "00112233445566778899aabbccddeeff";

/// A user with two profiles, and the completion script of a shell.
struct CompletionTest {
    folder: tempfile::TempDir,
    script: PathBuf,
}

impl CompletionTest {
    fn with(shell: &str, file: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join(file);
        let printed = CommandOutput::run(rebuttal(&["completions", shell]));
        assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
        std::fs::write(&script, printed.stdout).unwrap();
        let test = Self { folder, script };
        for name in ["shop-east", "shop-west"] {
            let given = ["--url", "http://h", "--app-id", APP_ID, "--app-secret", APP_ID];
            let mut add = test.at_home(rebuttal(&["profile", "add", name]));
            add.args(given);
            assert_eq!(CommandOutput::run(add).code, 0);
        }
        test
    }

    /// A program with `rebuttal` on its path, and the profiles.
    fn at_home(&self, mut program: Command) -> Command {
        let path = format!("{}:{}", bin().parent().unwrap().display(), std::env::var("PATH").unwrap());
        program.env("PATH", path).env("HOME", self.folder.path()).current_dir(self.folder.path());
        program.env("REBUTTAL_PROFILES", self.folder.path().join("profiles.toml"));
        program
    }

    fn shell(&self, name: &str) -> Command {
        self.at_home(without_rebuttal_env(Path::new(name)))
    }
}

/// Lines typed so far, and what is offered.
const OFFERED: [(&str, &[&str]); 4] = [
    ("rebuttal query --profile ", &["shop-east", "shop-west"]),
    ("rebuttal contest D --profile shop-w", &["shop-west"]),
    ("rebuttal profile remove sho", &["shop-east", "shop-west"]),
    ("rebuttal profile add sho", &[]),
];

#[test]
#[ignore = "needs bash, which cargo xtask test installs"]
fn bash_completes_existing_profiles() {
    let test = CompletionTest::with("bash", "rebuttal.bash");
    for (line, names) in OFFERED {
        let asks = r#"compopt() { :; }; source "$1"; COMP_WORDS=($2); [[ $2 == *" " ]] && COMP_WORDS+=("")
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _rebuttal rebuttal "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            for word in "${COMPREPLY[@]}"; do echo "$word"; done"#;
        let mut bash = test.shell("bash");
        bash.args(["--norc", "-c", asks, "bash"]).arg(&test.script).arg(line);
        let output = CommandOutput::run(bash);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{line}: {output:?}");
        assert_eq!(output.stdout.lines().collect::<Vec<_>>(), names, "{line}");
    }
}

#[test]
#[ignore = "needs fish, which cargo xtask test installs"]
fn fish_completes_existing_profiles() {
    let test = CompletionTest::with("fish", "rebuttal.fish");
    for (line, names) in OFFERED {
        let mut fish = test.shell("fish");
        fish.args(["--no-config", "-c", "source $argv[1]; complete -C $argv[2]"]).arg(&test.script).arg(line);
        let output = CommandOutput::run(fish);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{line}: {output:?}");
        assert_eq!(output.stdout.lines().collect::<Vec<_>>(), names, "{line}");
    }
}

#[test]
#[ignore = "needs zsh and a terminal, which cargo xtask test installs"]
fn zsh_completes_existing_profiles() {
    let test = CompletionTest::with("zsh", "_rebuttal");
    let offers = |line: &str| {
        let mut zsh = test.shell("zsh");
        zsh.args(["-f", "-i"]);
        let mut terminal = Terminal::run(&zsh, 100);
        // Listed immediately and without a system call.
        terminal.type_in(
            "fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; setopt autolist; echo is rea''dy\n",
        );
        terminal.wait_for("is ready");
        // The first one writes what all have in common, the second lists them.
        terminal.type_in(&format!("{line}\t\t"));
        terminal
    };
    offers("rebuttal query --profile ").wait_for("shop-west");
    offers("rebuttal profile remove ").wait_for("shop-east");
    offers("rebuttal accept D --profile shop-w").wait_for("est");
}

#[test]
#[ignore = "needs bash, which cargo xtask test installs"]
fn unreadable_profiles_do_not_disturb_the_shell() {
    let test = CompletionTest::with("bash", "rebuttal.bash");
    std::fs::write(test.folder.path().join("profiles.toml"), "broken").unwrap();
    let asks = r#"source "$1"; COMP_WORDS=(rebuttal profile remove ""); COMP_CWORD=3
        _rebuttal rebuttal "" remove; for word in "${COMPREPLY[@]}"; do echo "$word"; done"#;
    let mut bash = test.shell("bash");
    bash.args(["--norc", "-c", asks, "bash"]).arg(&test.script);
    let output = CommandOutput::run(bash);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    assert!(output.stdout.lines().all(|word| word.starts_with('-')), "{output:?}");
}
