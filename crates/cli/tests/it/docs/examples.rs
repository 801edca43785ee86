//! The examples for merchants, each run in its language against a gateway: they contest, report what the gateway
//! confirmed, and trust no tampered response.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use rebuttal_testbed::test_gateway::CONTEST;
use rebuttal_testbed::{
    Action, FaultProxy, Item, Page, Scheme, SignedCall, Signer, TestGateway, http, page, samples,
};
use serde_json::json;

use crate::common::gateway;
use crate::raw::extension::extended;

const FOLDER: &str = "docs/integrate/examples";
/// Installed by `cargo xtask test`; checks the types of the example, and removes them for an older Node.js.
const TYPESCRIPT: &str = "target/test-tools/typescript-5.9.3";
/// The names of the examples' evidence, with characters that a wrong encoding would lose.
const NAMES: [&str; 2] = ["Receipt – reçu № 7", "Refund confirmation – 退款凭证"];

/// What happens to the responses to contests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tampering {
    None,
    /// The answer never arrives.
    Lost,
    /// The next answer never arrives; those after it do.
    LostOnce,
    /// It arrives without its signature, and with terminal escapes.
    Unsigned,
    /// A refusal arrives as an `OK`, under the signature of the refusal.
    Altered,
    /// An earlier `OK` with a valid signature arrives in its place.
    Replayed,
    /// It arrives extended, with the valid signature of the extension.
    Extended,
    /// The answer to a copy of another media type arrives in its place; the request itself is delivered afterwards.
    Notice,
}

/// A merchant that runs one of the examples through a proxy that may tamper.
struct ExampleClient {
    words: Vec<String>,
    fixture: TestGateway,
    tampering: Arc<Mutex<Tampering>>,
    _proxy: FaultProxy,
}

/// The exit code and the output of an example.
struct CommandOutput {
    code: i32,
    stdout: String,
    stderr: String,
}

impl ExampleClient {
    fn with(words: &[&str]) -> Self {
        let tampering = Arc::new(Mutex::new(Tampering::None));
        let (shared, honest) = (Arc::clone(&tampering), Mutex::new(Vec::new()));
        let proxy = FaultProxy::on_request(move |request, upstream| {
            let mut ask = |request: &[u8]| upstream.send(request).unwrap();
            if !request.starts_with(format!("POST {CONTEST} ").as_bytes()) {
                return Action::Forward(ask(request));
            }
            let mut tampering = shared.lock().unwrap();
            if *tampering == Tampering::Notice {
                let notice = ask(&of_another_type(request));
                let _ = ask(request);
                return Action::Forward(notice);
            }
            if *tampering == Tampering::Extended {
                return Action::Forward(extend(request, &ask(request)));
            }
            let apply_tampering = apply_tampering(*tampering, ask(request), &mut honest.lock().unwrap());
            if *tampering == Tampering::LostOnce {
                *tampering = Tampering::None;
            }
            apply_tampering
        });
        let mut fixture = TestGateway::with_builder(gateway().args(["--public-url", &proxy.url]));
        proxy.set_upstream(fixture.address());
        fixture.base.clone_from(&proxy.url);
        Self {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            fixture,
            tampering,
            _proxy: proxy,
        }
    }

    fn file(&self, sample: &rebuttal_testbed::Sample) -> String {
        let path = self.fixture.gateway.scratch().join(sample.filename);
        std::fs::write(&path, &sample.bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, secret: &str, arguments: &[&str]) -> CommandOutput {
        let (program, words) = self.words.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(words).args(arguments).env("REBUTTAL_URL", &self.fixture.base);
        self.output(command, secret)
    }

    /// Runs the printed command in the folder of the example.
    fn types(&self, line: &str) -> CommandOutput {
        let mut command = Command::new("sh");
        command.args(["-c", line]).env("REBUTTAL_URL", &self.fixture.base);
        self.output(command, &self.fixture.signer.app_secret)
    }

    fn output(&self, mut command: Command, secret: &str) -> CommandOutput {
        let output = command
            // In an ASCII locale, bytes must still be passed unchanged.
            .env("LC_ALL", "C")
            .env("REBUTTAL_APP_ID", &self.fixture.signer.app_id)
            .env("REBUTTAL_APP_SECRET", secret)
            .current_dir(folder())
            .output()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let Output { status, stdout, stderr } = output;
        let text = |bytes| String::from_utf8(bytes).unwrap();
        CommandOutput { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Contests a dispute with these two.
    fn contests(&self, dispute_no: &str, evidence: [&str; 2]) -> CommandOutput {
        self.run(&self.fixture.signer.app_secret, &[dispute_no, evidence[0], evidence[1]])
    }

    fn submissions(&self, dispute_no: &str) -> usize {
        self.fixture.show(dispute_no)["submissions"].as_array().unwrap().len()
    }
}

/// The request with an added header that is not signed.
fn of_another_type(request: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(request.to_vec()).unwrap();
    let at = text.to_ascii_lowercase().find("content-type: application/json").unwrap();
    format!("{}content-type: text/plain{}", &text[..at], &text[at + 30..]).into_bytes()
}

/// The answer with a longer body and its valid signature, made without the secret.
fn extend(request: &[u8], answer: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let field = |name: &str| head.split([' ', ',', '\r']).find_map(|field| field.strip_prefix(name)).unwrap();
    let request = String::from_utf8_lossy(request).to_ascii_lowercase();
    let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let signer =
        Signer { app_id: field("appId=").to_owned(), app_secret: String::new(), scheme: Scheme::Sha256 };
    let mut seen = SignedCall::new(&signer, &format!("http://{host}"), CONTEST, body);
    seen.timestamp = field("timestamp=").to_owned();
    seen.nonce = field("nonce=").to_owned();
    seen.sign_instead = Some(field("sign=").to_owned());
    let forged = extended(&seen, b"x");
    let authorization = format!("authorization: {}", forged.authorization());
    let lines = head.lines().filter(|line| {
        let line = line.to_ascii_lowercase();
        !line.starts_with("authorization:") && !line.starts_with("content-length:")
    });
    let head: String = lines.map(|line| format!("{line}\r\n")).collect();
    let head = format!("{head}{authorization}\r\ncontent-length: {}\r\n\r\n", forged.body.len());
    [head.as_bytes(), &forged.body].concat()
}

fn apply_tampering(tampering: Tampering, answer: Vec<u8>, honest: &mut Vec<u8>) -> Action {
    let head = http::find(&answer, b"\r\n\r\n").unwrap() + 4;
    let text = String::from_utf8(answer.clone()).unwrap();
    Action::Forward(match tampering {
        Tampering::Lost | Tampering::LostOnce | Tampering::Notice | Tampering::Extended => {
            return Action::Close;
        }
        Tampering::None => {
            honest.clone_from(&answer);
            answer
        }
        Tampering::Replayed => honest.clone(),
        Tampering::Unsigned => text
            .replacen("authorization: ", "x-authorization: ", 1)
            .replacen(r#""OK""#, "\"\u{1b}\u{7}\"", 1)
            .into_bytes(),
        Tampering::Altered => {
            assert!(text.contains("Dispute.InvalidState"), "{text}");
            let body = r#"{"code":"OK","errorMessage":null,"data":{"result":true}}"#;
            let length = |line: &str| line.to_ascii_lowercase().starts_with("content-length:");
            let lines = text[..head].lines().filter(|line| !length(line) && !line.is_empty());
            let head: String = lines.map(|line| format!("{line}\r\n")).collect();
            format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
        }
    })
}

impl CommandOutput {
    #[track_caller]
    fn is(&self, code: i32, message: &str) {
        let Self { code: actual, stdout, stderr } = self;
        assert!(
            *actual == code && stderr.contains(message),
            "not {code} with {message:?}, but {actual}:\n{stdout}{stderr}"
        );
    }

    /// The files' storageUris, as printed.
    fn urls(&self) -> [&str; 2] {
        let urls: Vec<_> =
            self.stdout.lines().filter_map(|line| Some(line.split_once(" is stored at ")?.1)).collect();
        urls.try_into().unwrap_or_else(|_| panic!("{}", self.stdout))
    }
}

/// The folder of the examples.
fn folder() -> PathBuf {
    page::root().join(FOLDER).canonicalize().unwrap()
}

/// Everything that an example must do, in every language.
fn holds(words: &[&str]) {
    let client = ExampleClient::with(words);
    let receipt = client.file(&samples::receipt(1));
    let refund = client.file(&samples::refund(2));
    let files = [receipt.as_str(), &refund];
    let urls = contests_once(&client, files);
    refuses_and_is_refused(&client, files);
    tampered_answers_are_refused(&client, [&urls[0], &urls[1]]);
}

/// Contests, and returns the storageUris.
fn contests_once(client: &ExampleClient, files: [&str; 2]) -> [String; 2] {
    let (fixture, no) = (&client.fixture, client.fixture.dispute());
    let done = client.contests(&no, files);
    done.is(0, "");
    let shown = fixture.show(&no);
    assert_eq!(shown["status"], "UNDER_REVIEW");
    let evidence = shown["submissions"][0]["evidence"].as_array().unwrap();
    let listed: Vec<_> = evidence.iter().map(|item| (item["name"].as_str(), item["url"].as_str())).collect();
    assert_eq!(listed, [0, 1].map(|at| (Some(NAMES[at]), Some(done.urls()[at]))));
    for (item, file) in evidence.iter().zip(files) {
        let id = item["evidenceId"].as_str().unwrap();
        let kept = fixture.operator.fetch(&format!("/disputes/{no}/evidence/{id}")).body;
        assert_eq!(kept, std::fs::read(file).unwrap(), "{file} did not arrive as it is");
    }
    proves(client, &done);

    let again = client.contests(&no, done.urls());
    again.is(0, "");
    assert_eq!(client.submissions(&no), 1, "the same contest again counts once");
    client.contests(&no, files).is(3, "Dispute.InvalidState");
    done.urls().map(str::to_owned)
}

/// The last two lines are an answer's header and body, and the header is valid for the body.
fn proves(client: &ExampleClient, done: &CommandOutput) {
    let lines: Vec<_> = done.stdout.lines().collect();
    let [.., header, body] = lines.as_slice() else { panic!("{}", done.stdout) };
    let field = |name: &str| header.split([' ', ',']).find_map(|field| field.strip_prefix(name)).unwrap();
    let (timestamp, nonce) = (field("timestamp="), field("nonce="));
    let url = format!("{}{CONTEST}", client.fixture.base);
    let signer = &client.fixture.signer;
    let sign = signer.sign("POST", &url, timestamp, nonce, body.as_bytes());
    assert_eq!(*header, signer.header(&sign, timestamp, nonce), "{body}");
}

fn refuses_and_is_refused(client: &ExampleClient, files: [&str; 2]) {
    let no = client.fixture.dispute();
    let run = |secret: &str, arguments: &[&str]| client.run(secret, arguments);
    let secret = &client.fixture.signer.app_secret;
    let wrong = run(&"0".repeat(32), &[&no, files[0], files[1]]);
    wrong.is(6, "Common.Auth.InvalidSignature");
    wrong.is(6, "cannot be verified");
    run(secret, &[&no, files[0]]).is(2, "usage: ");
    run("", &[&no, files[0], files[1]]).is(1, "must be set");
    let (program, words) = client.words.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(words).args([&no, files[0], files[1]]).env("REBUTTAL_URL", "pay.example");
    client.output(command, secret).is(1, "REBUTTAL_URL must begin with https://");
    run(secret, &[&no, "/nope.png", files[1]]).is(1, "/nope.png");
    run(secret, &["NO-SUCH", files[0], files[1]]).is(3, "Dispute.NotFound");
    let program = client.fixture.gateway.scratch().join("program.exe");
    std::fs::write(&program, "MZ").unwrap();
    run(secret, &[&no, program.to_str().unwrap(), files[1]]).is(3, "File.UnsupportedType");
    assert_eq!(client.submissions(&no), 0);
}

fn tampered_answers_are_refused(client: &ExampleClient, urls: [&str; 2]) {
    let tamper = |tampering| *client.tampering.lock().unwrap() = tampering;
    let fixture = &client.fixture;
    let accepted = fixture.dispute();
    fixture.accept(&accepted).is("OK");
    for (tampering, message) in [
        (Tampering::Lost, ""),
        (Tampering::Unsigned, "cannot be verified"),
        (Tampering::Altered, "cannot be verified"),
        (Tampering::Replayed, "cannot be verified"),
        (Tampering::Extended, "cannot be verified"),
        (Tampering::Notice, "Common.Request.UnsupportedMediaType"),
    ] {
        // A replayed response is also sent for a contest that the gateway has refused.
        let no = if matches!(tampering, Tampering::Altered | Tampering::Replayed) {
            accepted.clone()
        } else {
            fixture.dispute()
        };
        tamper(tampering);
        let output = client.contests(&no, urls);
        output.is(4, message);
        assert!(!output.stdout.contains("is contested"), "{tampering:?} is accepted: {}", output.stdout);
        tamper(Tampering::None);
        let (_, again) =
            output.stderr.split_once("To make sure: ").unwrap_or_else(|| panic!("{}", output.stderr));
        assert!(!output.stderr.contains('\u{1b}'), "{:?}", output.stderr);
        let made_sure = client.types(again);
        match no == accepted {
            true => made_sure.is(3, "Dispute.InvalidState"),
            false => made_sure.is(0, ""),
        }
    }
}

/// The loop of `docs/integrate/retry.md` with this example.
#[test]
#[ignore = "needs Python, which cargo xtask test installs"]
fn documented_loop_resolves_unknown_outcomes() {
    let block = Page::open("docs/integrate/retry.md").marked("runs after contest.py");
    let blocks = Page::all().iter().flat_map(Page::blocks).filter(|block| block.language == "python").count();
    assert_eq!(blocks, 1, "another page has Python: run it, too");
    let python = format!("import json, random, sys, time\nfrom contest import *\n{block}\n");
    let program = format!("{python}print(settled('{CONTEST}', json.loads(sys.argv[1]))[0])");
    let client = ExampleClient::with(&["python3", "-c", &program]);
    let (fixture, no) = (&client.fixture, client.fixture.dispute());
    let url = fixture.upload(&samples::receipt(1));
    let item = Item::receipt(&url).json();
    let body = json!({ "disputeNo": no, "evidenceList": [item] }).to_string();
    *client.tampering.lock().unwrap() = Tampering::LostOnce;
    let output = client.run(&fixture.signer.app_secret, &[&body]);
    output.is(0, "");
    assert_eq!(output.stdout, "{'result': True}\n");
    assert_eq!((client.submissions(&no), *client.tampering.lock().unwrap()), (1, Tampering::None));
    client
        .run(&fixture.signer.app_secret, &[&body.replace(&no, "NO-SUCH")])
        .is(1, "Refused: Dispute.NotFound");
    client.run(&"0".repeat(32), &[&body]).is(1, "Unproven: ");

    // A response that settles nothing, followed by a rejection.
    let busy = r#"
ends = [Unanswered("A notice"), Unanswered("cut"), Refused("Dispute.InvalidState")]
def call(path, params):
    raise ends[tries.append(path) or len(tries) - 1]
for most in (1, 2, 3):
    tries = []
    try:
        settled("", {}, most)
    except Exception as error:
        print(type(error).__name__, len(tries))
"#;
    let busy =
        Command::new("python3").args(["-c", &format!("{python}{busy}")]).current_dir(folder()).output();
    let Output { stdout, stderr, .. } = busy.unwrap();
    let said = String::from_utf8_lossy(&stdout);
    assert_eq!(said, "Unanswered 1\nUnanswered 2\nUnanswered 3\n", "{}", String::from_utf8_lossy(&stderr));
}

#[test]
#[ignore = "needs curl and openssl, which cargo xtask test installs"]
fn shell_example_contests() {
    holds(&["sh", "contest.sh"]);
}

#[test]
#[ignore = "needs Python, which cargo xtask test installs"]
fn python_example_contests() {
    holds(&["python3", "contest.py"]);
}

#[test]
#[ignore = "needs PHP, which cargo xtask test installs"]
fn php_example_contests() {
    holds(&["php", "contest.php"]);
}

#[test]
#[ignore = "needs a JDK, which cargo xtask test installs"]
fn java_example_contests() {
    // Once by the documented command; otherwise without compiling it again.
    let Output { status, stderr, .. } =
        Command::new("java").arg("Contest.java").current_dir(folder()).env("LC_ALL", "C").output().unwrap();
    assert_eq!(status.code(), Some(2), "{}", String::from_utf8_lossy(&stderr));
    let classes = tempfile::tempdir().unwrap();
    let there = classes.path().to_str().unwrap();
    let compiled = Command::new("javac")
        .args(["-Xlint:all,-serial", "-Werror", "-d", there, "Contest.java"])
        .current_dir(folder())
        .env("LC_ALL", "C")
        .status();
    assert!(compiled.unwrap().success());
    holds(&["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", there, "Contest"]);
}

#[test]
#[ignore = "needs Node.js and TypeScript, which cargo xtask test installs"]
fn typescript_example_contests() {
    let place = tempfile::tempdir().unwrap();
    let javascript = without_types(place.path());
    holds(&["node", javascript.to_str().unwrap()]);
}

/// The example without types, for older versions of Node.js, after a type check.
fn without_types(place: &Path) -> PathBuf {
    let root = page::root().canonicalize().unwrap();
    let flags = "--strict --noUncheckedIndexedAccess --erasableSyntaxOnly --verbatimModuleSyntax --module nodenext \
                 --target es2022 --types node --outDir";
    let output = Command::new("node")
        .arg("node_modules/typescript/bin/tsc")
        .args(flags.split_whitespace())
        .arg(place)
        .arg(folder().join("contest.mts"))
        .current_dir(root.join(TYPESCRIPT))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    place.join("contest.mjs")
}
