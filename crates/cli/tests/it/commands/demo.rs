//! `rebuttal demo`: runs the whole life of a dispute and leaves nothing behind.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{CommandOutput, rebuttal};

#[test]
fn demo_prints_its_steps_and_leaves_nothing_behind() {
    let output = CommandOutput::run(rebuttal(&["demo", "--once"]));
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    for expected in [
        "CB-20418 is contested",
        "Authorization: V2_SHA256",
        "with one byte changed, the verification fails",
        "CB-20418 is UNDER_REVIEW",
    ] {
        assert!(output.stdout.contains(expected), "{expected:?} is missing: {output:?}");
    }
    assert!(!output.stdout.contains('\u{1b}'), "colours without a terminal");
    let folder = output.stdout.split_once("its data is in ").unwrap().1.split_once(' ').unwrap().0;
    assert!(!Path::new(folder).exists(), "{folder} is left");
}

#[test]
fn demo_after_hangup_leaves_nothing_behind() {
    let temp = tempfile::tempdir().unwrap();
    let mut command = rebuttal(&["demo"]);
    let mut child = command.env("TMPDIR", temp.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("The gateway keeps running.")));
    assert_eq!(temp.path().read_dir().unwrap().count(), 1);
    assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(temp.path().read_dir().unwrap().count(), 0, "the demo's folder is left");
}

#[test]
fn demo_without_a_writable_folder_says_what_to_do() {
    let mut command = rebuttal(&["demo", "--once"]);
    command.env("TMPDIR", "/nope");
    let output = CommandOutput::run(command);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.stderr.contains("cannot create a folder in /nope; set TMPDIR to a writable folder"),
        "{output:?}"
    );
}
