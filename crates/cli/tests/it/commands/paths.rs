//! Files and tokens in arguments: an error names the argument, the path and what to do; of a secret only its source.

use crate::common::{CommandOutput, MerchantShell, rebuttal};

#[test]
fn invalid_path_is_reported_with_its_argument() {
    let shell = MerchantShell::start();
    let file = shell.file_named("there", b"x");
    let folder = shell.fixture.gateway.scratch().to_str().unwrap().to_owned();
    let (nowhere, nothing) = (format!("{folder}/no/file"), format!("{folder}/file"));
    let create = ["token", "create", "--name", "n", "--role", "viewer", "--secret-file"];
    let list = |argument: &'static str| ["merchant", "list", argument];
    for (words, path, why) in [
        (&create[..], &file, "it exists, and existing files are not overwritten; choose another name"),
        (&create, &nowhere, "its folder does not exist; create it first"),
        (&create, &folder, "it is a folder; name a new file in it"),
        (&list("--operator-token-file"), &nowhere, "there is no folder "),
        (&list("--operator-token-file"), &folder, "it is a folder, and a file is needed"),
        (&list("--trust"), &nothing, "there is no such file"),
    ] {
        let output = shell.operator(&[words, &[path]].concat());
        let argument = words.last().unwrap();
        assert!(output.code == 1 && !output.stderr.contains("os error"), "{output:?}");
        assert!(output.stderr.starts_with(&format!("✗ {argument}: cannot ")), "{output:?}");
        assert!(output.stderr.contains(path.as_str()) && output.stderr.contains(why), "{output:?}");
    }
    let mut of_merchant = shell.command(&["query", "D"]);
    of_merchant.env_remove("REBUTTAL_APP_SECRET").env("REBUTTAL_APP_SECRET_FILE", &nothing);
    let output = CommandOutput::run(of_merchant);
    let expected =
        format!("✗ REBUTTAL_APP_SECRET_FILE: cannot read the secret in {nothing}: there is no such file\n");
    assert_eq!((output.code, output.stderr), (1, expected));
}

#[test]
fn no_secret_file_is_created_without_a_secret() {
    let shell = MerchantShell::start();
    let path = shell.fixture.gateway.scratch().join("new.token");
    let create =
        ["token", "create", "--name", "n", "--role", "viewer", "--secret-file", path.to_str().unwrap()];
    let mut unreachable = shell.operator_command(&create);
    unreachable.env("REBUTTAL_OPERATOR_URL", "http://127.0.0.1:1");
    assert_eq!(CommandOutput::run(unreachable).code, 5);
    assert!(!path.exists(), "it would be in the way of the same command");
    assert_eq!(shell.operator(&create).code, 0);
    let by_it = shell.operator(&["dispute", "list", "--operator-token-file", path.to_str().unwrap()]);
    assert_eq!(by_it.code, 0, "{by_it:?}");
}

#[test]
fn rejected_token_is_reported_by_source_and_not_printed() {
    let shell = MerchantShell::start();
    let file = shell.file_named("old.token", b"wrong-wrong-wrong\n");
    let data = shell.fixture.gateway.scratch().join("other-data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("operator.token"), "wrong-wrong-wrong").unwrap();
    let default_file = data.join("operator.token");
    let run = |words: &[&str], variable: Option<(&str, &str)>| {
        let mut command = shell.operator_command(&[&["merchant", "list"], words].concat());
        command.envs(variable);
        CommandOutput::run(command)
    };
    for (output, origin) in [
        (run(&["--operator-token", "wrong-wrong-wrong"], None), "in --operator-token is".to_owned()),
        (
            run(&[], Some(("REBUTTAL_OPERATOR_TOKEN", "wrong-wrong-wrong"))),
            "in REBUTTAL_OPERATOR_TOKEN is".to_owned(),
        ),
        (
            run(&["--operator-token-file", &file], None),
            format!("in {file}, which --operator-token-file names, is"),
        ),
        (
            run(&[], Some(("REBUTTAL_OPERATOR_TOKEN_FILE", &file))),
            format!("in {file}, which REBUTTAL_OPERATOR_TOKEN_FILE names, is"),
        ),
        (run(&["--data", data.to_str().unwrap()], None), format!("in {} is", default_file.display())),
    ] {
        assert_eq!(output.code, 3, "{output:?}");
        let expected =
            format!("Operator.Unauthorized: the token {origin} unknown to this gateway, or revoked");
        assert!(
            output.stderr.contains(&expected) && output.stderr.lines().count() > 1,
            "{expected}: {output:?}"
        );
        assert!(!output.stderr.contains("wrong-wrong"), "{output:?}");
    }
    let json = run(&["--operator-token", "wrong", "--json"], None).json();
    assert_eq!((&json["outcome"], &json["code"]), (&"refused".into(), &"Operator.Unauthorized".into()));
    assert!(json["errorMessage"].as_str().unwrap().starts_with("the token in --operator-token"), "{json}");
}

#[test]
fn malformed_token_is_reported_before_sending() {
    let run = |words: &[&str]| {
        let mut command = rebuttal(&[&["operator", "merchant", "list"], words].concat());
        command.env("REBUTTAL_OPERATOR_URL", "http://127.0.0.1:1");
        CommandOutput::run(command)
    };
    for none in ["", "a b", "ä"] {
        let output = run(&["--operator-token", none]);
        assert!(
            output.code == 1 && output.stderr.contains("token in --operator-token is not valid"),
            "{output:?}"
        );
    }
    let both = run(&["--operator-token", "a", "--operator-token-file", "b"]);
    assert!(
        both.code == 2
            && both.stderr.contains("--operator-token: cannot be combined with --operator-token-file"),
        "{both:?}"
    );
    let nowhere = run(&["--data", "/nope"]);
    let expected = "secret in /nope/operator.token: there is no folder /nope; set REBUTTAL_OPERATOR_TOKEN or";
    assert!(nowhere.code == 1 && nowhere.stderr.contains(expected), "{nowhere:?}");
}
