//! `rebuttal demo`: the whole story, and nothing left behind.

use std::path::Path;

use crate::ground::{Ended, rebuttal};

#[test]
fn the_demo_tells_its_story_and_leaves_nothing_behind() {
    let ended = Ended::run(rebuttal(&["demo", "--once"]));
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:?}");
    for told in [
        "CB-20418 is contested",
        "Authorization: V2_SHA256",
        "with one byte changed it proves nothing",
        "CB-20418 is UNDER_REVIEW",
    ] {
        assert!(ended.out.contains(told), "{told:?} is missing: {ended:?}");
    }
    assert!(!ended.out.contains('\u{1b}'), "colours without a terminal");
    let folder = ended.out.split_once("its data lies in ").unwrap().1.split_once(' ').unwrap().0;
    assert!(!Path::new(folder).exists(), "{folder} is left");
}

#[test]
fn an_address_in_use_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ended = Ended::run(rebuttal(&["demo", "--once", "--listen", &address]));
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains(&format!("cannot listen on {address}")), "{ended:?}");
}

#[test]
fn a_story_that_nobody_can_read_is_a_failure() {
    let mut command = rebuttal(&["demo", "--once"]);
    command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let ended = Ended::run(command);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.err.contains("could not be written to standard output"), "{ended:?}");
}
