//! Installations as operators break them. `doctor` finds what is broken, and `serve` refuses with the same advice rather than
//! put something new in the place of what is missing.

use std::fs;

use rebuttal_testbed::{Gateway, Scene};

use crate::doctor::{doctor, finds, serve, told};
use crate::ground::bin;

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
    let said = serve(&data, &[]).err.replace("\n  ", " ");
    assert!(said.contains(&what) && !evidence.exists(), "{said}");
    // A mount point without its volume.
    fs::create_dir(&evidence).unwrap();
    finds(&doctor(&data, &[], &[]), "evidence", "does not bear its mark");
    assert!(serve(&data, &[]).err.contains("does not bear its mark"));
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
