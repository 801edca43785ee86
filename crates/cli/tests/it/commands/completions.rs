//! `rebuttal completions` and `rebuttal man`, read by real shells and by groff.

use std::collections::BTreeSet;
use std::path::Path;

use crate::common::{CommandOutput, rebuttal, without_rebuttal_env};

/// The completions of bash for a command line.
fn offered(script: &Path, line: &str) -> BTreeSet<String> {
    // The last word is incomplete, and may be empty.
    let asks = r#"compopt() { :; }; source "$1"; COMP_WORDS=($2); [[ $2 == *" " ]] && COMP_WORDS+=(""); COMP_LINE="$2"; COMP_POINT=${#2}
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _rebuttal rebuttal "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = without_rebuttal_env(Path::new("bash"));
    bash.args(["--norc", "-c", asks, "bash"]).arg(script).arg(line).current_dir(script.parent().unwrap());
    let output = CommandOutput::run(bash);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    output.stdout.lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs bash, which cargo xtask test installs"]
fn bash_completes_commands_flags_and_values() {
    let printed = CommandOutput::run(rebuttal(&["completions", "bash"]));
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("rebuttal");
    std::fs::write(&script, printed.stdout).unwrap();
    for (line, words) in [
        ("rebuttal cont", ["contest"].as_slice()),
        ("rebuttal operator dispute re", &["request-evidence", "resolve"]),
        ("rebuttal serve --operator-t", &["--operator-token", "--operator-token-file"]),
        ("rebuttal serve --log-format ", &["json", "text"]),
        ("rebuttal completions z", &["zsh"]),
        ("rebuttal operator token create --role ", &["admin", "operator", "viewer"]),
        ("rebuttal operator dispute list --status W", &["WITHDRAWN", "WON"]),
        ("rebuttal operator dispute list --type PRE", &["PRE_ARBITRATION"]),
        ("rebuttal operator dispute resolve D ", &["LOST", "WON"]),
        ("rebuttal operator dispute advance D C", &["CHARGEBACK"]),
        ("rebuttal contest D --scheme ", &["V2_HMAC_SHA256", "V2_SHA256"]),
        ("rebuttal operator token create --secret-file reb", &["rebuttal"]),
        ("rebuttal contest D --receipt reb", &["rebuttal"]),
        // No file names for numbers, times and texts.
        ("rebuttal operator dispute list --limit ", &[""]),
        ("rebuttal operator dispute list --q reb", &["reb"]),
        ("rebuttal operator dispute extend D --deadline ", &[""]),
    ] {
        let mut offered = offered(&script, line);
        if line.ends_with(' ') {
            offered.retain(|word| !word.starts_with('-'));
        }
        assert_eq!(offered.iter().collect::<Vec<_>>(), words, "{line}");
    }
}

#[test]
fn each_shell_has_a_completion_script() {
    for (shell, begins) in [
        ("bash", "_rebuttal() {"),
        ("zsh", "#compdef rebuttal"),
        ("fish", "# Print an optspec"),
        ("elvish", "\nuse builtin;"),
        ("powershell", "\nusing namespace"),
    ] {
        let output = CommandOutput::run(rebuttal(&["completions", shell]));
        assert!(output.code == 0 && output.stdout.starts_with(begins), "{shell}: {}", &output.stdout[..80]);
    }
}

/// The man pages, in a folder that the command creates.
fn pages() -> (tempfile::TempDir, Vec<std::path::PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("share/man1");
    let output = CommandOutput::run(rebuttal(&["man", "--out", out.to_str().unwrap()]));
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    let pages: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(output.stdout.contains("the man pages are written to "), "{output:?}");
    (folder, pages)
}

#[test]
fn every_command_has_a_man_page() {
    let (_folder, pages) = pages();
    let names: BTreeSet<_> = pages.iter().map(|page| page.file_name().unwrap().to_str().unwrap()).collect();
    for name in
        ["rebuttal.1", "rebuttal-serve.1", "rebuttal-operator-dispute-request-evidence.1", "rebuttal-man.1"]
    {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
}

#[test]
#[ignore = "needs groff, which cargo xtask test installs"]
fn man_pages_render_without_warnings() {
    let (_folder, pages) = pages();
    for page in pages {
        let mut groff = without_rebuttal_env(Path::new("groff"));
        groff.args(["-ww", "-Kutf8", "-Tutf8", "-man", "-P-cbou", "-rLL=80n"]).arg(&page);
        let output = CommandOutput::run(groff);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{}", page.display());
        if page.ends_with("rebuttal-contest.1") {
            let text = output.stdout.replace('’', "'").split_whitespace().collect::<Vec<_>>().join(" ");
            let example = "rebuttal contest CB-20418 --receipt receipt.png --refund refund.pdf";
            let exit = "0 done: the gateway's signed answer says OK";
            for expected in ["Contest a dispute with evidence", example, exit] {
                assert!(text.contains(expected), "{expected:?} is not in\n{text}");
            }
        }
    }
}

#[test]
fn unwritable_folder_is_reported() {
    let output = CommandOutput::run(rebuttal(&["man", "--out", "/proc/man1"]));
    assert!(
        output.code == 1
            && !output.stderr.contains("os error")
            && output.stderr.contains("--out: cannot create /proc/man1: its folder does not exist"),
        "{output:?}"
    );
}
