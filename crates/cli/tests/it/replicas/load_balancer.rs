//! Replicas behind the load balancer configuration of `packaging` when a shared dependency fails: none is ready, and
//! each still serves what it can.

use rebuttal_testbed::balancer::{Balancer, BalancerAddress};
use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::s3::{Fault, Proxy, Store};
use rebuttal_testbed::test_gateway::{ACCEPT, QUERY};
use rebuttal_testbed::{Item, Request, samples};
use serde_json::json;

use super::Replicas;

/// More than there are replicas, so that each gets one.
const CALLS: usize = 4;

#[test]
#[ignore = "needs PostgreSQL, S3 and HAProxy, which cargo xtask test starts or installs"]
fn balancer_still_routes_when_all_replicas_lost_their_store() {
    let bucket = Store::shared().bucket();
    let (proxy, place) = (Proxy::before(bucket.store.address), BalancerAddress::free());
    let mut replicas = Replicas::with(Database::shared(), |gateway| {
        gateway.bucket_through(&bucket, proxy.address).args(["--public-url", &place.url()])
    });
    replicas.fixture.base = place.url();
    let balancer = place.before(replicas.addresses());
    let fixture = &replicas.fixture;
    let (contested, url) = (fixture.dispute(), fixture.upload(&samples::receipt(1)));
    fixture.contest_call(&contested, &[Item::receipt(&url)]).send(balancer.address).is("OK");

    for fault in [Fault::Hangs, Fault::Fails] {
        proxy.fault("GET", "", fault);
        balancer.wait_for_log("backend merchants has no server available!");
        for address in replicas.addresses() {
            assert_eq!(Request::new("GET", "/readyz", "").send(address).unwrap().status, 503);
        }
        serves(&replicas, &balancer, &contested, &url);
    }
    // A stopped replica gets no requests.
    replicas.second.kill();
    serves(&replicas, &balancer, &contested, &url);
    proxy.heal();
    balancer.wait_for_log("Server merchants/gateway-1 is UP");
    serves(&replicas, &balancer, &contested, &url);
}

/// Accepts, queries and repetitions need no evidence to be read: each is answered, and the answer is signed.
#[track_caller]
fn serves(replicas: &Replicas, balancer: &Balancer, contested: &str, url: &str) {
    let fixture = &replicas.fixture;
    for _ in 0..CALLS {
        let dispute = json!({ "disputeNo": fixture.dispute() });
        fixture.call(QUERY, &dispute).send(balancer.address).is("OK");
        fixture.call(ACCEPT, &dispute).send(balancer.address).is("OK");
        fixture.contest_call(contested, &[Item::receipt(url)]).send(balancer.address).is("OK");
    }
}
