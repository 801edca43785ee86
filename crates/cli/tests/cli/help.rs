//! Help and what is told of wrong usage. Every command's own help is pinned beside the code, in `src/tests/help.rs`.

use crate::ground::{Ended, rebuttal};

#[test]
fn help_is_printed_on_standard_output() {
    for words in [["help", "contest"], ["contest", "--help"]] {
        let ended = Ended::run(rebuttal(&words));
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:?}");
        let says =
            ["Contest a dispute with evidence", "Example:\n  rebuttal contest", "Exit codes:\n  0  done"];
        assert!(says.iter().all(|says| ended.out.contains(says)), "{ended:?}");
    }
}

#[test]
fn help_never_shows_what_the_variables_hold() {
    let mut command = rebuttal(&["contest", "--help"]);
    command.env("REBUTTAL_APP_SECRET", "00112233445566778899aabbccddeeff").env("REBUTTAL_URL", "http://here");
    let ended = Ended::run(command);
    assert!(!ended.out.contains("00112233") && !ended.out.contains("http://here"), "{ended:?}");
}

#[test]
fn a_faulty_value_is_told_with_the_variable_that_it_comes_from() {
    let query = |words: &[&str]| {
        let mut command = rebuttal(&[&["query", "--dispute-no", "D1"], words].concat());
        command.env("REBUTTAL_APP_ID", "xyz");
        Ended::run(command)
    };
    let told = "tip: the value comes from the variable REBUTTAL_APP_ID";
    let ended = query(&[]);
    assert!(ended.code == 2 && ended.err.contains(told), "{ended:?}");
    let ended = query(&["--app-id", "xyz"]);
    assert!(ended.code == 2 && !ended.err.contains(told), "{ended:?}");
}

#[test]
fn wrong_usage_is_an_object_too_where_one_was_asked_for() {
    for (words, told) in [
        (["query", "--json"].as_slice(), "the following required arguments were not provided: <--dispute-no"),
        (&["accept", "a b", "--json"], "invalid value 'a b' for '<DISPUTE_NO>': must be 1 to 32 characters"),
        (&["operator", "merchant", "lst", "--json"], "unrecognized subcommand 'lst'"),
    ] {
        let ended = Ended::run(rebuttal(words));
        assert_eq!((ended.code, ended.json()["outcome"].as_str()), (2, Some("usage")), "{ended:?}");
        let message = ended.json()["errorMessage"].as_str().unwrap().to_owned();
        assert!(message.starts_with(told) && !message.contains("Usage"), "{message}");
        assert!(ended.err.starts_with("error: "), "people read it, too: {ended:?}");
        let bare: Vec<_> = words.iter().copied().filter(|word| *word != "--json").collect();
        let ended = Ended::run(rebuttal(&bare));
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{ended:?}");
    }
}

const HEADER: &str = "V2_SHA256 appId=00000000000000000000000000000000,sign=0000000000000000000000000000000000000000000000000000000000000000,timestamp=1700000000000,nonce=0000000000000000";

#[test]
fn what_goes_wrong_on_this_side_is_an_object_where_one_was_asked_for() {
    for words in [
        ["sign", "/x", "--json"].as_slice(),
        &["verify", "http://h/x", "--authorization", HEADER, "--json"],
        &["config", "show", "--tls-key", "k.pem", "--json"],
        &["move", "--json"],
        &["profile", "list", "--json"],
    ] {
        let mut command = rebuttal(words);
        // A folder in the place of the file.
        command.env("REBUTTAL_PROFILES", "/");
        let ended = Ended::run(command);
        assert_eq!((ended.code, ended.json()["outcome"].as_str()), (1, Some("local")), "{ended:?}");
        assert!(!ended.json()["errorMessage"].as_str().unwrap().is_empty(), "{ended:?}");
    }
}
