//! `rebuttal profile`: what is stored, its permissions, and which source takes precedence.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::commands::terminal::Terminal;
use crate::common::{CommandOutput, MerchantShell, rebuttal};

/// A user's home directory, and a merchant's shell.
struct UserHome {
    shell: MerchantShell,
    file: PathBuf,
}

impl UserHome {
    fn new() -> Self {
        let shell = MerchantShell::start();
        let file = shell.fixture.gateway.scratch().join("home/.config/rebuttal/profiles.toml");
        Self { shell, file }
    }

    /// A command in this home, without `REBUTTAL_` variables.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = rebuttal(words);
        command.env("HOME", self.shell.fixture.gateway.scratch().join("home")).env_remove("XDG_CONFIG_HOME");
        command
    }

    fn run(&self, words: &[&str]) -> CommandOutput {
        CommandOutput::run(self.command(words))
    }

    fn add(&self, name: &str, secret: &str) -> CommandOutput {
        let app_id = &self.shell.fixture.signer.app_id;
        let words = ["profile", "add", name, "--url", &self.shell.url, "--app-id", app_id, "--replace"];
        let mut command = self.command(&words);
        command.env("REBUTTAL_APP_SECRET", secret);
        CommandOutput::run(command)
    }

    fn secret(&self) -> &str {
        &self.shell.fixture.signer.app_secret
    }
}

#[test]
fn profile_file_is_private_and_its_secret_never_printed() {
    let home = UserHome::new();
    let no = home.shell.fixture.dispute();
    assert_eq!(home.add("shop", home.secret()).code, 0);
    assert_eq!(home.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(home.file.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let output = home.run(&["query", &no, "--profile", "shop"]);
    assert_eq!(output.code, 0, "{output:?}");

    for words in [["profile", "list"].as_slice(), &["profile", "list", "--json"]] {
        let output = home.run(words);
        assert!(output.stdout.contains("shop") && output.stdout.contains(&home.shell.url), "{output:?}");
        assert!(
            !output.stdout.contains(home.secret()) && !output.stderr.contains(home.secret()),
            "{output:?}"
        );
    }

    let output = home.run(&["query", &no, "--profile", "shpo"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("did you mean \"shop\"?"), "{output:?}");
    assert_eq!(home.run(&["profile", "remove", "shop"]).code, 0);
    assert_eq!(home.run(&["query", &no, "--profile", "shop"]).code, 1);
}

#[test]
fn profile_json_contains_all_but_the_secret() {
    let home = UserHome::new();
    let app_id = &home.shell.fixture.signer.app_id;
    let expected = serde_json::json!({
        "name": "shop", "url": home.shell.url, "appId": app_id, "scheme": "V2_SHA256", "trust": null
    });
    let changed = serde_json::json!({ "outcome": "done", "profile": expected, "file": home.file });
    let add = ["profile", "add", "shop", "--url", &home.shell.url, "--app-id", app_id, "--json"];
    let mut added = home.command(&add);
    added.env("REBUTTAL_APP_SECRET", home.secret());
    let output = CommandOutput::run(added);
    assert_eq!((output.code, output.stderr.as_str(), output.json()), (0, "", changed.clone()), "{output:?}");
    let output = home.run(&["profile", "list", "--json"]);
    assert_eq!((output.code, output.json()), (0, serde_json::json!([expected])), "{output:?}");
    let output = home.run(&["profile", "remove", "shop", "--json"]);
    assert_eq!((output.code, output.json()), (0, changed), "{output:?}");
    assert_eq!(home.run(&["profile", "list", "--json"]).json(), serde_json::json!([]));

    let removed = home.run(&["profile", "remove", "shop", "--json"]);
    let why = format!("there is no profile \"shop\" in {}", home.file.display());
    let expected = serde_json::json!({ "outcome": "local", "errorMessage": why });
    assert_eq!((removed.code, removed.json()), (1, expected), "{removed:?}");
}

#[test]
fn invalid_profile_name_in_the_file_is_rejected() {
    let home = UserHome::new();
    let _ = home.add("shop", home.secret());
    let text = std::fs::read_to_string(&home.file).unwrap();
    std::fs::write(&home.file, text.replace("[shop]", "[\"$(touch gone)\"]")).unwrap();
    let output = home.run(&["profile", "list"]);
    assert!(output.code == 1 && output.stdout.is_empty(), "{output:?}");
    assert!(
        output.stderr.contains("profiles.toml, line 1: a profile's name must have 1 to 64 letters"),
        "{output:?}"
    );
}

#[test]
fn invalid_secret_is_reported_with_its_source() {
    let home = UserHome::new();
    let _ = home.add("shop", home.secret());
    let text = std::fs::read_to_string(&home.file).unwrap();
    std::fs::write(&home.file, text.replace(home.secret(), &home.secret()[1..])).unwrap();
    let in_file = home.shell.file_named("shop.secret", b"Geheim7");
    let flaw = |count: u8| format!("must be 32 lower-case hex digits; it has {count} characters\n");
    let app_id = &home.shell.fixture.signer.app_id;
    for words in [["query", "D1"].as_slice(), &["sign", "/pg/v2/dispute/query"]] {
        let held = home.run(&[words, &["--profile", "shop"]].concat());
        let expected =
            format!("✗ the app's secret in the profile shop ({}): {}", home.file.display(), flaw(31));
        assert_eq!((held.code, held.stderr), (1, expected));

        let words = [words, &["--url", &home.shell.url, "--app-id", app_id]].concat();
        let read = home.run(&[words.as_slice(), &["--app-secret-file", &in_file]].concat());
        assert_eq!((read.code, read.stderr), (1, format!("✗ the app's secret in {in_file}: {}", flaw(7))));
        let typed = home.run(&[words.as_slice(), &["--app-secret", "Geheim7"]].concat());
        assert_eq!(typed.code, 2, "{typed:?}");
        assert!(
            typed.stderr.starts_with(&format!("error: --app-secret: the app's secret: {}", flaw(7))),
            "{typed:?}"
        );
        let mut set = home.command(&words);
        set.env("REBUTTAL_APP_SECRET", "Geheim7");
        let expected = format!("✗ REBUTTAL_APP_SECRET: the app's secret: {}", flaw(7));
        assert_eq!(CommandOutput::run(set).stderr, expected);
    }
}

#[test]
fn secret_file_is_read_once() {
    let home = UserHome::new();
    let no = home.shell.fixture.dispute();
    let app_id = &home.shell.fixture.signer.app_id;
    // What was read from a pipe cannot be read again.
    let with = ["--url", &home.shell.url, "--app-id", app_id, "--app-secret-file", "/dev/stdin"];
    for words in [["query", &no].as_slice(), &["sign", "/pg/v2/dispute/query"], &["profile", "add", "a"]] {
        let (pipe, mut writer) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut writer, format!("{}\n", home.secret()).as_bytes()).unwrap();
        drop(writer);
        let mut command = home.command(&[words, &with].concat());
        command.stdin(pipe);
        let output = CommandOutput::run(command);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    }
}

#[test]
fn invalid_url_in_the_profile_file_is_rejected() {
    let home = UserHome::new();
    let _ = home.add("shop", home.secret());
    let text = std::fs::read_to_string(&home.file).unwrap();
    std::fs::write(&home.file, text.replace("http://", "http://shop:Geheim7@")).unwrap();
    let output = home.run(&["query", "D1", "--profile", "shop"]);
    let expected = "is not a gateway's address: it must not contain a user or password; fix this line";
    assert!(
        output.code == 1 && output.stderr.contains(expected) && !output.stderr.contains("Geheim7"),
        "{output:?}"
    );
}

#[test]
fn profile_file_readable_by_others_is_rejected() {
    let home = UserHome::new();
    let _ = home.add("shop", home.secret());
    std::fs::set_permissions(&home.file, PermissionsExt::from_mode(0o644)).unwrap();
    let output = home.run(&["query", "D1", "--profile", "shop"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains(&format!("run `chmod 600 {}`", home.file.display())), "{output:?}");
    std::fs::set_permissions(&home.file, PermissionsExt::from_mode(0o600)).unwrap();
    let folder = home.file.parent().unwrap();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
    let output = home.run(&["query", "D1", "--profile", "shop"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains(&format!("other users can write to {}", folder.display())), "{output:?}");
}

#[test]
fn linked_profile_file_stays_a_link() {
    let home = UserHome::new();
    let _ = home.add("shop", home.secret());
    let target = home.shell.fixture.gateway.scratch().join("dotfiles.toml");
    std::fs::rename(&home.file, &target).unwrap();
    std::os::unix::fs::symlink(&target, &home.file).unwrap();
    assert_eq!(home.add("other", home.secret()).code, 0);
    assert!(home.file.is_symlink() && std::fs::read_to_string(&target).unwrap().contains("[other]"));
    std::fs::remove_file(&target).unwrap();
    let output = home.run(&["profile", "list"]);
    let expected = format!("it is a symbolic link to {}, which does not exist", target.display());
    assert!(output.code == 1 && output.stderr.contains(&expected), "{output:?}");
}

#[test]
fn hint_names_the_profile_that_a_value_comes_from() {
    let home = UserHome::new();
    let _ = home.add("shop", &"0".repeat(32));
    let output = home.run(&["query", "D1", "--profile", "shop"]);
    let expected = "Check app_secret in the profile shop, and --scheme or REBUTTAL_SCHEME, and that url in the profile shop \
                    is exactly a public URL of the gateway.";
    assert!(output.code == 6 && output.stderr.contains(expected), "{output:?}");
}

#[test]
fn malformed_profile_file_is_reported_without_its_content() {
    let home = UserHome::new();
    let _ = home.add("shop", home.secret());
    let text = std::fs::read_to_string(&home.file).unwrap();
    std::fs::write(&home.file, text.replace("app_secret = \"", "app_secret = ")).unwrap();
    let output = home.run(&["profile", "list"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.stderr.contains("profiles.toml, line ") && !output.stderr.contains(home.secret()),
        "{output:?}"
    );
}

#[test]
fn flag_overrides_profile_flag_and_that_overrides_variables() {
    let home = UserHome::new();
    let no = home.shell.fixture.dispute();
    let _ = home.add("shop", home.secret());
    let query = ["query", &no];
    let named = [query.as_slice(), &["--profile", "shop"]].concat();
    let code = |words: &[&str], variables: &[(&str, &str)]| {
        let mut command = home.command(words);
        command.envs(variables.iter().copied());
        CommandOutput::run(command).code
    };
    let nowhere = "http://127.0.0.1:1";
    assert_eq!(code(&named, &[("REBUTTAL_URL", nowhere), ("REBUTTAL_APP_SECRET_FILE", "/nope")]), 0);
    assert_eq!(code(&[named.as_slice(), &["--url", nowhere]].concat(), &[]), 5);
    assert_eq!(code(&query, &[("REBUTTAL_PROFILE", "shop")]), 0);
    assert_eq!(code(&query, &[("REBUTTAL_PROFILE", "shop"), ("REBUTTAL_URL", nowhere)]), 5);
}

#[test]
fn default_profile_is_used_without_a_flag() {
    let home = UserHome::new();
    let no = home.shell.fixture.dispute();
    assert_eq!(home.run(&["query", &no]).code, 2);
    let _ = home.add("default", home.secret());
    assert_eq!(home.run(&["query", &no]).code, 0);
    let mut half = home.command(&["query", &no]);
    half.env("REBUTTAL_URL", &home.shell.url);
    let output = CommandOutput::run(half);
    assert_eq!(output.code, 2, "half a default is none: {output:?}");
}

#[test]
fn unusable_profile_is_not_stored() {
    let home = UserHome::new();
    let output = home.add("shop", "too short");
    assert!(output.code == 1 && output.stderr.contains("the app's secret: must be 32"), "{output:?}");
    assert!(!output.stderr.contains("too short"), "{output:?}");
    assert!(!home.file.exists());
    assert_eq!(home.add("a/b", home.secret()).code, 2);

    let _ = home.add("shop", home.secret());
    let app_id = &home.shell.fixture.signer.app_id;
    let mut again = home.command(&["profile", "add", "shop", "--url", &home.shell.url, "--app-id", app_id]);
    again.env("REBUTTAL_APP_SECRET", home.secret());
    let output = CommandOutput::run(again);
    assert!(output.code == 1 && output.stderr.contains("pass --replace"), "{output:?}");
}

#[test]
fn secret_prompt_does_not_echo() {
    let home = UserHome::new();
    let app_id = &home.shell.fixture.signer.app_id;
    let words = ["profile", "add", "shop", "--url", &home.shell.url, "--app-id", app_id];
    let mut terminal = Terminal::run(&home.command(&words), 100);
    terminal.wait_for("The app's secret, which is not shown:");
    terminal.wait_until_hidden();
    terminal.type_in(&format!("{}\n", home.secret()));
    let (code, said) = terminal.end();
    assert!(code == 0 && said.contains("shop is stored in") && !said.contains(home.secret()), "{said}");
    let no = home.shell.fixture.dispute();
    assert_eq!(home.run(&["query", &no, "--profile", "shop"]).code, 0);
}

#[test]
fn interrupted_secret_prompt_restores_the_terminal() {
    let home = UserHome::new();
    let app_id = &home.shell.fixture.signer.app_id;
    let words = ["profile", "add", "shop", "--url", &home.shell.url, "--app-id", app_id];
    let asks = home.command(&words);
    // Another shell on the same terminal, which prints the terminal's settings.
    let mut shell = Command::new("sh");
    let line = format!(
        "trap : INT; {} {}; echo \"ended with $?\"; stty -a",
        crate::common::bin().display(),
        words.join(" ")
    );
    shell.args(["-c", &line]);
    for (name, value) in asks.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let mut terminal = Terminal::run(&shell, 100);
    terminal.wait_for("The app's secret, which is not shown:");
    terminal.wait_until_hidden();
    terminal.interrupt();
    let (_, said) = terminal.end();
    assert!(said.contains("✗ interrupted: nothing was stored\nended with 1\n"), "{said}");
    assert!(said.contains(" echo ") && !said.contains("-echo "), "{said}");
    assert!(!home.file.exists());
}

#[test]
fn directory_in_place_of_the_profile_file_is_reported() {
    let home = UserHome::new();
    std::fs::create_dir_all(&home.file).unwrap();
    let output = home.run(&["profile", "list"]);
    let expected = format!("✗ {} must be the profiles file, but is not a regular file", home.file.display());
    assert!(output.code == 1 && output.stderr.starts_with(&expected), "{output:?}");
}
