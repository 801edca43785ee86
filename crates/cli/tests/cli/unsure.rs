//! When the answer does not come: the outcome is never guessed, and the way to learn it is told.

use std::process::{Command, Stdio};

use crate::ground::{Ended, Shell};
use crate::way::{Fate, Way};

fn shell_behind(way: &Way) -> Shell {
    let shell = Shell::behind(&way.url);
    way.leads_to(shell.scene.address());
    shell
}

#[test]
fn one_lost_answer_is_healed_by_itself() {
    let way = Way::open(Fate::Lost, 1);
    let shell = shell_behind(&way);
    let no = shell.scene.dispute();
    let ended = shell.run(&["contest", &no, "--receipt", &shell.receipt(), "--yes"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let submissions = shell.scene.operator.show(&no)["submissions"].as_array().unwrap().len();
    assert_eq!((shell.status(&no).as_str(), submissions), ("UNDER_REVIEW", 1));
}

#[test]
fn answers_that_never_come_exit_with_4_and_the_told_command_learns_the_outcome() {
    let way = Way::open(Fate::Lost, usize::MAX);
    let shell = shell_behind(&way);
    let no = shell.scene.dispute();
    let words = ["contest", &no, "--receipt", &shell.receipt(), "--name", "Ann's receipt", "--yes", "--json"];
    let ended = shell.run(&words);
    let json = ended.json();
    assert_eq!((ended.code, &json["outcome"]), (4, &"unknown".into()), "{ended:?}");
    assert_eq!(shell.status(&no), "UNDER_REVIEW", "it took effect, which nobody was told");

    way.mend();
    let again = shell.paste(json["again"].as_str().unwrap());
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(shell.scene.operator.show(&no)["submissions"].as_array().unwrap().len(), 1);
}

#[test]
fn an_interruption_while_the_answer_is_awaited_is_an_unknown_outcome() {
    let way = Way::open(Fate::Held, usize::MAX);
    let shell = shell_behind(&way);
    let no = shell.scene.dispute();
    let mut command = shell.command(&["contest", &no, "--receipt", &shell.receipt(), "--yes"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    way.wait();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.err.starts_with("✗ interrupted before the gateway's answer came\n"), "{ended:?}");
    assert!(ended.err.contains(&format!("rebuttal contest {no} --receipt s3://uploaded/")), "{ended:?}");
}
