//! Changes that are sent twice by mistake: which are applied once, which are rejected, and that no advice leads to a
//! second change.

use rebuttal_testbed::operator::in_days;

use crate::commands::operator::opening;
use crate::common::{CommandOutput, MerchantShell};

/// The command in a printed message.
fn message(output: &CommandOutput) -> &str {
    output.stderr.lines().find(|line| line.trim_start().starts_with("rebuttal ")).expect("a command").trim()
}

#[test]
fn relative_time_with_a_key_is_rejected_with_the_absolute_time() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let open = opening("7d");
    let open: Vec<_> = open.iter().map(String::as_str).collect();
    for words in [
        &open[..],
        &["dispute", "extend", &no, "--deadline=9d"],
        &["dispute", "advance", &no, "ARBITRATION", "--deadline", "9d", "--yes"],
        &["dispute", "request-evidence", &no, "--deadline", "9d", "--note", "The tracking number"],
    ] {
        let keyed = [words, &["--idempotency-key", words[1]]].concat();
        let refused = shell.operator(&keyed);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:?}");
        assert!(
            refused.stderr.starts_with("error: with --idempotency-key, --deadline must be a time"),
            "{refused:?}"
        );
        assert!(
            refused.stderr.contains(&format!("Usage: rebuttal operator dispute {}", words[1])),
            "{refused:?}"
        );
        let json = shell.operator(&[&keyed[..], &["--json"]].concat()).json();
        assert_eq!(json["outcome"], "usage");
        if words[1] == "request-evidence" {
            continue;
        }
        let at = refused.stderr.split("it is --deadline ").nth(1).unwrap().split_whitespace().next().unwrap();
        let words = keyed.iter().map(|word| match *word {
            "9d" | "7d" => at.to_owned(),
            word => word.replace("--deadline=9d", &format!("--deadline={at}")),
        });
        let words: Vec<_> = words.collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        for _ in 0..2 {
            let repeated = shell.operator(&words);
            assert_eq!(repeated.code, 0, "it is applied once: {repeated:?}");
        }
    }
    assert_eq!(shell.fixture.operator.fetch("/disputes").json()["total"], 2);
}

#[test]
fn idempotent_updates_need_no_key() {
    let shell = MerchantShell::start();
    let id = shell.fixture.merchant_id.to_string();
    let app = shell.fixture.signer.app_id.clone();
    for words in [
        ["merchant", "change", &id, "--name", "Twice"].as_slice(),
        &["app", "change", &app, "--merchant", &id, "--disable"],
        &["dispute", "list"],
    ] {
        let keyed = shell.operator(&[words, &["--idempotency-key", "k"]].concat());
        assert!(
            keyed.code == 2 && keyed.stderr.contains("unexpected argument '--idempotency-key'"),
            "{keyed:?}"
        );
        assert_eq!([shell.operator(words).code, shell.operator(words).code], [0, 0], "harmless to repeat");
        let help = shell.operator(&[&words[..2], &["--help"]].concat());
        assert!(!help.stdout.contains("--idempotency-key"), "{help:?}");
    }
    let help = shell.operator(&["--help"]);
    assert!(help.stdout.contains("it only sets values"), "{help:?}");
}

#[test]
fn reused_key_conflict_does_not_suggest_a_second_run() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let extend = |deadline: &str| {
        shell.operator(&["dispute", "extend", &no, "--deadline", deadline, "--idempotency-key", "night-1"])
    };
    assert_eq!(extend(&in_days(9)).code, 0);
    let other = extend(&in_days(10));
    assert!(other.code == 3 && other.stderr.contains("read the current state before"), "{other:?}");
    let faulty = shell.operator(&["token", "revoke", "t", "--yes", "--idempotency-key", "a b"]);
    assert!(faulty.code == 2 && faulty.stderr.contains("visible ASCII"), "{faulty:?}");
}

#[test]
fn earlier_stage_is_reported() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let advance =
        |stage: &str| shell.operator(&["dispute", "advance", &no, stage, "--deadline", "9d", "--yes"]);
    let refused = advance("CHARGEBACK");
    let expected = "advance leads to a later stage only: PRE_ARBITRATION, ARBITRATION";
    assert!(refused.code == 3 && refused.stderr.contains(expected), "{refused:?}");
    assert!(!refused.stderr.contains("allows"), "{refused:?}");
    assert_eq!(advance("ARBITRATION").code, 0);
    let last = advance("PRE_ARBITRATION");
    assert!(last.code == 3 && last.stderr.contains("allows only: resolve, extend, withdraw"), "{last:?}");
}

#[test]
fn disputed_over_paid_opens_with_a_warning() {
    let shell = MerchantShell::start();
    let open = opening("7d");
    let open: Vec<_> = open.iter().map(String::as_str).collect();
    let same = shell.operator(&[&open[..], &["--dispute-amount", "1"]].concat());
    assert_eq!((same.code, same.stderr.as_str()), (0, ""), "{same:?}");
    let more = shell.operator(&[&open[..], &["--dispute-amount", "1.01", "--json"]].concat());
    assert_eq!(more.code, 0, "{more:?}");
    assert!(
        more.stderr.contains("the disputed amount (1.01) is greater than the payment (1.00)"),
        "{more:?}"
    );
    let back = shell.paste_operator(&format!("{} --yes", message(&more)));
    assert!(back.code == 0 && back.stdout.contains("is WITHDRAWN"), "{back:?}");
    assert_eq!(shell.status(more.json()["disputeNo"].as_str().unwrap()), "WITHDRAWN");
}
