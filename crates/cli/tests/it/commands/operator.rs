//! `rebuttal operator`: operating the gateway from a shell alone.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rebuttal_testbed::operator::in_days;
use rebuttal_testbed::test_gateway::Item;
use rebuttal_testbed::{Gateway, samples};
use serde_json::{Value, json};

use crate::commands::lossy_proxy::{LossyProxy, ResponseFault};
use crate::commands::terminal::Terminal;
use crate::common::{CommandOutput, MerchantShell, bin, pasted, rebuttal, without_rebuttal_env};

impl MerchantShell {
    /// A command of this gateway's operator, with access to the data directory.
    pub(crate) fn operator_command(&self, words: &[&str]) -> Command {
        let mut command = rebuttal(&[&["operator"], words].concat());
        command.env("REBUTTAL_OPERATOR_URL", &self.url).env("REBUTTAL_DATA", self.fixture.gateway.data());
        command
    }

    pub(crate) fn operator(&self, words: &[&str]) -> CommandOutput {
        CommandOutput::run(self.operator_command(words))
    }

    /// Runs a printed command in this operator's shell.
    pub(crate) fn paste_operator(&self, hint: &str) -> CommandOutput {
        let mut command = pasted(without_rebuttal_env(Path::new("sh")), hint);
        command.env("REBUTTAL_OPERATOR_URL", &self.url).env("REBUTTAL_DATA", self.fixture.gateway.data());
        CommandOutput::run(command)
    }
}

#[test]
fn merchant_registration_to_resolved_dispute() {
    let shell = MerchantShell::start();
    let done = |words: &[&str]| {
        let output = shell.operator(&[words, &["--json"]].concat());
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{words:?}: {output:?}");
        output.json()
    };
    let merchant = done(&["merchant", "create", "--name", "Nordlys Coffee", "--time-zone", "Europe/Oslo"]);
    let id = merchant["merchantId"].to_string();
    let app = done(&["app", "create", "--merchant", &id]);
    let (app_id, secret) = (app["appId"].as_str().unwrap(), app["appSecret"].as_str().unwrap());
    let facts = [
        "--payment-no",
        "PAY-1",
        "--merchant-trade-no",
        "T-1",
        "--payment-amount",
        "42.750",
        "--currency",
        "KWD",
    ];
    let why =
        ["--reason", "Not as described", "--reason-code", "13.3", "--deadline", "7d", "--dispute-no", "CB-1"];
    let open = [["dispute", "open", "--merchant", &id].as_slice(), &facts, &why].concat();
    let opened = done(&open);
    assert_eq!(opened["disputeAmount"], "42.750");
    // The relative time now gives another deadline, but it is the same opening.
    let again = shell.operator(&[&open[..], &["--json"]].concat());
    assert!(
        again.code == 0 && again.stderr.contains("A duration gives another deadline in each run"),
        "{again:?}"
    );
    assert_eq!(again.json(), opened);
    let other = shell.operator(&[&open[..], &["--dispute-amount", "42"]].concat());
    assert!(other.code == 3 && other.stderr.contains("exists with other content"), "{other:?}");

    let mut contest = rebuttal(&["contest", "CB-1", "--receipt", &shell.receipt(), "--yes"]);
    contest.env("REBUTTAL_URL", &shell.url).env("REBUTTAL_APP_ID", app_id).env("REBUTTAL_APP_SECRET", secret);
    assert_eq!(CommandOutput::run(contest).code, 0);

    let asked = ["dispute", "request-evidence", "CB-1", "--deadline", "3d", "--note", "The tracking number"];
    assert_eq!(done(&asked)["status"], "NEEDS_RESPONSE");
    let (before, after) =
        (done(&["dispute", "show", "CB-1"]), done(&["dispute", "extend", "CB-1", "--deadline", "9d"]));
    assert!(before["deadline"].as_str() < after["deadline"].as_str(), "{before} {after}");
    assert_eq!(
        done(&["dispute", "advance", "CB-1", "PRE_ARBITRATION", "--deadline", "10d", "--yes"])["type"],
        "PRE_ARBITRATION"
    );
    let resolved = done(&["dispute", "resolve", "CB-1", "WON", "--note", "Seen", "--yes"]);
    assert_eq!((&resolved["status"], &resolved["allowedActions"]), (&"WON".into(), &json!(["advance"])));

    let shown = shell.operator(&["dispute", "show", "CB-1"]);
    for expected in [
        "Status     WON",
        "Disputed   KWD 42.750 of 42.750",
        "Reason     Not as described (13.3)",
        "1-1",
        "The tracking number",
        "Seen",
    ] {
        assert!(shown.stdout.contains(expected), "{expected}: {shown:?}");
    }
}

#[test]
fn json_output_is_the_response_byte_for_byte() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let output = shell.operator(&["dispute", "show", &no, "--json"]);
    let own = shell.fixture.operator.fetch(&format!("/disputes/{no}"));
    assert_eq!(output.stdout.trim_end(), own.text());
}

#[test]
fn notes_about_evidence_are_shown_and_logged_once() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let quiet = shell.fixture.upload(&samples::receipt(1));
    let mut noted = samples::receipt(2);
    noted.bytes.extend(b"PK, of another file");
    let noted = shell.fixture.upload(&noted);
    shell.fixture.contest(&no, &[Item::receipt(&quiet), Item::receipt(&noted)]).ok();

    let shown = shell.operator(&["dispute", "show", &no]);
    let notes: Vec<_> = shown.stdout.lines().filter(|line| line.contains("bytes after its end")).collect();
    assert_eq!(notes, ["  1-2 has other bytes after its end."], "{shown:?}");
    let log = shell.fixture.gateway.stderr();
    let logged: Vec<_> = log.lines().filter(|line| line.contains("BYTES_AFTER")).collect();
    assert!(logged.len() == 1 && logged[0].contains(&noted) && logged[0].contains("INFO"), "{log}");
    let show = &shell.fixture.show(&no)["submissions"][0]["evidence"];
    assert_eq!(show[0]["notes"], json!([]));
    assert_eq!((&show[1]["notes"], &show[1]["width"]), (&json!(["BYTES_AFTER"]), &json!(1)));
}

#[test]
fn lists_follow_pages_up_to_the_limit() {
    let shell = MerchantShell::start();
    let numbers: Vec<String> = (0..205).map(|_| shell.fixture.dispute()).collect();
    let all = shell.operator(&["dispute", "list", "--json", "--limit", "1000"]).json();
    assert_eq!((all["items"].as_array().unwrap().len(), &all["nextCursor"]), (205, &Value::Null));
    assert_eq!(all["total"], 205);

    let first = shell.operator(&["dispute", "list", "--json", "--limit", "203"]).json();
    assert_eq!(first["items"].as_array().unwrap().len(), 203);
    let cursor = first["nextCursor"].as_str().unwrap();
    let rest = shell.operator(&["dispute", "list", "--json", "--cursor", cursor]).json();
    let number = |item: &Value| item["disputeNo"].as_str().unwrap().to_owned();
    let mut listed: Vec<_> =
        [&first, &rest].iter().flat_map(|page| page["items"].as_array().unwrap()).map(number).collect();
    listed.sort_unstable();
    let mut numbers = numbers;
    numbers.sort_unstable();
    assert_eq!(listed, numbers, "each once");

    let text = shell.operator(&["dispute", "list", "--status", "WON"]);
    assert_eq!((text.code, text.stdout.as_str()), (0, "No disputes match.\n"), "{text:?}");
}

#[test]
fn disputes_are_listed_by_filters() {
    let shell = MerchantShell::start();
    let soon = shell.fixture.dispute_with(&json!({ "deadline": in_days(1), "type": "INQUIRY" }));
    let late = shell.fixture.dispute_with(&json!({ "deadline": in_days(20), "merchantTradeNo": "T-+ 1" }));
    let listed = |filter: &[&str]| {
        let json = shell.operator(&[&["dispute", "list", "--json"], filter].concat()).json();
        let items = json["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["disputeNo"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&["--deadline-before", "2d"]), [soon.as_str()]);
    assert_eq!(listed(&["--type", "INQUIRY"]), [soon.as_str()]);
    assert_eq!(listed(&["--q", "T-+ 1"]), [late.as_str()]);
    assert_eq!(listed(&["--merchant", "77"]), [""; 0]);
    assert_eq!(listed(&["--created-after", &in_days(-1), "--status", "NEEDS_RESPONSE"]).len(), 2);

    let (_, said) = Terminal::run(&shell.operator_command(&["dispute", "list"]), 200).end();
    let line = |no: &str| said.lines().find(|line| line.contains(no)).unwrap().to_owned();
    assert!(line(&soon).contains("in 1 day ") && line(&late).contains("in 20 days"), "{said}");
}

#[test]
fn fetched_evidence_is_complete_and_overwrites_no_file() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let sample = samples::receipt(1);
    let uri = shell.fixture.upload(&sample);
    shell.fixture.contest(&no, &[Item::receipt(&uri)]).is("OK");
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    let fetch =
        |more: &[&str]| shell.operator(&[&["dispute", "evidence", &no, "--directory", to], more].concat());
    let output = fetch(&["--json"]);
    let json = output.json();
    let file = json[0]["file"].as_str().unwrap();
    assert_eq!(
        (&json[0]["evidenceId"], file),
        (&"1-1".into(), format!("{to}/{no}-1-1.png").as_str()),
        "{output:?}"
    );
    assert_eq!(std::fs::read(file).unwrap(), sample.bytes);

    let again = fetch(&["1-1"]);
    assert!(
        again.code == 1 && again.stderr.contains(&format!("cannot create {file}: it exists")),
        "{again:?}"
    );
    let wrong = fetch(&["9-9"]);
    assert!(wrong.code == 1 && wrong.stderr.contains("it has: 1-1"), "{wrong:?}");
    let both = fetch(&["--link"]);
    assert!(both.code == 2 && both.stderr.contains("--directory"), "{both:?}");
    let linked = shell.operator(&["dispute", "evidence", &no, "--link", "--json"]);
    assert_eq!((linked.code, &linked.json()["code"]), (3, &"Operator.Conflict".into()), "{linked:?}");
}

#[test]
fn fetched_evidence_is_readable_by_its_owner_only() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    shell.fixture.contest(&no, &[Item::receipt(&shell.fixture.upload(&samples::receipt(1)))]).is("OK");
    let at = shell.fixture.gateway.scratch().join("found/evidence");
    let fetch = format!("rebuttal operator dispute evidence {no} --directory {}", at.display());
    let mut command = without_rebuttal_env(Path::new("sh"));
    command
        .args(["-c", &format!("umask 0; exec {}", fetch.replacen("rebuttal", bin().to_str().unwrap(), 1))]);
    command.env("REBUTTAL_OPERATOR_URL", &shell.url).env("REBUTTAL_DATA", shell.fixture.gateway.data());
    let output = CommandOutput::run(command);
    assert_eq!(output.code, 0, "{output:?}");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&at), mode(&at.join(format!("{no}-1-1.png")))), (0o700, 0o600));
}

#[test]
fn app_is_changed_and_its_secret_rotated() {
    let shell = MerchantShell::start();
    let (id, app) = (shell.fixture.merchant_id.to_string(), shell.fixture.signer.app_id.clone());
    let at = |words: &[&str]| shell.operator(&[&["app"], words, &["--merchant", &id]].concat());
    let changed = at(&[
        "change",
        &app,
        "--scheme",
        "V2_HMAC_SHA256",
        "--notify-url",
        "https://shop.example/hook",
        "--disable",
    ]);
    assert_eq!(changed.code, 0, "{changed:?}");
    assert!(changed.stdout.contains("signs with V2_HMAC_SHA256, and is disabled."), "{changed:?}");
    let json = at(&["list", "--json"]).json();
    assert_eq!(
        (&json["items"][0]["enabled"], &json["items"][0]["notifyUrl"]),
        (&false.into(), &"https://shop.example/hook".into())
    );
    let _ = at(&["change", &app, "--enable", "--no-notify-url"]);
    assert_eq!(at(&["list", "--json"]).json()["items"][0]["notifyUrl"], Value::Null);

    let plain = at(&["list"]);
    assert!(plain.stdout.contains("may call  notifications"), "no rotation runs: {plain:?}");
    let file = shell.fixture.gateway.scratch().join("new.secret");
    let rotate = ["rotate", &app, "--overlap", "1h", "--secret-file", file.to_str().unwrap(), "--yes"];
    let output = at(&rotate);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read_to_string(&file).unwrap();
    assert!(secret.trim().len() == 32 && !output.stdout.contains(secret.trim()), "{output:?}");
    let until = at(&["list", "--json"]).json()["items"][0]["oldSecretExpiresTime"].clone();
    let (day, minute) = until.as_str().unwrap().split_at(16).0.split_once('T').unwrap();
    let expected = format!("until {day} {minute} +00:00");
    assert!(output.stdout.contains(&format!("old secret  {expected}")), "{expected}: {output:?}");
    let listed = at(&["list"]);
    assert!(
        listed.stdout.contains("old secret until") && listed.stdout.contains(&expected[6..]),
        "{expected}: {listed:?}"
    );
    let output = at(&rotate);
    assert!(
        output.code == 1 && output.stderr.contains("cannot create"),
        "the file is there already: {output:?}"
    );
    let output = at(&["rotate", &app, "--overlap", "1h", "--yes"]);
    assert!(
        output.code == 3 && output.stderr.contains("Operator.Conflict"),
        "one overlap at a time: {output:?}"
    );
    let asked = at(&["end-overlap", &app]);
    assert!(asked.code == 1 && at(&["list"]).stdout.contains("old secret until"), "without --yes: {asked:?}");
    for _ in 0..2 {
        let output = at(&["end-overlap", &app, "--yes"]);
        assert!(output.code == 0 && output.stdout.contains("has only its newest secret"), "{output:?}");
        assert!(!at(&["list"]).stdout.contains("old secret until"));
    }
    assert_eq!(at(&["rotate", &app, "--overlap", "1h", "--yes"]).code, 0);
    let output = at(&["rotate", &app, "--overlap", "0s", "--yes", "--json"]);
    assert_eq!((output.code, &output.json()["oldSecretExpiresTime"]), (0, &Value::Null), "{output:?}");
    assert_eq!(at(&["rotate", &app, "--overlap", "91d", "--yes"]).code, 2);
}

#[test]
fn merchant_is_changed() {
    let shell = MerchantShell::start();
    let id = shell.fixture.merchant_id.to_string();
    let output = shell.operator(&["merchant", "change", &id, "--name", "Corner Shop & Sons"]);
    assert!(output.stdout.contains("Corner Shop & Sons is now merchant"), "{output:?}");
    let listed = shell.operator(&["merchant", "list"]);
    assert!(listed.stdout.contains("Corner Shop & Sons  Asia/Shanghai"), "{listed:?}");
    let unknown = shell.operator(&["merchant", "change", "4711", "--name", "X", "--json"]);
    assert_eq!((unknown.code, &unknown.json()["code"]), (3, &"Operator.NotFound".into()), "{unknown:?}");
}

#[test]
fn irreversible_actions_ask_for_confirmation() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    for words in [["dispute", "resolve", &no, "LOST"].as_slice(), &["dispute", "withdraw", &no]] {
        let output = shell.operator(words);
        assert!(output.code == 1 && output.stderr.contains("pass --yes"), "{output:?}");
        let mut terminal = Terminal::run(&shell.operator_command(words), 100);
        terminal.wait_for("This cannot be undone. [y/N]");
        terminal.interrupt();
        let (code, said) = terminal.end();
        assert!(code == 1 && said.trim_end().ends_with("✗ interrupted: nothing was changed"), "{said}");
    }
    assert_eq!(shell.status(&no), "NEEDS_RESPONSE");
    let mut terminal = Terminal::run(&shell.operator_command(&["dispute", "withdraw", &no]), 100);
    terminal.wait_for("[y/N]");
    terminal.type_in("y\n");
    let (code, said) = terminal.end();
    assert!(code == 0 && said.contains("is WITHDRAWN in CHARGEBACK."), "{said}");
}

/// An opening with other values.
pub(crate) fn opening(deadline: &str) -> Vec<String> {
    let words =
        "dispute open --merchant 1 --payment-no P --merchant-trade-no T --payment-amount 1.00 --currency USD";
    let words = words.split(' ').chain(["--reason", "Fraud", "--deadline", deadline]);
    words.map(str::to_owned).collect()
}

#[test]
fn change_without_response_is_unknown_and_resolvable() {
    let proxy = LossyProxy::start(ResponseFault::Close, usize::MAX);
    let shell = MerchantShell::with_public_url(&proxy.url);
    proxy.set_upstream(shell.fixture.address());
    let words = opening("7d");
    let mut words: Vec<_> = words.iter().map(String::as_str).collect();
    let output = shell.operator(&[words.as_slice(), &["--json"]].concat());
    let json = output.json();
    assert_eq!((output.code, &json["outcome"]), (4, &"unknown".into()), "{output:?}");
    proxy.forward_all();
    let (key, deadline) = (&json["again"]["idempotencyKey"], &json["again"]["deadline"]);
    *words.last_mut().unwrap() = deadline.as_str().unwrap();
    let key = ["--idempotency-key", key.as_str().unwrap()];
    let printed = json["again"]["command"].as_str().unwrap();
    for again in [shell.operator(&[&words[..], &key].concat()), shell.paste_operator(printed)] {
        assert_eq!(again.code, 0, "{again:?}");
    }
    assert_eq!(shell.fixture.operator.fetch("/disputes").json()["total"], 1);
}

#[test]
fn interrupt_while_waiting_is_an_unknown_outcome() {
    let proxy = LossyProxy::start(ResponseFault::Stall, usize::MAX);
    let shell = MerchantShell::with_public_url(&proxy.url);
    proxy.set_upstream(shell.fixture.address());
    let words = opening("7d");
    let mut command = shell.operator_command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    proxy.wait_for_fault();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = CommandOutput::from_output(child.wait_with_output().unwrap());
    assert_eq!(output.code, 4, "{output:?}");
    assert!(
        output.stderr.contains(" --idempotency-key cli-") && output.stderr.contains(" --deadline 2"),
        "{output:?}"
    );
}

#[test]
fn wrong_token_or_url_is_reported_with_its_source() {
    let shell = MerchantShell::start();
    let list = ["merchant", "list"];
    let with = |variable: &str, value: &str| {
        let mut command = shell.operator_command(&list);
        command.env(variable, value);
        CommandOutput::run(command)
    };
    let output = with("REBUTTAL_DATA", "/nope");
    assert!(output.code == 1 && output.stderr.contains("set REBUTTAL_OPERATOR_TOKEN"), "{output:?}");
    let output = with("REBUTTAL_OPERATOR_URL", &shell.url.replace("http://", "https://"));
    assert!(output.code == 5 && output.stderr.contains("the address must start with http://"), "{output:?}");
    let output = with("REBUTTAL_OPERATOR_URL", &format!("{}/elsewhere", shell.url));
    assert!(output.code == 1 && output.stderr.contains("not a gateway's operator API"), "{output:?}");

    let token = shell.file_named("token", format!("{}\n", shell.fixture.gateway.operator_token()).as_bytes());
    let mut command = shell.operator_command(&["merchant", "list", "--operator-token-file", &token]);
    command.env("REBUTTAL_OPERATOR_TOKEN", "wrong-wrong-wrong");
    assert_eq!(CommandOutput::run(command).code, 0, "a flag wins over the variable of its pair");
}

#[test]
fn operator_listener_serves_tls_with_a_trusted_certificate() {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::write(&certificate, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let [certificate, key] = [&certificate, &key].map(|path| path.to_str().unwrap());
    let gateway =
        Gateway::builder(bin()).args(["--tls-certificate", certificate, "--tls-key", key]).https().start();
    let list = |more: &[&str]| {
        let mut command = rebuttal(&[&["operator", "merchant", "list"], more].concat());
        command.env("REBUTTAL_DATA", gateway.data()).env("REBUTTAL_OPERATOR_URL", gateway.base_url());
        CommandOutput::run(command)
    };
    assert_eq!(list(&["--trust", certificate]).code, 0);
    let output = list(&[]);
    assert!(output.code == 5 && output.stderr.contains("certificate is not trusted"), "{output:?}");
}
