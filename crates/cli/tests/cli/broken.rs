//! Installations as operators break them. `doctor` finds what is broken, and `serve` refuses with the same advice rather than
//! put something new in the place of what is missing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rebuttal_testbed::{Gateway, Scene};

use crate::doctor::{doctor, finds, serve, told};
use crate::ground::bin;

/// What a start says, without the breaks of its lines.
fn said(data: &Path, more: &[&str]) -> String {
    serve(data, more).err.replace("\n  ", " ")
}

/// A gateway that has served, to which nobody has uploaded anything, and was stopped.
fn unused() -> Scene {
    let mut scene = Scene::of(Gateway::builder(bin()).embedded());
    scene.gateway.terminate();
    assert!(scene.gateway.wait().success());
    scene
}

#[test]
fn an_evidence_folder_that_is_gone_is_missed_though_nothing_was_uploaded() {
    let mut scene = unused();
    let data = scene.gateway.data().to_owned();
    let (evidence, away) = (data.join("evidence"), data.join("away"));
    fs::rename(&evidence, &away).unwrap();
    let what = format!("{} is not there: it was removed, is not mounted", evidence.display());
    finds(&doctor(&data, &[], &[]), "evidence", &what);
    assert!(said(&data, &[]).contains(&what) && !evidence.exists());
    // A mount point without its volume.
    fs::create_dir(&evidence).unwrap();
    finds(&doctor(&data, &[], &[]), "evidence", "does not bear its mark");
    assert!(said(&data, &[]).contains("does not bear its mark"));
    assert_eq!(fs::read_dir(&evidence).unwrap().count(), 0, "something was made in it");
    // What both advise: it is mounted again, or said to be lost for good.
    fs::remove_dir(&evidence).unwrap();
    fs::rename(&away, &evidence).unwrap();
    assert_eq!(doctor(&data, &[], &[]).code, 0);
    fs::remove_dir_all(&evidence).unwrap();
    fs::create_dir(&evidence).unwrap();
    fs::write(evidence.join("gateway.mark"), "").unwrap();
    scene.gateway.restart();
    assert!(told(&doctor(&data, &[], &[]), "evidence", "well").contains("takes files"));
}

#[test]
fn an_empty_volume_for_the_first_start_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let volume = folder.path().join("volume");
    fs::create_dir_all(volume.join("lost+found")).unwrap();
    let url = format!("file://{}", volume.display());
    let ended = doctor(&folder.path().join("data"), &["--evidence-url", &url], &[]);
    assert!(told(&ended, "evidence", "warning").contains("is nobody's yet"), "{ended:?}");
    assert_eq!(ended.code, 0);
}

#[test]
fn a_certificate_or_key_that_is_no_use_is_told_with_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key, others, empty, nope) = (at("c"), at("k"), at("o"), at("empty"), at("nope"));
    let make = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (own, other) = (make(), make());
    fs::write(&certificate, own.cert.pem()).unwrap();
    for (path, pem) in [(&key, own.signing_key.serialize_pem()), (&others, other.signing_key.serialize_pem())]
    {
        fs::write(path, pem).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    fs::write(&empty, "").unwrap();
    let data = folder.path().join("data");
    for (certificate, key, what) in [
        (&nope, &key, format!("tls_certificate: cannot read {nope}: there is no such file")),
        (&certificate, &nope, format!("tls_key: cannot read {nope}: there is no such file")),
        (&empty, &key, format!("tls_certificate: {empty} holds no certificate")),
        (&certificate, &empty, format!("tls_key: {empty} holds no private key")),
        (
            &certificate,
            &others,
            format!("tls_key: {others} does not belong to the certificate in {certificate}"),
        ),
    ] {
        let flags = ["--tls-certificate", certificate, "--tls-key", key];
        finds(&doctor(&data, &flags, &[]), "TLS", &what);
        assert!(said(&data, &flags).contains(&what), "{what}");
    }
    let flags = ["--tls-certificate", &certificate, "--tls-key", &key];
    assert!(told(&doctor(&data, &flags, &[]), "TLS", "well").contains("belong together"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    finds(&doctor(&data, &flags, &[]), "TLS", "every user of this machine may read");
}
