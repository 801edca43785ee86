//! The help is part of the interface: a change to it is seen in review.

use crate::ground::{Ended, rebuttal};

#[test]
fn help_is_pinned() {
    for (name, words) in [
        ("rebuttal", ["--help"].as_slice()),
        ("contest", &["contest", "--help"]),
        ("demo", &["demo", "--help"]),
        ("serve", &["serve", "--help"]),
        ("move", &["move", "--help"]),
        ("accept", &["accept", "--help"]),
        ("query", &["query", "--help"]),
        ("upload", &["upload", "--help"]),
        ("profile", &["profile", "--help"]),
        ("sign", &["sign", "--help"]),
        ("verify", &["verify", "--help"]),
        ("profile_add", &["profile", "add", "--help"]),
        ("profile_list", &["profile", "list", "--help"]),
        ("profile_remove", &["profile", "remove", "--help"]),
    ] {
        let ended = Ended::run(rebuttal(words));
        assert_eq!(ended.code, 0, "{ended:?}");
        insta::assert_snapshot!(name, ended.out);
    }
}

#[test]
fn help_never_shows_what_the_variables_hold() {
    let mut command = rebuttal(&["contest", "--help"]);
    command.env("REBUTTAL_APP_SECRET", "00112233445566778899aabbccddeeff").env("REBUTTAL_URL", "http://here");
    let ended = Ended::run(command);
    assert!(!ended.out.contains("00112233") && !ended.out.contains("http://here"), "{ended:?}");
}
