//! A gateway on a restored database that shares the production bucket.

use std::process::Command;

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::s3::Store;
use rebuttal_testbed::{Item, TestGateway, samples};

use crate::common::{bin, gateway};

/// The fence of the running production gateway, which is newer than the one in the restored database.
const ADVANCED: &[u8] = b"17-000102030405060708090a0b0c0d0e0f\n";

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn gateway_on_a_database_copy_serves_without_sweeping() {
    let bucket = Store::shared().bucket();
    let mut fixture = TestGateway::with_builder(gateway().built_in().bucket(&bucket));
    bucket.put("gateway.fence", ADVANCED);
    fixture.gateway.restart();
    wait_for("the fence to be looked at", || {
        fixture.gateway.stderr().contains("gateway.fence").then_some(())
    });
    let url = fixture.upload(&samples::receipt(1));
    fixture.contest(&fixture.dispute(), &[Item::receipt(&url)]).is("OK");
    let doctor = || {
        let mut command = Command::new(bin());
        command.args(["doctor", "--evidence-url", &bucket.evidence_url(), "--data"]);
        command.arg(fixture.gateway.data()).envs(bucket.store.credentials());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let output = doctor();
    assert!(output.contains("gateway.fence") && output.contains("rehearsal"), "{output}");
    assert_eq!(bucket.read("gateway.fence").unwrap(), ADVANCED, "it is production's to advance");
    bucket.delete("gateway.fence");
    let output = doctor();
    assert!(
        output.contains("a file was stored in the bucket") && !output.contains("gateway.fence"),
        "{output}"
    );
}
