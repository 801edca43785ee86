//! Contract §3, truth: every lie about a file is refused at upload, nothing of it stays, and the ticket is not spent;
//! and what real programs write is no lie.

use std::path::Path;

use rebuttal_testbed::{Item, Scene, lies};

use crate::ground::{each, folder_scene};

fn refused(scene: &Scene, dispute: &str, filename: &str, bytes: &[u8]) {
    let ticket = scene.ticket(filename);
    let response = ticket.form(bytes).send(scene.address());
    assert_eq!(response.status, 400, "{}", response.text());
    assert_eq!(response.store_error(), "InvalidRequest");
    scene.contest(dispute, &[Item::receipt(&ticket.storage_uri)]).is("Evidence.NotUploaded");
}

#[test]
fn every_lie_about_a_file_is_refused_at_upload() {
    let scene = folder_scene();
    let dispute = scene.dispute();
    each(lies::all().into_iter().map(|lie| (lie.about, lie)), |lie| {
        refused(&scene, &dispute, lie.filename, &lie.bytes);
    });
    assert_eq!(scene.history(&dispute).len(), 1);
}

/// The samples of testdata: made by programs that merchants use, some of them encrypted or with macros.
#[test]
fn what_real_programs_write_is_taken_unless_it_is_locked_or_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/evidence");
    let names =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let samples = names.filter(|name| !name.ends_with(".md") && !name.ends_with(".json"));
    let scene = folder_scene();
    let dispute = scene.dispute();
    each(samples.map(|name| (name.clone(), name)), |name| {
        let bytes = std::fs::read(folder.join(&name)).unwrap();
        let filename = format!("sample.{}", name.rsplit('.').next().unwrap());
        if name.starts_with("encrypted-") || name.starts_with("macros-") {
            refused(&scene, &dispute, &filename, &bytes);
        } else {
            let ticket = scene.ticket(&filename);
            assert_eq!(ticket.form(&bytes).send(scene.address()).status, 204);
            scene.contest(&scene.dispute(), &[Item::receipt(&ticket.storage_uri)]).is("OK");
        }
    });
}
