//! `rebuttal config`: the settings that result from a file and the variables, checked without a running gateway.

use serde_json::json;

use crate::common::{CommandOutput, rebuttal};

/// A settings file in a new folder.
fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rebuttal.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn config(words: &[&str], env: &[(&str, &str)]) -> CommandOutput {
    let mut command = rebuttal(&[&["config"], words].concat());
    command.envs(env.iter().copied());
    CommandOutput::run(command)
}

#[test]
fn default_settings_file_passes_check() {
    let printed = config(&["default"], &[]);
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    let (_folder, path) = file(&printed.stdout);
    let output = config(&["check", "--config", &path], &[]);
    assert_eq!(
        (output.code, output.stdout.as_str(), output.stderr.as_str()),
        (0, "✓ No problems found.\n", "")
    );
}

#[test]
fn packaged_settings_file_passes_check() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/rebuttal.toml");
    let output = config(&["check", "--config", path], &[]);
    assert_eq!((output.code, output.stdout.as_str()), (0, "✓ No problems found.\n"));
}

#[test]
fn unrelated_rebuttal_variable_is_only_a_warning() {
    // As Kubernetes sets for a service named rebuttal.
    let env = [("REBUTTAL_PORT_8080_TCP", "tcp://10.0.0.1:8080")];
    let expected = "the variable REBUTTAL_PORT_8080_TCP is unknown and has no effect";
    let output = config(&["check", "--json"], &env);
    assert_eq!(
        (output.code, output.json()),
        (0, json!({ "faults": [], "warnings": [expected] })),
        "{output:?}"
    );
    let output = config(&["check"], &env);
    assert_eq!((output.code, output.stdout), (0, format!("! {expected}\n✓ No problems found.\n")));
}

#[test]
fn check_reports_conflicts_without_secrets() {
    let secret = "Geheim7-Geheim7-Geheim7";
    let url = format!("mysql://u:{secret}@h/d");
    let unquoted = format!("listen = \"127.0.0.1:0\"\noperator_token = {secret}\n");
    let unclosed = format!("database_url = \"postgres://u:{secret}@h/d\n");
    for (toml, env, expected) in [
        ("tls_key = \"k.pem\"\n", None, "tls_certificate and tls_key must be given together"),
        ("evidence_public_url = \"https://f.example\"\n", None, "needs an evidence_url of s3://"),
        ("log_filter = \"inof\"\n", None, "did you mean \"info\"?"),
        (
            "",
            Some(("REBUTTAL_DATABASE_URL", url.as_str())),
            "database_url: the database URL is not valid: it must be sqlite:PATH or",
        ),
        ("", Some(("REBUTTAL_OPERATOR_TOKEN_FILE", "/nope")), "cannot read the secret in /nope"),
        (&unquoted, None, "rebuttal.toml, line 2: "),
        (&unclosed, None, "rebuttal.toml, line 1: "),
        ("listen = 127.0.0.1:0\n", None, "write strings in quotes, as in `rebuttal config default`"),
        ("data = /srv/x\n", None, "write strings in quotes, as in `rebuttal config default`"),
        ("data = \"a\"\ndata = \"b\"\n", None, "line 2: duplicate key\n"),
        ("[x\n", None, "line 1: unclosed table, expected `]`\n"),
        ("public_url = [\"pay.example\"]\n", None, "public_url: \"pay.example\" is not a public base URL"),
        (
            &format!("public_url = [\"https://u:{secret}@pay.example\"]\n"),
            None,
            "public_url: \"https://…@pay.example\" is not a public base URL",
        ),
        (
            &format!("public_url = \"https://u:{secret}@pay.example\"\n"),
            None,
            "public_url = \"https://…@pay.example\": it must be a list",
        ),
    ] {
        let (_folder, path) = file(toml);
        let output = config(&["check", "--config", &path], env.as_slice());
        assert!(output.code == 1 && output.stdout.contains(expected), "{output:?}");
        assert!(!format!("{output:?}").contains(secret), "{output:?}");
    }
    // Both settings of a pair in one source.
    let both = [("REBUTTAL_DATABASE_URL", "sqlite:a.db"), ("REBUTTAL_DATABASE_URL_FILE", "/nope")];
    let output = config(&["check"], &both);
    assert!(output.code == 1 && output.stdout.contains("leave one of them out"), "{output:?}");
    let output = config(&["check", "--config", "/nope.toml"], &[]);
    assert!(
        output.code == 1 && output.stdout.contains("cannot read the settings in /nope.toml"),
        "{output:?}"
    );
}

#[test]
fn secret_in_a_settings_file_that_all_can_read_is_reported() {
    use std::os::unix::fs::PermissionsExt;

    for (toml, what) in [
        ("operator_token = \"Geheim7-Geheim7-Geheim7\"\n", "operator_token"),
        ("database_url = \"postgres://u:Geheim7@127.0.0.1:1/d\"\n", "the password in database_url"),
        ("database_url = \"postgres://u@127.0.0.1:1/d\"\n", ""),
    ] {
        let (folder, path) = file(&format!("start_wait_seconds = 0\n{toml}"));
        for mode in [0o644, 0o640] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let data = folder.path().join("data").to_str().unwrap().to_owned();
            let serve = ["serve", "--config", &path, "--data", &data, "--evidence-url", "file:///proc/nope"];
            let doctor = ["doctor", "--json", "--config", &path, "--data", &data];
            for words in [["config", "check", "--config", &path].as_slice(), &doctor, &serve] {
                let mut command = rebuttal(words);
                command.env("REBUTTAL_LISTEN", "127.0.0.1:0");
                let output = CommandOutput::run(command);
                let printed = format!("{}{}", output.stdout, output.stderr);
                let warning =
                    format!("every user of this machine can read {what} in {path}; run: chmod o-rwx {path}");
                let is_expected = mode == 0o644 && !what.is_empty();
                assert_eq!(printed.contains(&warning), is_expected, "{toml} {mode:o} {words:?}: {output:?}");
                assert!(!printed.contains("Geheim7"), "{output:?}");
            }
        }
    }
}

#[test]
fn show_prints_each_setting_with_its_source() {
    let (_folder, path) = file(
        "listen = \"127.0.0.1:1\"\nmax_connections = 5\nmax_connections_per_peer = 9\noperator_token = \"Geheim7-Geheim7-Geheim7\"\ndata = \"d\"\n",
    );
    let env = [
        ("REBUTTAL_DATABASE_URL", "postgres://u:Geheim7@h/d?password=Geheim7"),
        ("REBUTTAL_LISTEN", "127.0.0.1:2"),
        ("REBUTTAL_PUBLIC_URL", "https://a.example,https://b.example"),
    ];
    let words = ["show", "--config", &path, "--data", "elsewhere"];
    let output = config(&[words.as_slice(), &["--json"]].concat(), &env);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    assert!(!output.stdout.contains("Geheim7"), "{output:?}");
    let json = output.json();
    for (key, expected) in [
        ("listen", json!({ "value": "127.0.0.1:2", "from": "variable" })),
        ("data", json!({ "value": "elsewhere", "from": "flag" })),
        ("max_connections", json!({ "value": 5, "from": "file" })),
        ("max_connections_per_peer", json!({ "value": 4, "loweredFrom": 9, "from": "file" })),
        ("read_nonce_capacity", json!({ "value": 2_000_000, "from": "default" })),
        ("public_url", json!({ "value": ["https://a.example", "https://b.example"], "from": "variable" })),
        ("metrics_listen", json!({ "value": null, "from": "default" })),
        ("database_url", json!({ "value": "postgres://u:…@h/d?password=…", "from": "variable" })),
        ("operator_token", json!({ "value": null, "hidden": true, "from": "file" })),
    ] {
        assert_eq!(json[key], expected, "{key}");
    }
    let output = config(&words, &env);
    assert!(output.code == 0 && !output.stdout.contains("Geheim7"), "{output:?}");
    let line = |key: &str| {
        let line = output.stdout.lines().find(|line| line.split_whitespace().next() == Some(key)).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("listen"), "127.0.0.1:2 REBUTTAL_LISTEN");
    assert_eq!(line("data"), "elsewhere --data");
    assert_eq!(line("max_connections"), format!("5 {path}"));
    assert_eq!(line("operator_token"), format!("hidden {path}"));
    assert_eq!(line("metrics_listen"), "not set default");
    assert_eq!(line("max_connections_per_peer"), format!("4 lowered from 9 in {path}"));
}

#[test]
fn value_and_combination_errors_are_listed_in_file_order() {
    let (_folder, path) = file(
        "log_filter = \"inof\"\nmax_connections = 0\npublic_url = [\"pay.example\", \"https://ok.example\", \"ftp://x\"]\n\
         evidence_public_url = \"files\"\nevidence_url = \"http://x\"\nlisten = \"127.0.0.1:0\"\nlisn = 1\n",
    );
    let env = [
        ("REBUTTAL_TRUSTED_PROXIES", "10.0.0.0/40"),
        ("REBUTTAL_PUBLC_URL", "x"),
        ("REBUTTAL_DRAIN_SECONDS", "301"),
    ];
    let output = config(&["check", "--json", "--config", &path], &env);
    let begin = [
        "the variable REBUTTAL_PUBLC_URL is unknown and has no effect; did you mean REBUTTAL_PUBLIC_URL?"
            .to_owned(),
        "the variable REBUTTAL_TRUSTED_PROXIES: trusted_proxies: \"10.0.0.0/40\"".to_owned(),
        "REBUTTAL_DRAIN_SECONDS=301: ".to_owned(),
        format!("{path}, line 1: log_filter: "),
        format!("{path}, line 2: max_connections = 0: "),
        format!("{path}, line 3: public_url: \"pay.example\""),
        format!("{path}, line 3: public_url: \"ftp://x\""),
        format!("{path}, line 4: evidence_public_url: "),
        format!("{path}, line 5: evidence_url: "),
        format!("{path}, line 7: there is no setting \"lisn\""),
    ];
    let json = output.json();
    let faults: Vec<_> =
        json["faults"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap()).collect();
    assert_eq!((output.code, faults.len()), (1, begin.len()), "{faults:#?}");
    assert!(faults.iter().zip(&begin).all(|(fault, begin)| fault.starts_with(begin)), "{faults:#?}");
    // For people, each is printed with a mark.
    let output = config(&["check", "--config", &path], &env);
    assert_eq!(output.stdout.matches("✗ ").count(), begin.len(), "{output:?}");
    // Other commands print the same messages, and report an invalid variable as wrong usage.
    for words in [["serve"].as_slice(), &["doctor"], &["config", "show"]] {
        let mut command = rebuttal(&[words, &["--config", &path]].concat());
        command.env(env[0].0, env[0].1);
        let output = CommandOutput::run(command);
        let printed: Vec<_> =
            output.stderr.split("✗ ").skip(1).map(|fault| fault.replace("\n  ", " ")).collect();
        let of_others = ["the variable REBUTTAL_PUBLC_URL", "REBUTTAL_DRAIN"];
        let wanted = begin.iter().filter(|fault| !of_others.iter().any(|other| fault.starts_with(other)));
        let wanted: Vec<_> = wanted.collect();
        assert_eq!((output.code, printed.len()), (1, wanted.len()), "{output:?}");
        assert!(printed.iter().zip(wanted).all(|(fault, begin)| fault.starts_with(begin)), "{printed:#?}");
    }
}

#[test]
fn flag_error_is_not_attributed_to_an_overridden_source() {
    let (_folder, path) = file("public_url = [\"https://ok.example\"]\n");
    for command in ["serve", "doctor"] {
        let mut command = rebuttal(&[command, "--config", &path, "--public-url", "pay.example"]);
        command.env("REBUTTAL_PUBLIC_URL", "https://ok.example");
        let output = CommandOutput::run(command);
        assert!(
            output.code == 2 && output.stderr.starts_with("error: --public-url: \"pay.example\""),
            "{output:?}"
        );
    }
}

#[test]
fn empty_url_list_is_an_error_and_empty_proxy_list_is_not() {
    let (_folder, path) = file("trusted_proxies = []\npublic_url = []\n");
    let expected = format!("✗ {path}, line 2: public_url: the list is empty; name the address");
    let check = config(&["check", "--config", &path], &[]);
    assert!(check.code == 1 && check.stdout.replace("\n  ", " ").starts_with(&expected), "{check:?}");
    for words in [["serve"].as_slice(), &["doctor"], &["config", "show"]] {
        let output = CommandOutput::run(rebuttal(&[words, &["--config", &path]].concat()));
        assert!(output.code == 1 && output.stderr.replace("\n  ", " ").starts_with(&expected), "{output:?}");
        assert_eq!(output.stderr.matches("✗ ").count(), 1, "{output:?}");
    }
}

#[test]
fn dependent_errors_are_suppressed() {
    for (toml, expected) in [
        ("tls_key = 1\ntls_certificate = \"c.pem\"\n", "line 1: tls_key = 1"),
        ("listen = \":8080\"\nmetrics_listen = \"127.0.0.1:8080\"\n", "line 1: listen"),
        ("metrics_listen = \"127.0.0.1:8080\"\nlisten = \"127.0.0.1:1", "line 2: "),
    ] {
        let (_folder, path) = file(toml);
        let output = config(&["check", "--config", &path], &[]);
        assert!(output.code == 1 && output.stdout.contains(expected), "{output:?}");
        assert_eq!(output.stdout.matches("✗ ").count(), 1, "{output:?}");
    }
}

#[test]
fn shared_listen_address_is_reported_for_both_settings() {
    let (_folder, path) = file("listen = \"0.0.0.0:8080\"\noperator_listen = \"127.0.0.1:8080\"\n");
    let expected = "operator_listen 127.0.0.1:8080 and listen 0.0.0.0:8080 use the same address";
    let check = config(&["check", "--config", &path], &[]);
    assert!(check.code == 1 && check.stdout.contains(expected), "{check:?}");
    for command in ["serve", "doctor"] {
        let output = CommandOutput::run(rebuttal(&[command, "--config", &path]));
        assert!(output.code == 1 && output.stderr.contains(expected), "{output:?}");
    }
    let (_folder, path) = file("metrics_listen = \"127.0.0.1:8080\"\n");
    let output = config(&["check", "--config", &path], &[]);
    assert!(output.stdout.contains("listen 127.0.0.1:8080, which is the default, use"), "{output:?}");
}

#[test]
fn show_prints_public_urls_as_they_are_signed() {
    let (_folder, path) = file("public_url = [\"HTTPS://Pay.Example:443/\", \"https://b.example\"]\n");
    let output = config(&["show", "--json", "--config", &path], &[]);
    let expected = json!({ "value": ["https://pay.example", "https://b.example"], "from": "file" });
    assert_eq!(output.json()["public_url"], expected);
}

#[test]
fn unreadable_file_is_reported_with_its_setting_and_path() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("empty"), "").unwrap();
    let (nope, deep, own, empty) = (at("nope"), at("no/such"), at(""), at("empty"));
    for (path, why) in [
        (&nope, "there is no such file"),
        (&deep, "there is no folder"),
        (&own, "it is a folder, and a file is needed"),
        (&empty, "is empty; put the secret into it"),
    ] {
        for (setting, variable) in [
            ("operator_token_file", "REBUTTAL_OPERATOR_TOKEN_FILE"),
            ("database_url_file", "REBUTTAL_DATABASE_URL_FILE"),
        ] {
            let output = config(&["check"], &[(variable, path)]);
            let out = output.stdout.as_str();
            assert!(
                output.code == 1 && [setting, path, why].iter().all(|word| out.contains(word)),
                "{output:?}"
            );
        }
    }
    let output = config(&["check", "--config", &nope], &[]);
    let words =
        [nope.as_str(), "there is no such file", "--config or REBUTTAL_CONFIG", "`rebuttal config default`"];
    assert!(output.code == 1 && words.iter().all(|word| output.stdout.contains(word)), "{output:?}");
    let output = config(&["check", "--config", "nope.toml"], &[]);
    let here = std::env::current_dir().unwrap();
    assert!(output.stdout.contains(&format!("start in {}", here.display())), "{output:?}");
}
