//! An attacker between merchant and gateway who knows no secret: obtains responses to altered copies of a request,
//! passes one to the merchant, and delivers the original request later. The merchant must never get a valid
//! response that a contest is done or refused while the gateway does otherwise, then or later (contract §2).
//!
//! Covers all codes of contract §7 except an internal error and an unknown outcome, which cannot be caused from here.
//! What the client makes of those is in the table of `client/retry/tests.rs`.

use std::sync::{Arc, Mutex};

use rebuttal_testbed::clock::{wait_for, wait_until_ms};
use rebuttal_testbed::operator::in_ms;
use rebuttal_testbed::{Action, Connection, FaultProxy, Gateway, TestGateway, Upstream, samples};
use serde_json::json;

use crate::common::{MerchantShell, bin};

/// What the merchant gets instead of the response to the contest. The contest itself is delivered after the command has
/// ended, unless stated otherwise.
#[derive(Debug, Clone, Copy)]
enum Attack {
    /// The response to a copy with one replacement.
    AlteredCopy(&'static str, &'static str),
    /// The response to a copy with this many additional bytes.
    PaddedCopy(usize),
    /// The response to a copy with an unknown app id.
    OtherApp,
    /// The response to too many copies.
    RateLimited,
    /// The answer while the app is disabled, to the contest itself.
    AppDisabled,
    /// The answer while the gateway's disk is full, to the contest itself.
    DiskFull,
    /// The second answer to the contest itself.
    Replay,
    /// The answer to the contest itself, but without its signature.
    Unsigned,
    /// None; the contest was delivered.
    DropResponse,
    /// None; the contest was not delivered yet.
    DropRequest,
    /// No attack.
    None,
}

/// A code of the contract, the attack that makes the merchant get it, and the command's exit code.
const ATTACKS: [(&str, Attack, i32); 18] = [
    ("OK", Attack::None, 0),
    ("Common.Request.NotFound", Attack::AlteredCopy("/dispute/contest", "/dispute/context"), 4),
    ("Common.Request.MethodNotAllowed", Attack::AlteredCopy("POST", "PUT"), 4),
    ("Common.Request.NotAcceptable", Attack::AlteredCopy("accept: application/json", "accept: text/html"), 4),
    ("Common.Request.TooLarge", Attack::PaddedCopy(70_000), 4),
    (
        "Common.Request.UnsupportedMediaType",
        Attack::AlteredCopy("content-type: application/json", "content-type: text/plain"),
        4,
    ),
    (
        "Common.Request.UnsupportedMediaType",
        Attack::AlteredCopy("accept: application/json", "content-encoding: gzip"),
        4,
    ),
    ("Common.Auth.Malformed", Attack::AlteredCopy("timestamp=", "timestamps="), 4),
    ("Common.Auth.UnknownApp", Attack::OtherApp, 4),
    ("Common.Auth.StaleTimestamp", Attack::AlteredCopy("timestamp=1", "timestamp=0"), 4),
    ("Common.Auth.InvalidSignature", Attack::PaddedCopy(1), 4),
    ("Common.Auth.AppDisabled", Attack::AppDisabled, 4),
    ("Common.RateLimited", Attack::RateLimited, 4),
    ("Common.System.Unavailable", Attack::DiskFull, 4),
    ("Common.Auth.ReplayedNonce", Attack::Replay, 4),
    ("OK", Attack::Unsigned, 4),
    ("OK", Attack::DropResponse, 4),
    ("OK", Attack::DropRequest, 4),
];

/// Calls of the app per second: enough for the merchant's commands, and few enough that the attacker reaches them.
const RATE: &str = "40";

/// The state of the attacker.
#[derive(Default)]
struct Attacker {
    attack: Option<Attack>,
    /// Requests that were not delivered.
    held: Vec<Vec<u8>>,
    /// The gateway and its operator.
    shell: Option<Arc<MerchantShell>>,
}

impl MerchantShell {
    fn enable(&self, enabled: bool) {
        let app = format!("/merchants/{}/apps/{}", self.fixture.merchant_id, self.fixture.signer.app_id);
        assert_eq!(self.fixture.operator.patch(&app, &json!({ "enabled": enabled })).status, 200);
    }

    /// Delivers a request unchanged; returns the response's status.
    fn deliver(&self, request: &[u8]) -> u16 {
        wait_for("the app's rate", || {
            let answer = Connection::open(self.fixture.address()).unwrap().exchange(request).unwrap();
            (answer.status != 429).then_some(answer.status)
        })
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The request with this many spaces appended to its body.
fn longer(request: &[u8], by: usize) -> Vec<u8> {
    let request = text(request);
    let length = request.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let more = (length.parse::<usize>().unwrap() + by).to_string();
    let head = format!("content-length: {length}\r\n");
    assert!(request.contains(&head));
    (request.replacen(&head, &format!("content-length: {more}\r\n"), 1) + &" ".repeat(by)).into_bytes()
}

fn intercept(request: &[u8], upstream: &mut Upstream, attacker: &mut Attacker) -> Action {
    let attack = attacker.attack.filter(|_| request.starts_with(b"POST /pg/v2/dispute/contest "));
    let mut ask = |request: &[u8]| upstream.send(request).map_or(Action::Close, Action::Forward);
    match attack {
        None | Some(Attack::None) => ask(request),
        Some(Attack::AlteredCopy(this, that)) => {
            attacker.held.push(request.to_vec());
            assert!(text(request).contains(this), "{this} is not in {}", text(request));
            ask(text(request).replacen(this, that, 1).as_bytes())
        }
        Some(Attack::PaddedCopy(by)) => {
            attacker.held.push(request.to_vec());
            ask(&longer(request, by))
        }
        Some(Attack::OtherApp) => {
            attacker.held.push(request.to_vec());
            let request = text(request);
            let (head, rest) = request.split_once("appId=").unwrap();
            ask(format!("{head}appId={}{}", "0".repeat(32), &rest[32..]).as_bytes())
        }
        Some(Attack::RateLimited) => {
            attacker.held.push(request.to_vec());
            let copy = text(request).replacen("accept: application/json", "accept: text/html", 1);
            loop {
                match ask(copy.as_bytes()) {
                    Action::Forward(answer) if !text(&answer).contains("Common.RateLimited") => {}
                    limited => return limited,
                }
            }
        }
        Some(Attack::AppDisabled) => {
            attacker.held.push(request.to_vec());
            let shell = attacker.shell.as_ref().unwrap();
            shell.enable(false);
            let answer = ask(request);
            shell.enable(true);
            answer
        }
        Some(Attack::DiskFull) => {
            attacker.held.push(request.to_vec());
            let gateway = &attacker.shell.as_ref().unwrap().fixture.gateway;
            gateway.limit_file_size(Some(0));
            let answer = ask(request);
            gateway.limit_file_size(None);
            answer
        }
        Some(Attack::Replay) => {
            let _ = ask(request);
            ask(request)
        }
        Some(Attack::Unsigned) => match ask(request) {
            Action::Forward(answer) => {
                Action::Forward(text(&answer).replacen("authorization:", "x:", 1).into_bytes())
            }
            other => other,
        },
        Some(Attack::DropResponse) => {
            let _ = ask(request);
            Action::Close
        }
        Some(Attack::DropRequest) => {
            attacker.held.push(request.to_vec());
            Action::Close
        }
    }
}

/// Runs an attack on one merchant; each has a separate gateway, because some attacks affect all merchants of one.
fn run_attack(code: &str, attack: Attack, exit: i32) {
    let attacker = Arc::new(Mutex::new(Attacker::default()));
    let for_proxy = Arc::clone(&attacker);
    let proxy = FaultProxy::on_request(move |request, upstream| {
        intercept(request, upstream, &mut for_proxy.lock().unwrap())
    });
    let gateway = Gateway::builder(bin()).built_in();
    let fixture =
        TestGateway::with_builder(gateway.args(["--public-url", &proxy.url, "--app-rate-per-second", RATE]));
    proxy.set_upstream(fixture.address());
    let shell = Arc::new(MerchantShell { fixture, url: proxy.url.clone() });
    let no = shell.fixture.dispute();
    *attacker.lock().unwrap() =
        Attacker { attack: Some(attack), held: Vec::new(), shell: Some(Arc::clone(&shell)) };
    let output = shell.run(&["contest", &no, "--receipt", &shell.receipt(), "--yes", "--json"]);
    assert_eq!(output.code, exit, "{attack:?}: {output:?}");
    if exit != 0 {
        let printed = output.json();
        let about = ["notice", "unprovenClaim"].map(|member| printed[member]["code"].clone());
        assert!(
            matches!(attack, Attack::DropResponse | Attack::DropRequest | Attack::Replay)
                || about.contains(&code.into()),
            "{attack:?}: {printed}"
        );
        assert!(printed["openUntil"].is_string(), "{attack:?}: {printed}");
    }
    // The attacker delivers the kept requests; the responses that the merchant got must still be true.
    let Attacker { held, .. } = std::mem::take(&mut *attacker.lock().unwrap());
    let statuses: Vec<_> = held.iter().map(|held| shell.deliver(held)).collect();
    assert!(statuses.iter().all(|status| *status == 200), "{attack:?}: {statuses:?}");
    assert_eq!(shell.status(&no), "UNDER_REVIEW", "{attack:?}");
    if exit != 0 {
        let again = shell.paste(output.json()["again"].as_str().unwrap());
        assert_eq!(again.code, 0, "{attack:?}: {again:?}");
    }
    assert_eq!(shell.fixture.show(&no)["submissions"].as_array().unwrap().len(), 1, "{attack:?}");
}

#[test]
fn attacker_cannot_forge_an_outcome() {
    std::thread::scope(|threads| {
        for (code, attack, exit) in ATTACKS {
            threads.spawn(move || run_attack(code, attack, exit));
        }
    });
}

/// A copy of a rejected contest is useless to an attacker, whatever happens afterwards.
#[test]
fn settled_rejection_holds_for_every_copy() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let copies = Arc::clone(&kept);
    let proxy = FaultProxy::on_response(move |request, answer| {
        if request.starts_with(b"POST /pg/v2/dispute/contest ") {
            copies.lock().unwrap().push(request.to_vec());
        }
        Action::Forward(answer)
    });
    let mut shell = MerchantShell::with_public_url(&proxy.url);
    proxy.set_upstream(shell.fixture.address());
    shell.fixture.base.clone_from(&proxy.url);
    let fixture = &shell.fixture;
    let ticket = fixture.ticket("receipt.png");
    let (accepted, open) = (fixture.dispute(), fixture.dispute());
    fixture.accept(&accepted).is("OK");
    let (deadline, deadline_ms) = in_ms(300);
    let late = fixture.dispute_with(&json!({ "deadline": deadline }));
    wait_until_ms(deadline_ms + 1);
    let url = fixture.upload(&samples::receipt(1));
    let elsewhere = url.replacen(&format!("/m/{}/", fixture.merchant_id), "/m/999/", 1);
    for (no, evidence, code) in [
        (&accepted, &url, "Dispute.InvalidState"),
        (&late, &url, "Dispute.DeadlinePassed"),
        (&open, &ticket.storage_uri, "Evidence.NotUploaded"),
        (&open, &elsewhere, "Evidence.NotFound"),
    ] {
        let output = shell.run(&["contest", no, "--receipt", evidence, "--name", "a", "--yes", "--json"]);
        let printed = output.json();
        assert_eq!((output.code, &printed["code"]), (3, &code.into()), "{output:?}");
    }
    // Now each request would be accepted.
    let form = ticket.form(&samples::receipt(2).bytes);
    assert_eq!(form.send(form.address().unwrap_or(fixture.address())).status, 204);
    wait_for("the deadline to be acted on", || (shell.status(&late) == "EXPIRED").then_some(()));
    let extended =
        fixture.operator.post(&format!("/disputes/{late}/extend"), &json!({ "deadline": in_ms(60_000).0 }));
    assert_eq!(extended.status, 200, "{extended:?}");
    let kept = kept.lock().unwrap();
    assert_eq!(kept.len(), 4);
    assert_eq!(kept.iter().map(|copy| shell.deliver(copy)).collect::<Vec<_>>(), [401; 4]);
    assert_eq!([&late, &open].map(|no| shell.status(no)), ["NEEDS_RESPONSE"; 2]);
}
