//! A failing sync and a slow disk, injected by strace into a running gateway. Every response stays true, before and
//! after a kill.

use std::process::{Child, Command, Stdio};

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::{Answer, Connection, Item, SignedCall, TestGateway, samples};

use crate::common::sqlite_test_gateway;

const SYNCS: &str = "fdatasync,fsync";

/// strace attached to a gateway; detached when dropped.
struct Tracer(Child);

impl Tracer {
    fn inject(fixture: &TestGateway, what: &str) -> Self {
        let pid = fixture.gateway.pid();
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-o", "/dev/null", "-e", &format!("trace={SYNCS}")]);
        command.args(["-e", &format!("inject={SYNCS}:{what}"), "-p", &pid.to_string()]);
        let child = command.stdin(Stdio::null()).spawn().expect("strace starts");
        let tracer = Self(child);
        let threads =
            || std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|task| task.unwrap().path());
        wait_for("strace to attach; it may need root", || {
            let traced = |status: String| !status.contains("TracerPid:\t0\n");
            threads().all(|task| std::fs::read_to_string(task.join("status")).is_ok_and(traced)).then_some(())
        });
        tracer
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Compares a response with the state of the gateway after a kill and a restart.
fn answer_matches_record(fixture: &TestGateway, call: &SignedCall, dispute: &str, answer: &Answer) {
    let done = fixture.status(dispute) == "UNDER_REVIEW";
    assert_eq!(fixture.history(dispute).len(), if done { 2 } else { 1 });
    match answer.code.as_str() {
        "OK" => assert!(done, "answered, but not stored"),
        "Common.System.Unavailable" => assert!(!done, "said to have changed nothing"),
        "Common.System.OutcomeUnknown" => {}
        other => panic!("{other}: {}", answer.message),
    }
    call.send(fixture.address()).is(if done { "Common.Auth.ReplayedNonce" } else { "OK" });
}

#[test]
#[ignore = "needs strace: cargo xtask test runs it"]
fn failed_sync_is_never_answered_with_ok() {
    let mut fixture = sqlite_test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let disputes: Vec<_> = (0..4).map(|_| fixture.dispute()).collect();
    let calls: Vec<_> = disputes.iter().map(|no| fixture.contest_call(no, &[Item::receipt(&url)])).collect();
    let ticket = fixture.ticket("a.png");
    let tracer = Tracer::inject(&fixture, "error=EIO");
    let answers: Vec<_> = calls.iter().map(|call| call.send(fixture.address())).collect();
    let upload = ticket.form(&samples::png(1)).send(fixture.address());
    assert!(upload.status >= 500, "{} {}", upload.status, upload.text());
    // The first request's log was written but not synced, so the state after a restart is unknown.
    assert_eq!(answers[0].code, "Common.System.OutcomeUnknown");
    for answer in &answers {
        let honest = ["Common.System.OutcomeUnknown", "Common.System.Unavailable"];
        assert!(honest.contains(&answer.code.as_str()), "{}", answer.code);
    }
    drop(tracer);
    fixture.gateway.restart();
    for ((call, dispute), answer) in calls.iter().zip(&disputes).zip(&answers) {
        answer_matches_record(&fixture, call, dispute, answer);
    }
}

#[test]
#[ignore = "needs strace: cargo xtask test runs it"]
fn slow_disk_delays_correct_responses() {
    let mut fixture = sqlite_test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let disputes: Vec<_> = (0..64).map(|_| fixture.dispute()).collect();
    let calls: Vec<_> = disputes.iter().map(|no| fixture.contest_call(no, &[Item::receipt(&url)])).collect();
    let tracer = Tracer::inject(&fixture, "delay_enter=3000000");
    let mut connections: Vec<_> =
        calls.iter().map(|_| Connection::open(fixture.address()).unwrap()).collect();
    for (call, connection) in calls.iter().zip(&mut connections) {
        connection.send(&call.bytes()).unwrap();
    }
    let receive =
        |(call, connection): (&SignedCall, &mut Connection)| call.verified(connection.receive().unwrap());
    let answers: Vec<_> = calls.iter().zip(&mut connections).map(receive).collect();
    drop(tracer);
    fixture.gateway.restart();
    for ((call, dispute), answer) in calls.iter().zip(&disputes).zip(&answers) {
        answer_matches_record(&fixture, call, dispute, answer);
    }
}
