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
        ("doctor", &["doctor", "--help"]),
        ("config", &["config", "--help"]),
        ("config_default", &["config", "default", "--help"]),
        ("config_check", &["config", "check", "--help"]),
        ("config_show", &["config", "show", "--help"]),
        ("accept", &["accept", "--help"]),
        ("query", &["query", "--help"]),
        ("upload", &["upload", "--help"]),
        ("operator", &["operator", "--help"]),
        ("operator_merchant", &["operator", "merchant", "--help"]),
        ("operator_merchant_create", &["operator", "merchant", "create", "--help"]),
        ("operator_merchant_list", &["operator", "merchant", "list", "--help"]),
        ("operator_merchant_change", &["operator", "merchant", "change", "--help"]),
        ("operator_app", &["operator", "app", "--help"]),
        ("operator_app_create", &["operator", "app", "create", "--help"]),
        ("operator_app_list", &["operator", "app", "list", "--help"]),
        ("operator_app_change", &["operator", "app", "change", "--help"]),
        ("operator_app_rotate", &["operator", "app", "rotate", "--help"]),
        ("operator_token", &["operator", "token", "--help"]),
        ("operator_token_create", &["operator", "token", "create", "--help"]),
        ("operator_token_list", &["operator", "token", "list", "--help"]),
        ("operator_token_revoke", &["operator", "token", "revoke", "--help"]),
        ("operator_dispute", &["operator", "dispute", "--help"]),
        ("operator_dispute_open", &["operator", "dispute", "open", "--help"]),
        ("operator_dispute_list", &["operator", "dispute", "list", "--help"]),
        ("operator_dispute_show", &["operator", "dispute", "show", "--help"]),
        ("operator_dispute_evidence", &["operator", "dispute", "evidence", "--help"]),
        ("operator_dispute_resolve", &["operator", "dispute", "resolve", "--help"]),
        ("operator_dispute_request_evidence", &["operator", "dispute", "request-evidence", "--help"]),
        ("operator_dispute_extend", &["operator", "dispute", "extend", "--help"]),
        ("operator_dispute_advance", &["operator", "dispute", "advance", "--help"]),
        ("operator_dispute_withdraw", &["operator", "dispute", "withdraw", "--help"]),
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
