//! `rebuttal doctor` checks that each public URL leads to this gateway and not to another one.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rebuttal_testbed::postgres::Database;
use rebuttal_testbed::{FakeClock, Gateway, TestGateway};

use crate::commands::doctor::{doctor, finds, message, stopped};
use crate::common::bin;

fn serving() -> TestGateway {
    TestGateway::with_builder(Gateway::builder(bin()).built_in())
}

/// Copies a folder recursively.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() { copy(&path, &to) } else { assert!(fs::copy(path, to).is_ok()) }
    }
}

#[test]
fn public_url_of_another_gateway_is_reported() {
    let (here, there) = (serving(), serving());
    let look = |url: &str| doctor(here.gateway.data(), &["--public-url", url], &[]);
    assert!(message(&look(&here.base), "public URL", "ok").ends_with("leads to this gateway"));
    finds(
        &look(&there.base),
        "public URL",
        &format!("{} leads to a gateway with another master key", there.base),
    );
}

#[test]
fn gateway_without_its_public_url_is_reported() {
    let fixture = TestGateway::with_builder(
        Gateway::builder(bin()).built_in().args(["--public-url", "http://pay.example"]),
    );
    let (data, own) = (fixture.gateway.data(), format!("http://{}", fixture.address()));
    let output = doctor(data, &["--public-url", &own], &[]);
    finds(&output, "public URL", "with this installation's key that does not have this public_url");
    assert!(
        message(&output, "public URL", "fault").contains("http://pay.example/pg/v2/dispute/query"),
        "{output:?}"
    );
    // A proxy that does not remove the path of the public URL.
    let output = doctor(data, &["--public-url", &format!("{own}/pay")], &[]);
    finds(&output, "public URL", "but with a wrong path");
}

#[test]
fn copy_served_elsewhere_is_reported() {
    let fixture = stopped();
    let (data, away) = (fixture.gateway.data(), fixture.gateway.scratch().join("away"));
    copy(data, &away);
    let elsewhere = Gateway::builder(bin()).built_in().data(&away).start();
    let output = doctor(data, &["--public-url", &elsewhere.base_url()], &[]);
    finds(&output, "public URL", "a copy of it is in use elsewhere");
}

#[test]
fn other_installation_with_the_same_key_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, "7".repeat(64)).unwrap();
    let key = ["--master-key-file", key.to_str().unwrap()];
    let [here, there] = [(); 2].map(|()| Gateway::builder(bin()).built_in().args(key).start());
    let look = |url: &str| doctor(here.data(), &[&key[..], &["--public-url", url]].concat(), &[]);
    assert!(message(&look(&here.base_url()), "public URL", "ok").ends_with("leads to this gateway"));
    finds(&look(&there.base_url()), "public URL", "master key but another database: a test installation");
}

#[test]
fn database_without_installation_id_gets_one() {
    let mut fixture = stopped();
    let file = fixture.gateway.data().join("rebuttal.db");
    let identities = |change: &str| {
        let database = rusqlite::Connection::open(&file).unwrap();
        database.execute_batch(change).unwrap();
        let mut select = database.prepare("SELECT hex(value) FROM meta WHERE name = 'identity'").unwrap();
        select.query_map([], |row| row.get(0)).unwrap().collect::<Result<Vec<String>, _>>().unwrap()
    };
    let first = identities("");
    assert!(first.len() == 1 && identities("DELETE FROM meta WHERE name = 'identity'").is_empty());
    assert_eq!(doctor(fixture.gateway.data(), &[], &[]).code, 0);
    fixture.gateway.restart();
    let again = identities("");
    let output = doctor(fixture.gateway.data(), &["--public-url", &fixture.gateway.base_url()], &[]);
    assert!(message(&output, "public URL", "ok").ends_with("leads to this gateway"), "{output:?}");
    assert!(again.len() == 1 && again != first, "{first:?} {again:?}");
}

#[test]
fn gateway_is_not_identified_without_the_master_key() {
    let fixture = serving();
    let (data, key) = (fixture.gateway.data(), fixture.gateway.data().join("master.key"));
    fs::write(&key, "0".repeat(64)).unwrap();
    for what in ["another's", "none"] {
        let output = doctor(data, &["--public-url", &fixture.base], &[]);
        assert!(
            message(&output, "public URL", "warning").contains("with the master key"),
            "{what}: {output:?}"
        );
        let _ = fs::remove_file(&key);
    }
}

#[test]
#[ignore = "needs PostgreSQL, which cargo xtask test starts"]
fn each_replica_counts_as_this_gateway() {
    let (folder, database) = (tempfile::tempdir().unwrap(), Database::shared());
    let key = folder.path().join("key");
    fs::write(&key, "7".repeat(64)).unwrap();
    let (url, key) = (database.url(), key.to_str().unwrap().to_owned());
    let replica = || Gateway::builder(bin()).database(&url).folder().args(["--master-key-file", &key]);
    let there = replica().start();
    let env = [("REBUTTAL_DATABASE_URL", url.clone()), ("REBUTTAL_MASTER_KEY_FILE", key.clone())];
    let own = folder.path().join("data");
    let output = doctor(&own, &["--public-url", &there.base_url()], &env);
    assert!(message(&output, "public URL", "ok").ends_with("leads to this gateway"), "{output:?}");
}

#[test]
fn untrusted_certificate_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(at("c"), own.cert.pem()).unwrap();
    fs::write(at("k"), own.signing_key.serialize_pem()).unwrap();
    let tls = ["--tls-certificate", &at("c"), "--tls-key", &at("k")];
    let gateway = Gateway::builder(bin()).built_in().https().args(tls).start();
    let output = doctor(gateway.data(), &["--public-url", &gateway.base_url()], &[]);
    finds(&output, "public URL", "has a certificate that this machine does not trust");
}

#[test]
#[ignore = "needs libfaketime, which cargo xtask test installs"]
fn clock_skew_to_the_gateway_is_reported() {
    let clock = FakeClock::new();
    clock.ahead(Duration::from_secs(7200));
    let fixture = TestGateway::with_builder(clock.apply_to(Gateway::builder(bin()).built_in()));
    let output = doctor(fixture.gateway.data(), &["--public-url", &fixture.base], &[]);
    finds(&output, "public URL", "its clock and this machine's differ");
}
