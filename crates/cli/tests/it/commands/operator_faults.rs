//! Faults between an operator and the gateway: proxies that answer in its place, no response, terminal escapes in
//! texts, a full disk. The outcome is never guessed, and the output says what to do.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rebuttal_testbed::{Action, FaultProxy, samples};
use serde_json::json;

use crate::commands::operator::opening;
use crate::common::{CommandOutput, MerchantShell, bin, rebuttal, without_rebuttal_env};

fn http(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A working gateway behind a proxy that answers in its place.
fn behind(status: &'static str, body: &'static str) -> (MerchantShell, FaultProxy) {
    let proxy = FaultProxy::on_response(move |_, _| Action::Forward(http(status, body)));
    let shell = MerchantShell::start();
    proxy.set_upstream(shell.fixture.address());
    (shell, proxy)
}

fn through(shell: &MerchantShell, proxy: &FaultProxy, words: &[&str]) -> CommandOutput {
    let mut command = shell.operator_command(words);
    command.env("REBUTTAL_OPERATOR_URL", &proxy.url);
    CommandOutput::run(command)
}

const CREATE: [&str; 6] = ["merchant", "create", "--name", "Tea House", "--time-zone", "UTC"];

#[test]
fn foreign_response_to_a_change_leaves_the_outcome_unknown() {
    for (status, expected) in [
        ("502 Bad Gateway", "HTTP 502: probably a proxy's answer, not the gateway's"),
        ("200 OK", "the gateway's answer cannot be parsed"),
    ] {
        let (shell, proxy) = behind(status, "<html><body>Welcome</body></html>");
        let list = through(&shell, &proxy, &["merchant", "list"]);
        let code = if status.starts_with('5') { 5 } else { 1 };
        assert!(list.code == code && list.stderr.contains(expected), "{list:?}");
        for json in [false, true] {
            let more: &[&str] = if json { &["--json"] } else { &[] };
            let before = shell.fixture.operator.fetch("/merchants").json()["items"].as_array().unwrap().len();
            let made = through(&shell, &proxy, &[&CREATE[..], more].concat());
            assert_eq!(made.code, 4, "{made:?}");
            let command = match json {
                true => made.json()["again"]["command"].as_str().unwrap().to_owned(),
                false => made.stderr.lines().last().unwrap().trim().to_owned(),
            };
            assert_eq!(shell.paste_operator(&command).code, 0);
            let after = shell.fixture.operator.fetch("/merchants").json()["items"].as_array().unwrap().len();
            assert_eq!(after, before + 1, "it counts once: {made:?}");
        }
    }
}

/// A proxy that drops or replaces the response to the first change, and then answers with this.
fn lost_then(
    first: Option<&'static str>,
    status: &'static str,
    body: &'static str,
) -> (MerchantShell, FaultProxy) {
    let seen = AtomicUsize::new(0);
    let proxy = FaultProxy::on_response(move |_, _| match (seen.fetch_add(1, Ordering::SeqCst), first) {
        (0, None) => Action::Close,
        (0, Some(first)) => Action::Forward(http(first, "<html>")),
        _ => Action::Forward(http(status, body)),
    });
    let shell = MerchantShell::start();
    proxy.set_upstream(shell.fixture.address());
    (shell, proxy)
}

/// An opening through a proxy, after which the dispute exists once; the printed command confirms it.
fn opens_once_in_doubt((shell, proxy): (MerchantShell, FaultProxy), expected: &str) {
    let words = opening("7d");
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let output = through(&shell, &proxy, &[&words[..], &["--json"]].concat());
    let json = output.json();
    assert_eq!((output.code, &json["outcome"]), (4, &"unknown".into()), "{output:?}");
    assert!(output.json()["errorMessage"].as_str().unwrap().contains(expected), "{output:?}");
    assert!(json["again"]["idempotencyKey"].as_str().unwrap().starts_with("cli-"), "{output:?}");
    let again = shell.paste_operator(json["again"]["command"].as_str().unwrap());
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(shell.fixture.operator.fetch("/disputes").json()["total"], 1, "{output:?}");
}

#[test]
fn foreign_responses_do_not_settle_a_change_with_lost_response() {
    for (first, status) in [
        (None, "404 Not Found"),
        (None, "429 Too Many Requests\r\nRetry-After: 60"),
        (None, "302 Found\r\nLocation: https://login.example/"),
        (Some("502 Bad Gateway"), "404 Not Found"),
    ] {
        opens_once_in_doubt(lost_then(first, status, "<html><body>nginx</body></html>"), "HTTP ");
    }
}

#[test]
fn unknown_outcome_is_retried_past_foreign_responses() {
    let seen = AtomicUsize::new(0);
    let proxy = FaultProxy::on_response(move |_, answer| match seen.fetch_add(1, Ordering::SeqCst) {
        0 => Action::Close,
        1 => Action::Forward(http("404 Not Found", "default backend - 404")),
        2 => Action::Forward(http("302 Found\r\nLocation: https://status.example/", "")),
        3 => Action::Forward(http("200 OK", "<html>We will be right back</html>")),
        _ => Action::Forward(answer),
    });
    let shell = MerchantShell::start();
    proxy.set_upstream(shell.fixture.address());
    let words = opening("7d");
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let output = through(&shell, &proxy, &words);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(shell.fixture.operator.fetch("/disputes").json()["total"], 1, "it counts once");
}

#[test]
fn non_http_response_leaves_the_outcome_unknown() {
    let proxy = FaultProxy::on_response(|_, _| Action::Forward(vec![0x15, 3, 3, 0, 2, 2, 70]));
    let shell = MerchantShell::start();
    proxy.set_upstream(shell.fixture.address());
    let output = through(&shell, &proxy, &CREATE);
    assert!(output.code == 4 && output.stderr.contains("must start with https://"), "{output:?}");
    assert_eq!(through(&shell, &proxy, &["merchant", "list"]).code, 5);
}

#[test]
fn foreign_response_is_reported_when_no_outcome_is_unknown() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let proxy = FaultProxy::on_response(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        Action::Forward(http("404 Not Found", "default backend - 404"))
    });
    let shell = MerchantShell::start();
    proxy.set_upstream(shell.fixture.address());
    let output = through(&shell, &proxy, &CREATE);
    assert!(output.code == 1 && output.stderr.contains("is not a gateway's operator API"), "{output:?}");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[test]
fn rejection_before_the_key_lookup_settles_nothing() {
    for (status, body, expected) in [
        (
            "401 Unauthorized",
            r#"{"code":"Operator.Unauthorized","detail":"-"}"#,
            "unknown to this gateway, or revoked",
        ),
        ("403 Forbidden", r#"{"code":"Operator.Forbidden","detail":"-"}"#, "Operator.Forbidden"),
        ("400 Bad Request", r#"{"code":"Common.Request.InvalidParameter","detail":"-"}"#, "InvalidParameter"),
        ("404 Not Found", r#"{"code":"Common.Request.NotFound","detail":"-"}"#, "Common.Request.NotFound"),
    ] {
        opens_once_in_doubt(lost_then(None, status, body), expected);
    }
    let (shell, proxy) =
        lost_then(None, "401 Unauthorized", r#"{"code":"Operator.Unauthorized","detail":"-"}"#);
    let output = through(&shell, &proxy, &CREATE);
    assert!(
        output.code == 4 && output.stderr.contains("with another token the change would be applied twice"),
        "{output:?}"
    );
}

#[test]
fn rejection_stored_under_the_key_settles_it() {
    let conflict = r#"{"code":"Operator.Conflict","detail":"exists with other content"}"#;
    let (shell, proxy) = lost_then(Some("504 Gateway Timeout"), "409 Conflict", conflict);
    let output = through(&shell, &proxy, &CREATE);
    assert!(output.code == 3 && output.stderr.contains("exists with other content"), "{output:?}");
    let (shell, proxy) = lost_then(Some("504 Gateway Timeout"), "409 Conflict", conflict);
    let change = ["merchant", "change", &shell.fixture.merchant_id.to_string(), "--name", "N"];
    let output = through(&shell, &proxy, &change);
    assert_eq!(output.code, 4, "without a key nothing was looked up: {output:?}");
}

#[test]
fn retry_after_is_reported_with_its_duration() {
    let busy = r#"{"code":"Common.System.Unavailable","detail":"busy"}"#;
    let (shell, proxy) = behind("503 Service Unavailable\r\nRetry-After: 3600", busy);
    let output = through(&shell, &proxy, &CREATE);
    assert!(output.code == 5 && output.stderr.contains("again in 3600 seconds"), "{output:?}");
}

#[test]
fn terminal_escapes_in_responses_are_neutralized() {
    let page = r#"{"items":[{"merchantId":1,"name":"\u001b[2Ja\u202eb\nc","timeZone":"\u001b[31mUTC"}],"nextCursor":"\u001b[31m'"}"#;
    let (shell, proxy) = behind("200 OK", page);
    let list = through(&shell, &proxy, &["merchant", "list", "--limit", "1"]);
    assert_eq!(list.code, 0, "{list:?}");
    assert!(list.stdout.contains("[2Ja\u{fffd}b c") && list.stderr.contains("--cursor"), "{list:?}");
    let refused = r#"{"code":"Operator.Conflict\u001b[31m","detail":"\u001b[2Jno\u202e"}"#;
    let (shell, proxy) = behind("409 Conflict", refused);
    let output = through(&shell, &proxy, &CREATE);
    assert!(output.code == 3 && output.stderr.contains("Operator.Conflict"), "{output:?}");
    for said in [&list.stdout, &list.stderr, &output.stderr] {
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
    }
}

#[test]
fn bidi_controls_in_a_cardholders_text_are_escaped() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute_with(&json!({ "disputeReason": "not \u{200f}mine" }));
    let query = shell.run(&["query", &no]);
    assert!(query.code == 0 && query.stdout.contains("Reason     not \u{fffd}mine"), "{query:?}");
    let exact = shell.run(&["query", &no, "--json"]).json();
    assert_eq!(exact["dispute"]["disputeReason"], "not \u{200f}mine");
}

/// Whether a character affects a terminal beyond its cell: a control character, one that reverses text
/// direction, or another line end.
fn is_disruptive(character: char) -> bool {
    let turns =
        "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
    (character.is_control() && character != '\n')
        || turns.contains(character)
        || "\u{2028}\u{2029}".contains(character)
}

#[test]
fn terminal_escapes_in_json_output_are_neutralized() {
    // The gateway refuses control characters in names, but not every direction mark and line end.
    let name = "Nordlys\u{61c}\u{200f} \u{2028}Coffee";
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute_with(&json!({ "disputeReason": name }));
    let [file, contested] =
        ["r\u{9b}31m.png", "r\u{200f}gnp.png"].map(|name| shell.file_named(name, &samples::receipt(1).bytes));
    let of_merchant: [&[&str]; 5] = [
        &["query", &no],
        &["upload", &file],
        &["contest", &no, "--receipt", &contested, "--yes"],
        &["sign", "/pg/v2/x", "--body", "{\"a\":\"\u{202e}\u{9b}\"}"],
        &["query", "--dispute-nr\u{202e}"],
    ];
    let of_operator: [&[&str]; 6] = [
        &["merchant", "create", "--name", name, "--time-zone", "UTC"],
        &["merchant", "list"],
        &["dispute", "list"],
        &["dispute", "request-evidence", &no, "--deadline", "3d", "--note", name],
        &["dispute", "show", &no],
        &["dispute", "evidence", &no, "--directory", "new"],
    ];
    let of_gateway: [&[&str]; 3] = [
        &["config", "show", "--data", name],
        &["config", "check", "--config", name],
        &["doctor", "--data", name],
    ];
    let commands = of_merchant.map(|words| shell.command(words)).into_iter();
    let commands = commands.chain(of_operator.map(|words| shell.operator_command(words)));
    let mut printed = 0;
    for mut command in commands.chain(of_gateway.map(rebuttal)) {
        let output = CommandOutput::run({
            command.arg("--json").current_dir(shell.fixture.gateway.scratch());
            command
        });
        assert!(!output.stdout.contains(is_disruptive), "{output:?}");
        assert!(output.json().is_object() || output.json().is_array(), "{output:?}");
        printed += usize::from(
            ["\\u200f", "\\u202e", "\\u009b"].iter().any(|escaped| output.stdout.contains(escaped)),
        );
    }
    assert!(printed >= 10, "only {printed} commands printed the escaped text");
}

#[test]
fn secret_survives_a_full_disk() {
    let shell = MerchantShell::start();
    let file = shell.fixture.gateway.scratch().join("admin.token");
    let path = file.to_str().unwrap();
    for json in ["", " --json"] {
        // No file may grow, and the signal for it is ignored, as a full disk sends none.
        let line = format!(
            "trap '' XFSZ; ulimit -f 0; exec {} operator token create --name n{} --role admin --secret-file {path}{json}",
            bin().display(),
            json.len()
        );
        let mut full = without_rebuttal_env(Path::new("sh"));
        full.args(["-c", &line]);
        full.env("REBUTTAL_OPERATOR_URL", &shell.url).env("REBUTTAL_DATA", shell.fixture.gateway.data());
        let output = CommandOutput::run(full);
        assert_eq!(output.code, 7, "{output:?}");
        let command = match json {
            "" => output.stderr.lines().last().unwrap().trim().to_owned(),
            _ => output.json()["again"]["command"].as_str().unwrap().to_owned(),
        };
        let again = shell.paste_operator(&command);
        assert_eq!(again.code, 0, "{again:?}");
        let by_it = shell.operator(&["token", "list", "--operator-token-file", path]);
        assert!(by_it.code == 0 && by_it.stdout.contains("n0"), "{by_it:?}");
        std::fs::remove_file(&file).unwrap();
    }
}
