//! Errors on the user's side: the output says what happened, why, and what to do.

use std::net::TcpListener;
use std::process::Stdio;

use rebuttal_testbed::samples;
use rustix::process::{Pid, Signal, kill_process};

use crate::common::{CommandOutput, rebuttal};

const APP_ID: &str = "00112233445566778899aabbccddeeff";

/// Runs a command in a new folder; returns its standard error.
#[track_caller]
fn message(words: &[&str], code: i32) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = rebuttal(words);
    command.current_dir(folder.path()).env("REBUTTAL_PROFILES", folder.path().join("profiles.toml"));
    let output = CommandOutput::run(command);
    assert_eq!((output.code, output.stdout.as_str()), (code, ""), "{output:?}");
    output.stderr
}

#[test]
fn missing_value_is_reported_with_every_source() {
    let query = ["query", "D1"];
    let with = |more: &[&str]| message(&[query.as_slice(), more].concat(), 2);
    let first_line = |message: &str| message.lines().next().unwrap().to_owned() + "\n";
    assert_eq!(
        first_line(&with(&[])),
        "error: no gateway URL: set REBUTTAL_URL, pass --url, or add a profile with `rebuttal profile add`\n"
    );
    assert_eq!(
        first_line(&with(&["--url", "http://h"])),
        "error: no app id: set REBUTTAL_APP_ID, pass --app-id, or add a profile with `rebuttal profile add`\n"
    );
    let secret = "error: no app secret: set REBUTTAL_APP_SECRET or REBUTTAL_APP_SECRET_FILE, or add a profile with `rebuttal \
                  profile add`\n";
    assert_eq!(first_line(&with(&["--url", "http://h", "--app-id", APP_ID])), secret);
    let header =
        format!("V2_SHA256 appId={APP_ID},sign={APP_ID}{APP_ID},timestamp=1700000000000,nonce={APP_ID}");
    let verify = message(&["verify", "http://h/x", "--authorization", &header], 2);
    assert_eq!(first_line(&verify), secret);
    let no_address = message(&["profile", "add", "shop"], 2);
    assert!(
        no_address.starts_with("error: a profile needs the gateway's address: pass --url\n"),
        "{no_address}"
    );
    let no_secret = message(&["profile", "add", "shop", "--url", "http://h", "--app-id", APP_ID], 2);
    assert!(no_secret.starts_with("error: no app secret: standard input is empty; write"), "{no_secret}");
    let no_token = message(&["operator", "merchant", "list"], 1);
    assert!(
        no_token.contains("set REBUTTAL_OPERATOR_TOKEN or REBUTTAL_OPERATOR_TOKEN_FILE, or give"),
        "{no_token}"
    );
}

#[test]
fn tip_of_a_usage_error_is_separated_in_json() {
    let mut command = rebuttal(&["query", "--jsno", "--json"]);
    command.env("HOME", "/nope");
    let json = CommandOutput::run(command).json();
    let expected = "unexpected argument '--jsno' found; tip: a similar argument exists: '--json'";
    assert_eq!(json["errorMessage"], expected);
}

#[test]
fn body_file_that_cannot_be_read_is_reported_with_its_argument() {
    for (path, why) in
        [("/nope/body", "there is no folder /nope"), ("/", "it is a folder, and a file is needed")]
    {
        let given = ["--url", "http://h", "--app-id", APP_ID, "--app-secret", APP_ID];
        let printed =
            message(&[&["sign", "/pg/v2/dispute/query", "--body-file", path], given.as_slice()].concat(), 1);
        assert!(
            printed.starts_with(&format!("✗ --body-file: cannot read the body in {path}: {why}")),
            "{printed}"
        );
    }
}

#[test]
fn invalid_url_is_reported_with_a_valid_example() {
    let start = "it must start with https:// or http://, as in https://pay.example.com";
    for (url, why) in [
        ("pay.example.com", start),
        ("localhost", start),
        ("ftp://pay.example.com", start),
        ("https://pay.example.com:x", "its port must be a number up to 65535"),
        (
            "https://pay.example.com/pg/v2/",
            "give only the gateway's base URL, without /pg/v2: https://pay.example.com",
        ),
    ] {
        let with = ["--url", url, "--app-id", APP_ID, "--app-secret", APP_ID];
        for words in [["query", "D1"].as_slice(), &["sign", "/pg/v2/x"], &["profile", "add", "shop"]] {
            let printed = message(&[words, &with].concat(), 2);
            assert!(
                printed.starts_with(&format!("error: invalid value '{url}' for '--url <URL>': {why}\n")),
                "{printed}"
            );
        }
        let mut of_operator = rebuttal(&["operator", "merchant", "list", "--operator-token", "t"]);
        of_operator.env("REBUTTAL_OPERATOR_URL", url);
        let CommandOutput { code, stderr: err, .. } = CommandOutput::run(of_operator);
        assert!(
            err.starts_with(&format!("error: invalid value '{url}' for '--operator-url <URL>': {why}\n")),
            "{err}"
        );
        assert!(
            code == 2 && err.contains("the value comes from the variable REBUTTAL_OPERATOR_URL"),
            "{err}"
        );
    }
}

#[test]
fn password_in_an_address_is_rejected_and_not_printed() {
    for words in [["query", "D1", "--url"].as_slice(), &["operator", "merchant", "list", "--operator-url"]] {
        let printed = message(&[words, &["https://shop:Geh@eim7@pay.example.com"]].concat(), 2);
        assert!(
            printed.contains("'https://…@pay.example.com'") && printed.contains("must not contain a user"),
            "{printed}"
        );
        assert!(!printed.contains("eim7") && !printed.contains("Geh"), "{printed}");
    }
}

#[test]
fn secret_in_a_wrong_argument_is_not_printed() {
    let printed = message(&["verify", &format!("ftp://h/{APP_ID}/x"), "--authorization", "x"], 2);
    assert!(
        printed.contains("invalid value 'ftp://h/…/x' for '<URL>'") && !printed.contains(APP_ID),
        "{printed}"
    );
}

#[test]
fn unreachable_gateway_is_reported_without_library_messages() {
    // A port without a listener.
    let url = "http://127.0.0.1:1";
    let words =
        ["operator", "merchant", "list", "--operator-token", "0123456789abcdef", "--operator-url", url];
    let printed = message(&words, 5);
    assert!(!printed.contains("client error"), "{printed}");
    assert!(
        printed.contains("at http://127.0.0.1:1 did not")
            && printed.contains("the connection failed: tcp connect error: Connection refused"),
        "{printed}"
    );
    assert!(printed.contains("Check --operator-url, or run the same command again later."), "{printed}");
    let without_url = message(&["operator", "merchant", "list", "--operator-token", "0123456789abcdef"], 5);
    let names_both = without_url.contains("Check --operator-url or REBUTTAL_OPERATOR_URL, which are not set");
    assert!(names_both, "{without_url}");
    let app = ["--app-id", APP_ID, "--app-secret", APP_ID];
    let query = message(&[&["query", "D1", "--url", url], app.as_slice()].concat(), 5);
    assert!(query.contains("Check --url, or run the same command again later."), "{query}");
}

#[test]
fn listen_failure_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let listen = |addr: &str| message(&["serve", "--data", "d", "--listen", addr], 1);
    assert!(listen(&taken).ends_with(
        "; another program or another gateway listens there: stop it, or choose another address\n"
    ));
    // TEST-NET-1: no machine has it.
    assert!(
        listen("192.0.2.1:80")
            .ends_with("; this machine has no such address: choose one that it has, or 0.0.0.0\n")
    );
    let wrong = message(&["demo", "--listen", "8080"], 2);
    assert!(wrong.contains("must be an IP address and a port, such as 127.0.0.1:8080"), "{wrong}");
}

#[test]
fn unavailable_dependency_is_named() {
    let serve =
        |more: &[&str]| message(&[&["serve", "--data", "d", "--listen", "127.0.0.1:0"], more].concat(), 1);
    let key = serve(&["--master-key-file", "nope"]);
    assert!(
        key.contains("master_key_file: cannot read the master key in nope: there is no such file"),
        "{key}"
    );
    let nowhere = "postgres://u:Geheim7@127.0.0.1:1/d";
    let database = serve(&["--database-url", nowhere, "--start-wait-seconds", "0"]);
    assert!(database.starts_with("✗ cannot open the database that database_url names: "), "{database}");
    assert!(!database.contains("Geheim7"), "{database}");
    for (flags, why) in [
        (
            ["--tls-key", "k.pem"],
            "--tls-certificate and --tls-key must be given together, and --tls-certificate is missing",
        ),
        (
            ["--freshness-window-seconds", "0"],
            "--freshness-window-seconds: the freshness window must be 1 to 3600 seconds",
        ),
        (
            ["--trusted-proxies", "10.0.0.0/33"],
            "--trusted-proxies: \"10.0.0.0/33\" needs a prefix length of 0 to 32 after the slash",
        ),
        (
            ["--trusted-proxies", "::/129"],
            "--trusted-proxies: \"::/129\" needs a prefix length of 0 to 128 after the slash",
        ),
        (["--log-filter", "a=b=c"], "--log-filter: \"c\" is not a level"),
        (["--operator-token", "short"], "--operator-token: an operator token must have 16 to 256"),
        (["--evidence-url", "ftp://x"], "--evidence-url: must be file:///folder or s3://bucket"),
        (["--evidence-public-url", "x"], "--evidence-public-url: needs an endpoint such as"),
        (
            ["--database-url", "mysql://x"],
            "--database-url: the database URL is not valid: it must be sqlite:PATH or postgres://",
        ),
        (["--public-url", "https://u:Geheim7@h"], "--public-url: \"https://…@h\" is not a public base URL"),
    ] {
        for command in [["serve"].as_slice(), &["doctor"], &["config", "show"]] {
            let more = ["--data", "d", "--listen", "127.0.0.1:0"];
            let printed = message(&[command, &more, &flags].concat(), 2);
            assert!(printed.starts_with(&format!("error: {why}")), "{printed}");
            assert!(!printed.contains("Geheim7") && !printed.contains("short"), "{printed}");
        }
    }
    let data = message(&["serve", "--data", "/proc/d", "--listen", "127.0.0.1:0"], 1);
    assert!(data.contains("create it for this user, or set data to another path"), "{data}");
}

#[test]
fn migration_errors_name_the_flag_to_correct() {
    let to = ["--to", "postgres://u:Geheim7@h/d"];
    for (more, why) in [
        (
            ["--data", "nope"].as_slice(),
            "✗ the migration failed: there is no data directory at nope; name it with --data\n",
        ),
        (
            &["--data", ".", "--from", "sqlite:/nope.db"],
            "✗ the migration failed: there is no database at /nope.db; name it with --from\n",
        ),
    ] {
        let words = [["migrate", "--yes"].as_slice(), &to, more].concat();
        let printed = message(&words, 1);
        assert!(printed.starts_with(why), "{printed}");
        assert!(printed.contains("Nothing was switched over"), "{printed}");
    }
    for (words, why) in [
        ([].as_slice(), "there is nothing to migrate: pass --to, --evidence-to, or both\n"),
        (&["--to", "mysql://x"], "--to: must be postgres://USER:PASSWORD@HOST/DATABASE\n"),
        (&["--to", "sqlite:x.db"], "--to: must be postgres://USER:PASSWORD@HOST/DATABASE\n"),
        (&[to[0], to[1], "--from", "postgres://u:Geheim7@h/d"], "--from: must be sqlite:PATH\n"),
        (&[to[0], to[1], "--from", "u:Geheim7@h"], "--from: must be sqlite:PATH\n"),
        (&[to[0], to[1], "--evidence-from", "s3://bucket"], "--evidence-from: must be file:///FOLDER\n"),
        (&["--evidence-to", "file:///srv/evidence"], "--evidence-to: must be s3://bucket\n"),
        (&["--evidence-to", "bucket"], "--evidence-to: must be file:///folder or s3://bucket?endpoint="),
    ] {
        let printed = message(&[["migrate", "--yes"].as_slice(), words].concat(), 2);
        assert!(printed.starts_with(&format!("error: {why}")) && !printed.contains("Geheim7"), "{printed}");
    }
}

#[test]
fn interrupted_upload_reports_its_progress() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.png"), samples::receipt(1).bytes).unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let words = ["upload", "a.png", "--url", &url, "--app-id", APP_ID, "--app-secret", APP_ID];
    let mut command = rebuttal(&words);
    let child =
        command.current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It waits for a response that never arrives.
    let _asked = silent.accept().unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = CommandOutput::from_output(child.wait_with_output().unwrap());
    let expected = "✗ interrupted. 0 of 1 files were uploaded before. It is unknown whether the next one was; a file that no contest \
                names is deleted.\n";
    assert_eq!((output.code, output.stderr.as_str()), (1, expected), "{output:?}");
}
