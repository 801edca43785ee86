//! A stop that a load balancer has time to notice.

use std::time::Duration;

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::{Connection, Request, Scene};

use crate::ground::gateway;

const NOTICED: Duration = Duration::from_secs(5);

#[test]
fn a_gateway_that_drains_is_not_ready_and_serves_all_the_same() {
    let mut scene = Scene::of(gateway().args(["--drain-seconds", "3"]));
    let address = scene.address();
    let status = |path: &str| {
        let mut connection = Connection::open(address).unwrap();
        connection.exchange(&Request::new("GET", path, "").bytes()).unwrap().status
    };
    assert_eq!(status("/readyz"), 200);
    scene.gateway.terminate();
    wait_for("the gateway to drain", NOTICED, || (status("/readyz") == 503).then_some(()));
    assert_eq!(status("/healthz"), 200);
    let dispute = scene.dispute();
    scene.accept(&dispute).is("OK");
    assert!(scene.gateway.wait().success());
    assert!(Connection::open(address).is_err(), "nobody listens any more");
    scene.gateway.restart();
    assert_eq!(scene.status(&dispute), "ACCEPTED");
}
