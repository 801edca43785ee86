//! Contract §7, resource limits: too many bad signatures from one address, too many calls of one app, no capacity for
//! another nonce, a full disk. What is rejected was not done and succeeds later.

use std::net::Ipv4Addr;
use std::time::Duration;

use rebuttal_testbed::clock::{pause, wait_for};
use rebuttal_testbed::test_gateway::{ACCEPT, QUERY};
use rebuttal_testbed::{Connection, Item, Operator, SignedCall, TestGateway, samples};
use serde_json::json;

use crate::common::{Flood, LARGEST_FILE_BYTES, each, gateway, sqlite_test_gateway, test_gateway};

/// Contract §7.
const FAILURES_PER_SECOND: usize = 100;

#[test]
fn invalid_signature_flood_is_throttled_per_address() {
    let fixture = test_gateway();
    let calls: Vec<_> = (0..FAILURES_PER_SECOND * 4)
        .map(|_| fixture.call(QUERY, &json!({ "disputeNo": "never-opened" })).badly_signed())
        .collect();
    let mut connection = Connection::open(fixture.address()).unwrap();
    let bytes: Vec<u8> = calls.iter().flat_map(|call| call.bytes()).collect();
    connection.send(&bytes).unwrap();
    let answers: Vec<_> = calls.iter().map(|call| call.verified(connection.receive().unwrap())).collect();
    let limited = answers.iter().filter(|answer| answer.code == "Common.RateLimited");
    let limited: Vec<_> =
        limited.map(|answer| answer.response.header("retry-after").unwrap().to_owned()).collect();
    let rejected = answers.iter().filter(|answer| answer.code == "Common.Auth.InvalidSignature").count();
    assert_eq!(limited.len() + rejected, answers.len());
    assert!(!limited.is_empty(), "400 concurrent failures, none throttled");
    assert!(rejected >= FAILURES_PER_SECOND / 2, "only {rejected} were rejected with their reason");
    // The same app is accepted from another address: an appId is not enough to lock out its owner.
    let good = || fixture.call(QUERY, &json!({ "disputeNo": "never-opened" }));
    let mut elsewhere = Connection::open_from(Ipv4Addr::new(127, 0, 0, 9), fixture.address()).unwrap();
    good().send_on(&mut elsewhere).unwrap().is("Dispute.NotFound");
    let seconds: u64 = limited[0].parse().expect("Retry-After in seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    pause(Duration::from_secs(seconds));
    good().send(fixture.address()).is("Dispute.NotFound");
    good().badly_signed().send(fixture.address()).is("Common.Auth.InvalidSignature");
}

#[test]
fn new_app_is_not_throttled_by_other_callers_failures() {
    let fixture = test_gateway();
    std::thread::scope(|threads| {
        let flood = Flood::over(threads, &fixture);
        let codes: Vec<_> = (0..5)
            .map(|_| {
                let mut call = fixture.call(QUERY, &json!({ "disputeNo": "never-opened" }));
                call.signer = fixture.operator.open_app(fixture.merchant_id, fixture.signer.scheme);
                call.send(fixture.address()).code
            })
            .collect();
        drop(flood);
        assert_eq!(codes, ["Dispute.NotFound"; 5]);
    });
}

#[test]
fn full_disk_changes_nothing_and_is_reported() {
    let fixture = sqlite_test_gateway();
    let at = fixture.address();
    let url = fixture.upload(&samples::receipt(1));
    let (contested, accepted) = (fixture.dispute(), fixture.dispute());
    let ticket = fixture.ticket("a.png");
    let calls = [
        fixture.contest_call(&contested, &[Item::receipt(&url)]),
        fixture.call(ACCEPT, &json!({ "disputeNo": accepted })),
    ];
    let before = [&contested, &accepted].map(|no| fixture.show(no));
    fixture.gateway.limit_file_size(Some(0));
    let refused = calls.each_ref().map(|call| call.send(at));
    refused.iter().for_each(|answer| assert_eq!(answer.code, "Common.System.Unavailable"));
    let upload = ticket.form(&samples::png(7)).send(at);
    assert!(upload.status >= 500, "{} {}", upload.status, upload.text());
    // Reads are still served.
    assert_eq!(fixture.query(&contested).ok()["status"], "NEEDS_RESPONSE");
    fixture.gateway.limit_file_size(None);
    assert_eq!([&contested, &accepted].map(|no| fixture.show(no)), before, "nothing was changed");
    // Nothing was changed: the nonces of the rejected requests are unused.
    for call in &calls {
        call.send(at).is("OK");
    }
    assert_eq!(ticket.form(&samples::png(7)).send(at).status, 204);
}

/// How many of these concurrent calls were answered with this code.
fn send_concurrently(fixture: &TestGateway, calls: &[SignedCall], code: &str) -> usize {
    let mut connection = Connection::open(fixture.address()).unwrap();
    let bytes: Vec<u8> = calls.iter().flat_map(|call| call.bytes()).collect();
    connection.send(&bytes).unwrap();
    let answers = calls.iter().map(|call| call.verified(connection.receive().unwrap()));
    answers.filter(|answer| answer.code == code).count()
}

fn calls(count: usize, make: impl Fn() -> SignedCall) -> Vec<SignedCall> {
    (0..count).map(|_| make()).collect()
}

#[test]
fn app_rate_counts_only_validly_signed_requests() {
    const RATE: usize = 5;
    let fixture = TestGateway::with_builder(gateway().args(["--app-rate-per-second", &RATE.to_string()]));
    let good = || fixture.call(QUERY, &json!({ "disputeNo": "never-opened" }));
    // Requests with the app's id and an invalid signature do not count against the app.
    assert_eq!(
        send_concurrently(&fixture, &calls(50, || good().badly_signed()), "Common.Auth.InvalidSignature"),
        50
    );
    let allowed = send_concurrently(&fixture, &calls(30, good), "Dispute.NotFound");
    assert!((1..=RATE * 2).contains(&allowed), "{allowed}");
    let malformed = fixture.raw_call(QUERY, "[").send(fixture.address()).expect("Common.RateLimited");
    let seconds: u64 = malformed.response.header("retry-after").unwrap().parse().unwrap();
    let mut other = good();
    other.signer = fixture.operator.open_app(fixture.merchant_id, fixture.signer.scheme);
    other.send(fixture.address()).is("Dispute.NotFound");
    pause(Duration::from_secs(seconds));
    good().send(fixture.address()).is("Dispute.NotFound");
}

#[test]
fn forwarded_address_needs_a_trusted_proxy() {
    let limited = |args: &[&str], addresses: &dyn Fn(usize) -> String| {
        let fixture = TestGateway::with_builder(gateway().args(args));
        let calls: Vec<_> = (0..FAILURES_PER_SECOND * 3)
            .map(|number| {
                let call = fixture.call(QUERY, &json!({ "disputeNo": "D" })).badly_signed();
                call.with_header("X-Forwarded-For", Some(&addresses(number)))
            })
            .collect();
        send_concurrently(&fixture, &calls, "Common.RateLimited")
    };
    let many = |number: usize| format!("203.0.113.{}", number % 200);
    let one = |_| "203.0.113.7".to_owned();
    assert!(limited(&[], &many) > 0, "an untrusted peer must not choose its address");
    assert_eq!(limited(&["--trusted-proxies", "127.0.0.0/8"], &many), 0);
    assert!(limited(&["--trusted-proxies", "127.0.0.0/8"], &one) > 0);
}

#[test]
fn full_replay_cache_rejects_reads_and_evicts_nothing() {
    const CAPACITY: usize = 20;
    let args = ["--read-nonce-capacity", &CAPACITY.to_string(), "--freshness-window-seconds", "2"];
    let fixture = TestGateway::with_builder(gateway().args(args));
    let at = fixture.address();
    let dispute = fixture.dispute();
    let reads = calls(CAPACITY * 3, || fixture.call(QUERY, &json!({ "disputeNo": dispute })));
    let answers: Vec<_> = reads.iter().map(|call| (call, call.send(at).code)).collect();
    let of = |code: &'static str| {
        answers.iter().filter(move |(_, answered)| answered == code).map(|(call, _)| *call)
    };
    let (read, refused) = (of("OK").count(), of("Common.System.Unavailable").count());
    assert_eq!(read + refused, answers.len(), "{answers:?}");
    assert!(read >= CAPACITY / 2 && refused > 0, "{read} of {}", answers.len());
    of("OK").for_each(|call| call.send(at).is("Common.Auth.ReplayedNonce"));
    // The response says when to retry, and one app's polling does not block another's.
    let refused = of("Common.System.Unavailable").next().unwrap().send(at);
    assert!(refused.message.contains("too many queries within"), "{}", refused.message);
    let seconds: u64 = refused.response.header("retry-after").unwrap().parse().unwrap();
    assert!((5..=30).contains(&seconds), "{seconds}");
    // Nonces of changes are stored in the database.
    fixture.accept(&dispute).is("OK");
    // After two windows and a purge there is capacity again; purged nonces are stale.
    pause(Duration::from_secs(seconds));
    fixture.query(&dispute).is("OK");
    each(of("OK").map(|call| (&call.nonce, call)), |call| call.send(at).is("Common.Auth.StaleTimestamp"));
}

#[test]
fn slow_downloads_of_one_token_do_not_block_others() {
    const SLOW_READERS: usize = 40;
    // More files than the socket buffers can hold, so that a client that reads nothing occupies its slot.
    const FILES_EACH: usize = 8;
    let fixture = test_gateway();
    let no = fixture.dispute();
    let file = samples::png_of_size(LARGEST_FILE_BYTES);
    let ticket = fixture.ticket("a.png");
    assert_eq!(ticket.form(&file).send(ticket.form(&file).address().unwrap()).status, 204);
    fixture.contest(&no, &[Item::receipt(&ticket.storage_uri)]).is("OK");
    let path = format!("/disputes/{no}/evidence/1-1");
    let [slow, quick] = ["slow", "quick"].map(|name| {
        let made = fixture.operator.post("/tokens", &json!({ "name": name, "role": "viewer" })).created();
        Operator::new(fixture.address(), made["token"].as_str().unwrap())
    });
    let requests = slow.request("GET", &path, None).bytes().repeat(FILES_EACH);
    let readers: Vec<_> = (0..SLOW_READERS)
        .map(|_| {
            let mut reader = Connection::open(fixture.address()).unwrap();
            reader.send(&requests).unwrap();
            reader
        })
        .collect();
    let refused = |path: &str| {
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| slow.clone().fetch(path));
            while !asked.is_finished() {
                let fetched = quick.fetch(&format!("/disputes/{no}/evidence/1-1"));
                assert!(
                    fetched.status == 200 && fetched.body == file,
                    "{}: {}",
                    fetched.status,
                    fetched.body.len()
                );
            }
            let answer = asked.join().unwrap();
            (answer.status == 503).then_some(answer)
        })
    };
    let links = rebuttal_testbed::backend::includes("s3").then(|| format!("{path}/link"));
    for path in [Some(path), links].into_iter().flatten() {
        let answer = wait_for("the token's slots to be held", || refused(&path));
        answer.is_problem(503, "Common.System.Unavailable");
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
    drop(readers);
}

#[test]
fn full_commit_queue_rejects_immediately() {
    const CONCURRENT: usize = 48;
    const ROUNDS: usize = 20;
    let fixture =
        TestGateway::with_builder(gateway().args(["--commit-queue-max", "1", "--commit-batch-max", "1"]));
    let url = fixture.upload(&samples::receipt(1));
    let refused = (0..ROUNDS).find_map(|_| {
        let disputes: Vec<_> = (0..CONCURRENT).map(|_| fixture.dispute()).collect();
        let calls = disputes.iter().map(|no| (no, fixture.contest_call(no, &[Item::receipt(&url)])));
        let calls: Vec<_> = calls.collect();
        let answers: Vec<_> = std::thread::scope(|scope| {
            let send = |call: &SignedCall| call.send(fixture.address());
            let sent: Vec<_> = calls.iter().map(|(_, call)| scope.spawn(move || send(call))).collect();
            sent.into_iter().map(|answer| answer.join().unwrap()).collect()
        });
        for (answer, (no, _)) in answers.iter().zip(&calls) {
            let status = fixture.status(no);
            match answer.code.as_str() {
                "OK" => assert_eq!(status, "UNDER_REVIEW"),
                "Common.System.Unavailable" => {
                    assert_eq!((status.as_str(), fixture.history(no).len()), ("NEEDS_RESPONSE", 1));
                    assert!(answer.response.header("retry-after").is_some());
                }
                other => panic!("{other}: {}", answer.message),
            }
        }
        // Nothing was changed: the same request with the same nonce is accepted afterwards.
        let refused = answers.iter().zip(calls).filter(|(answer, _)| answer.code != "OK");
        let refused: Vec<_> = refused.map(|(_, (_, call))| call).collect();
        refused.iter().for_each(|call| call.send(fixture.address()).is("OK"));
        (!refused.is_empty()).then_some(refused.len())
    });
    assert!(refused.is_some(), "the queue was never full");
}
