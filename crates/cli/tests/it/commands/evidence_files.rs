//! `rebuttal doctor` and the files of contested disputes: missing files, altered files, and what prevents the check.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rebuttal_testbed::s3::{Bucket, Fault, Proxy, Store};
use rebuttal_testbed::{Gateway, Item, TestGateway, samples};

use crate::commands::doctor::{doctor, finds, message};
use crate::common::{CommandOutput, bin};

const ABOUT: &str = "evidence files";
/// More than are checked concurrently.
const MANY: usize = 40;

/// A gateway with its evidence in a bucket, and disputes that were contested, one file each.
fn contested(bucket: &Bucket) -> (TestGateway, Vec<String>) {
    let fixture = TestGateway::with_builder(Gateway::builder(bin()).built_in().bucket(bucket));
    let url = fixture.upload(&samples::receipt(1));
    let other = fixture.upload(&samples::receipt(2));
    let disputes: Vec<_> = (0..MANY).map(|_| fixture.dispute()).collect();
    for (index, dispute) in disputes.iter().enumerate() {
        let url = if index == 0 { &other } else { &url };
        fixture.contest(dispute, &[Item::receipt(url)]).is("OK");
    }
    (fixture, disputes)
}

fn look(
    fixture: &TestGateway,
    bucket: &Bucket,
    address: std::net::SocketAddr,
    more: &[&str],
) -> CommandOutput {
    let mut env = vec![("REBUTTAL_EVIDENCE_URL", bucket.evidence_url_through(address))];
    env.extend(bucket.store.credentials());
    doctor(fixture.gateway.data(), more, &env)
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn missing_truncated_or_altered_copies_are_reported() {
    let bucket = Store::shared().bucket();
    let (fixture, disputes) = contested(&bucket);
    let at = |more: &[&str]| look(&fixture, &bucket, bucket.store.address, more);
    let sound = message(&at(&[]), ABOUT, "ok");
    assert!(
        sound.contains("40 files of contested disputes checked") && sound.contains("--evidence reads it"),
        "{sound}"
    );
    assert!(message(&at(&["--evidence"]), ABOUT, "ok").contains("with the recorded content"));

    let copies = bucket.keys("by-hash/m/");
    let [copy] =
        copies.iter().filter(|key| is_copy_of(key, &samples::receipt(2).bytes)).collect::<Vec<_>>()[..]
    else {
        panic!("{copies:?}")
    };
    let whole = bucket.read(copy).unwrap();
    let mut altered = whole.clone();
    *altered.last_mut().unwrap() ^= 1;
    bucket.put(copy, &altered);
    assert!(message(&at(&[]), ABOUT, "ok").contains("their content was not read"), "same size");
    let found = at(&["--evidence"]);
    finds(&found, ABOUT, "files of contested disputes that are missing from the bucket");
    finds(&found, ABOUT, "differs from the recorded content");
    finds(&found, ABOUT, &disputes[0]);
    bucket.put(copy, &whole[1..]);
    finds(&at(&[]), ABOUT, &format!("has {} bytes instead of {}", whole.len() - 1, whole.len()));
    bucket.delete(copy);
    for more in [&[][..], &["--histories"], &["--evidence"]] {
        let found = at(more);
        finds(&found, ABOUT, &format!("{}: m/", disputes[0]));
        finds(&found, ABOUT, "is missing. They were deleted or changed by something other than a gateway");
        finds(&found, ABOUT, "a backup of the bucket");
    }
}

/// A copy is named after the hash of its content.
fn is_copy_of(key: &str, content: &[u8]) -> bool {
    use sha2::Digest as _;
    key.contains(&hex::encode(sha2::Sha256::digest(content)))
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn unreachable_store_does_not_make_files_missing() {
    let bucket = Store::shared().bucket();
    let (fixture, _) = contested(&bucket);
    let proxy = Proxy::before(bucket.store.address);
    for (method, flag) in [("HEAD", "--histories"), ("GET", "--evidence")] {
        proxy.fault(method, "by-hash/m/", Fault::Fails);
        let output = look(&fixture, &bucket, proxy.address, &[flag]);
        finds(&output, ABOUT, "failed after");
        assert!(!message(&output, ABOUT, "fault").contains("is missing"), "{output:?}");
        proxy.heal();
    }
}

#[test]
fn altered_file_is_reported_if_content_is_read() {
    let mut fixture = TestGateway::with_builder(Gateway::builder(bin()).built_in());
    let url = fixture.upload(&samples::receipt(1));
    fixture.contest(&fixture.dispute(), &[Item::receipt(&url)]).is("OK");
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    let data = fixture.gateway.data();
    assert!(message(&doctor(data, &["--evidence"], &[]), ABOUT, "ok").contains("with the recorded content"));
    let file = data.join("evidence").join(url.strip_prefix("s3://uploaded/").unwrap());
    let mut content = fs::read(&file).unwrap();
    *content.last_mut().unwrap() ^= 1;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, content).unwrap();
    assert!(message(&doctor(data, &[], &[]), ABOUT, "ok").contains("was not read"));
    finds(&doctor(data, &["--evidence"], &[]), ABOUT, "differs from the recorded content");
}
