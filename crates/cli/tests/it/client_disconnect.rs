//! Clients that disconnect at every stage, and a gateway that is stopped under load. Each request is answered or
//! handled as the contract says: done completely, or not done with its nonce unused.

use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use rebuttal_testbed::clock::{pause, wait_for};
use rebuttal_testbed::{Connection, Item, SignedCall, TestGateway, samples};
use serde_json::json;

use crate::common::{each, folder_test_gateway, scaled, test_gateway};

const REPLAYED: &str = "Common.Auth.ReplayedNonce";

/// Afterwards the dispute was contested once, whether or not the first attempt was processed.
fn settles(fixture: &TestGateway, call: &SignedCall, dispute: &str) -> String {
    let code = call.send(fixture.address()).code;
    assert!(code == "OK" || code == REPLAYED, "{code}");
    let shown = fixture.show(dispute);
    assert_eq!(shown["status"], "UNDER_REVIEW", "{shown}");
    assert_eq!(shown["submissions"].as_array().unwrap().len(), 1);
    assert_eq!(fixture.history(dispute).len(), 2);
    code
}

#[test]
fn disconnect_before_the_last_byte_changes_nothing() {
    let fixture = test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let request = |dispute: &str| fixture.contest_call(dispute, &[Item::receipt(&url)]);
    let sample = request(&fixture.dispute());
    let (head, all) = (sample.request().head().len(), sample.bytes().len());
    let stages = [
        ("nothing", 0),
        ("the method", 4),
        ("half the head", head / 2),
        ("the head", head),
        ("half the body", head + (all - head) / 2),
        ("all but one byte", all - 1),
    ];
    each(stages, |bytes| {
        let dispute = fixture.dispute();
        let call = request(&dispute);
        let mut connection = Connection::open(fixture.address()).unwrap();
        connection.send(&call.bytes()[..bytes]).unwrap();
        drop(connection);
        assert_eq!(
            (fixture.status(&dispute).as_str(), fixture.history(&dispute).len()),
            ("NEEDS_RESPONSE", 1)
        );
        assert_eq!(settles(&fixture, &call, &dispute), "OK", "the nonce was not used");
    });
}

#[test]
fn disconnect_before_the_response_is_all_or_nothing() {
    let fixture = test_gateway();
    let url = fixture.upload(&samples::receipt(1));
    let mut done = 0;
    for round in 0..scaled(300) {
        let dispute = fixture.dispute();
        let call = fixture.contest_call(&dispute, &[Item::receipt(&url)]);
        let mut connection = Connection::open(fixture.address()).unwrap();
        connection.send(&call.bytes()).unwrap();
        match round % 3 {
            0 => {}
            1 => connection.finish_sending(),
            _ => pause(Duration::from_millis(1)),
        }
        drop(connection);
        done += usize::from(settles(&fixture, &call, &dispute) == REPLAYED);
    }
    assert!(done > 0, "a contest that was completely sent is done even if the client disconnects");
}

fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

#[test]
fn interrupted_upload_leaves_no_files() {
    let fixture = folder_test_gateway();
    let folder = fixture.gateway.data().join("evidence");
    let before = files_below(&folder);
    let stages = [("the head", 0), ("half", 50), ("nearly all", 99)];
    each(stages, |percent| {
        let ticket = fixture.ticket("a.png");
        let request = ticket.form(&samples::png_of_size(500_000)).request();
        let cut = request.head().len() + request.body.len() * percent / 100;
        let mut connection = Connection::open(fixture.address()).unwrap();
        connection.send(&request.bytes()[..cut]).unwrap();
        drop(connection);
        wait_for("the partial file to be removed", || (files_below(&folder) == before).then_some(()));
        fixture.contest(&fixture.dispute(), &[Item::receipt(&ticket.storage_uri)]).is("Evidence.NotUploaded");
    });
    // The whole form, then a disconnect: stored or not, and the same form shows which.
    for _ in 0..20 {
        let ticket = fixture.ticket("a.png");
        let form = ticket.form(&samples::png(1));
        let mut connection = Connection::open(fixture.address()).unwrap();
        connection.send(&form.request().bytes()).unwrap();
        drop(connection);
        let again = form.send(fixture.address());
        assert!(again.status == 204 || again.status == 409, "{}", again.text());
        // A conflict with an upload that is still being recorded ends with the recording.
        wait_for("the upload to be recorded", || {
            let code = fixture.contest(&fixture.dispute(), &[Item::receipt(&ticket.storage_uri)]).code;
            (code == "OK").then_some(())
        });
    }
}

/// The outcome of a request while the gateway stopped.
enum RequestOutcome {
    Answered(rebuttal_testbed::Answer),
    Unanswered,
}

/// 64 contests: most completely sent before the signal, every fourth with its last bytes after it.
fn stop_amid_64(fixture: &TestGateway) -> Vec<(SignedCall, String, RequestOutcome)> {
    const REQUESTS: usize = 64;
    let url = fixture.upload(&samples::receipt(1));
    let barrier = Barrier::new(REQUESTS + 1);
    let one = |index: usize, call: SignedCall, dispute: String| {
        let mut connection = Connection::open(fixture.address()).unwrap();
        let bytes = call.bytes();
        let (now, later) =
            bytes.split_at(if index.is_multiple_of(4) { bytes.len() - 30 } else { bytes.len() });
        if index.is_multiple_of(4) {
            connection.send(now).unwrap();
            barrier.wait();
            pause(Duration::from_millis(50));
        } else {
            barrier.wait();
            drop(connection.send(now));
        }
        let answer = connection.send(later).and_then(|()| connection.receive());
        let outcome = answer
            .map_or(RequestOutcome::Unanswered, |response| RequestOutcome::Answered(call.verified(response)));
        (call, dispute, outcome)
    };
    std::thread::scope(|scope| {
        let one = &one;
        let workers: Vec<_> = (0..REQUESTS)
            .map(|index| {
                let dispute = fixture.dispute();
                let call = fixture.contest_call(&dispute, &[Item::receipt(&url)]);
                scope.spawn(move || one(index, call, dispute))
            })
            .collect();
        barrier.wait();
        fixture.gateway.terminate();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    })
}

#[test]
fn shutdown_answers_or_ignores_each_of_64_requests() {
    let mut fixture = test_gateway();
    let mut answered = 0;
    for _ in 0..scaled(8) {
        let outcomes = stop_amid_64(&fixture);
        let status = fixture.gateway.wait();
        assert!(status.success(), "{status}: {}", fixture.gateway.stderr());
        assert!(Connection::open(fixture.address()).is_err(), "the listener is closed");
        fixture.gateway.restart();
        for (call, dispute, outcome) in outcomes {
            let done = fixture.status(&dispute) == "UNDER_REVIEW";
            if let RequestOutcome::Answered(answer) = outcome {
                answered += 1;
                match answer.code.as_str() {
                    "OK" => assert!(done, "answered, but not stored"),
                    "Common.System.Unavailable" => assert!(!done, "said to have changed nothing"),
                    "Common.System.OutcomeUnknown" => {}
                    other => panic!("{other}: {}", answer.message),
                }
            }
            let wanted = if done { REPLAYED } else { "OK" };
            assert_eq!(settles(&fixture, &call, &dispute), wanted);
        }
    }
    assert!(answered > 0, "the gateway dropped every request");
}

#[test]
fn idle_connections_do_not_delay_shutdown() {
    let mut fixture = test_gateway();
    let mut connections: Vec<_> = (0..20).map(|_| Connection::open(fixture.address()).unwrap()).collect();
    let call = fixture.call(rebuttal_testbed::test_gateway::QUERY, &json!({ "disputeNo": "D" }));
    call.send_on(&mut connections[0]).unwrap().is("Dispute.NotFound");
    let start = Instant::now();
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn stalled_request_delays_shutdown_at_most_thirty_seconds() {
    let mut fixture = test_gateway();
    let call = fixture.contest_call(&fixture.dispute(), &[]);
    let mut connection = Connection::open(fixture.address()).unwrap();
    let bytes = call.bytes();
    connection.send(&bytes[..bytes.len() - 1]).unwrap();
    // A response on another connection shows that the stalled one has been accepted.
    drop(fixture.query("D"));
    let start = Instant::now();
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    assert!(start.elapsed() < Duration::from_secs(31), "{:?}", start.elapsed());
}
