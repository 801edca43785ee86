//! Draining: a shutdown that a load balancer has time to notice.

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::{Connection, Request, TestGateway};

use crate::common::gateway;

#[test]
fn draining_gateway_is_not_ready_but_serves() {
    let mut fixture = TestGateway::with_builder(gateway().args(["--drain-seconds", "3"]));
    let address = fixture.address();
    let status = |path: &str| {
        let mut connection = Connection::open(address).unwrap();
        connection.exchange(&Request::new("GET", path, "").bytes()).unwrap().status
    };
    assert_eq!(status("/readyz"), 200);
    fixture.gateway.terminate();
    wait_for("the gateway to drain", || (status("/readyz") == 503).then_some(()));
    assert_eq!(status("/healthz"), 200);
    let dispute = fixture.dispute();
    fixture.accept(&dispute).is("OK");
    assert!(fixture.gateway.wait().success());
    assert!(Connection::open(address).is_err(), "the listener is closed");
    fixture.gateway.restart();
    assert_eq!(fixture.status(&dispute), "ACCEPTED");
}
