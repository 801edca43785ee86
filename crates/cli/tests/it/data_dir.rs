//! The data directory: what the first start creates, its permissions, and when a gateway refuses to serve from it.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use rebuttal_testbed::{Gateway, Item, samples};

use crate::common::{bin, gateway, sqlite_test_gateway, test_gateway};

fn mode(gateway: &Gateway, name: &str) -> u32 {
    let path = gateway.data().join(name);
    std::fs::metadata(&path).unwrap_or_else(|error| panic!("{name}: {error}")).permissions().mode() & 0o777
}

#[test]
fn first_start_creates_private_files() {
    let gateway = gateway().built_in().start();
    assert_eq!([mode(&gateway, "operator.token"), mode(&gateway, "master.key")], [0o600, 0o600]);
    assert!(gateway.data().join("rebuttal.db").is_file() && gateway.data().join("evidence").is_dir());
    assert_eq!(mode(&gateway, ""), 0o700);
    for name in ["rebuttal.db", "rebuttal.db-wal", "rebuttal.db-shm"] {
        assert_eq!(mode(&gateway, name), 0o600, "{name}");
    }
}

/// The message of a start that must fail.
fn refused_start(args: &[&str]) -> String {
    let mut command = Command::new(bin());
    command.args(["serve", "--listen", "127.0.0.1:0"]).args(args).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn second_gateway_cannot_use_the_same_data_directory() {
    let fixture = test_gateway();
    let said = refused_start(&["--data", fixture.gateway.data().to_str().unwrap()]);
    assert!(said.contains("another"), "{said}");
    fixture.query(&fixture.dispute()).is("OK");
}

#[test]
fn wrong_master_key_is_rejected_and_the_right_one_works() {
    let mut fixture = test_gateway();
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    let key = fixture.gateway.data().join("master.key");
    let right = std::fs::read(&key).unwrap();
    let other = gateway().start();
    std::fs::copy(other.data().join("master.key"), &key).unwrap();
    let said = refused_start(&["--data", fixture.gateway.data().to_str().unwrap()]);
    assert!(said.contains("key"), "{said}");
    std::fs::write(&key, right).unwrap();
    fixture.gateway.restart();
    fixture.query(&fixture.dispute()).is("OK");
}

#[test]
fn hard_linked_database_is_not_served() {
    let mut fixture = sqlite_test_gateway();
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    let other = fixture.gateway.scratch().join("other.db");
    std::fs::hard_link(fixture.gateway.data().join("rebuttal.db"), &other).unwrap();
    let said = refused_start(&["--data", fixture.gateway.data().to_str().unwrap()]);
    assert!(said.contains("hard link"), "{said}");
    std::fs::remove_file(other).unwrap();
    fixture.gateway.restart();
}

#[test]
fn stopped_database_is_complete_without_its_wal() {
    let mut fixture = test_gateway();
    let dispute = fixture.dispute();
    fixture.accept(&dispute).is("OK");
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    std::fs::remove_file(fixture.gateway.data().join("rebuttal.db-wal")).unwrap_or_default();
    fixture.gateway.restart();
    assert_eq!(fixture.status(&dispute), "ACCEPTED");
}

#[test]
fn world_readable_master_key_is_reported() {
    let mut fixture = test_gateway();
    let key = fixture.gateway.data().join("master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    fixture.gateway.restart();
    assert!(fixture.gateway.stderr().contains("chmod 600"), "{}", fixture.gateway.stderr());
}

#[test]
fn no_secret_is_stored_in_plain_text() {
    let mut fixture = sqlite_test_gateway();
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    for name in ["rebuttal.db", "rebuttal.db-wal"] {
        let bytes = std::fs::read(fixture.gateway.data().join(name)).unwrap_or_default();
        let token = fixture.gateway.operator_token();
        for secret in [&fixture.signer.app_secret, &token] {
            let raw = hex::decode(secret).unwrap_or_else(|_| secret.as_bytes().to_vec());
            for needle in [secret.as_bytes(), &raw] {
                assert!(rebuttal_testbed::http::find(&bytes, needle).is_none(), "{name} contains a secret");
            }
        }
    }
}

#[test]
fn restart_keeps_all_data() {
    let mut fixture = test_gateway();
    let dispute = fixture.dispute();
    let url = fixture.upload(&samples::receipt(1));
    fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
    let (before, token) = (fixture.show(&dispute), fixture.gateway.operator_token());
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    fixture.gateway.restart();
    assert_eq!((fixture.show(&dispute), fixture.gateway.operator_token()), (before, token));
    fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
}

#[test]
fn port_0_prints_the_address_to_sign() {
    let fixture = rebuttal_testbed::TestGateway::with_builder(gateway().port(0));
    assert!(fixture.gateway.stdout().contains(&format!("listening on {}", fixture.gateway.base_url())));
    fixture.query(&fixture.dispute()).is("OK");
}
