//! Contract §7, codes of scarcity: too many bad signs from one address, and a disk that is full. What is refused then
//! was not done, and what is asked again later is.

use std::net::Ipv4Addr;

use rebuttal_testbed::clock::pause;
use rebuttal_testbed::scene::{ACCEPT, QUERY};
use rebuttal_testbed::{Connection, Item, Scene, samples};
use serde_json::json;

use crate::ground::{gateway, scene};

/// Contract §7.
const FAILURES_PER_SECOND: usize = 100;

#[test]
fn a_flood_of_bad_signs_is_held_back_and_locks_nobody_else_out() {
    let scene = scene();
    let calls: Vec<_> = (0..FAILURES_PER_SECOND * 4)
        .map(|_| scene.call(QUERY, &json!({ "disputeNo": "never-opened" })).badly_signed())
        .collect();
    let mut connection = Connection::open(scene.address()).unwrap();
    let bytes: Vec<u8> = calls.iter().flat_map(|call| call.bytes()).collect();
    connection.send(&bytes).unwrap();
    let answers: Vec<_> = calls.iter().map(|call| call.verified(connection.receive().unwrap())).collect();
    let limited = answers.iter().filter(|answer| answer.code == "Common.RateLimited");
    let limited: Vec<_> =
        limited.map(|answer| answer.response.header("retry-after").unwrap().to_owned()).collect();
    let told = answers.iter().filter(|answer| answer.code == "Common.Auth.InvalidSignature").count();
    assert_eq!(limited.len() + told, answers.len());
    assert!(!limited.is_empty(), "400 failures at once and none was held back");
    assert!(told >= FAILURES_PER_SECOND / 2, "only {told} were told what is wrong");
    // The same app from another address goes through at once: an appId alone locks nobody out.
    let good = || scene.call(QUERY, &json!({ "disputeNo": "never-opened" }));
    let mut elsewhere = Connection::open_from(Ipv4Addr::new(127, 0, 0, 9), scene.address()).unwrap();
    good().send_on(&mut elsewhere).unwrap().is("Dispute.NotFound");
    let seconds: u64 = limited[0].parse().expect("Retry-After in seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    pause(std::time::Duration::from_secs(seconds));
    good().send(scene.address()).is("Dispute.NotFound");
    good().badly_signed().send(scene.address()).is("Common.Auth.InvalidSignature");
}

#[test]
fn a_full_disk_changes_nothing_and_says_so() {
    let scene = Scene::of(gateway().survives_full_disk());
    let at = scene.address();
    let url = scene.upload(&samples::receipt(1));
    let (contested, accepted) = (scene.dispute(), scene.dispute());
    let ticket = scene.ticket("a.png");
    let calls = [
        scene.contest_call(&contested, &[Item::receipt(&url)]),
        scene.call(ACCEPT, &json!({ "disputeNo": accepted })),
    ];
    let before = [&contested, &accepted].map(|no| scene.show(no));
    scene.gateway.limit_file_size(Some(0));
    let refused = calls.each_ref().map(|call| call.send(at));
    for answer in &refused {
        answer.clone().is("Common.System.Unavailable");
    }
    let upload = ticket.form(&samples::png(7)).send(at);
    assert!(upload.status >= 500, "{} {}", upload.status, upload.text());
    // What only reads goes on.
    assert_eq!(scene.query(&contested).ok()["status"], "NEEDS_RESPONSE");
    scene.gateway.limit_file_size(None);
    assert_eq!([&contested, &accepted].map(|no| scene.show(no)), before, "nothing was changed");
    // Nothing at all: the nonces of what was refused are not used either.
    for call in &calls {
        call.send(at).is("OK");
    }
    assert_eq!(ticket.form(&samples::png(7)).send(at).status, 204);
}
