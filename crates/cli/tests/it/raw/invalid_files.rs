//! Contract §3, file validation: every invalid file is rejected at upload, nothing of it is stored, and the ticket
//! stays valid; files of real programs pass.

use std::path::Path;

use rebuttal_testbed::{Item, TestGateway, invalid_files};

use crate::common::{each, folder_test_gateway};

fn refused(fixture: &TestGateway, dispute: &str, filename: &str, bytes: &[u8]) {
    let ticket = fixture.ticket(filename);
    let response = ticket.form(bytes).send(fixture.address());
    assert_eq!(response.status, 400, "{}", response.text());
    assert_eq!(response.store_error(), "InvalidRequest");
    fixture.contest(dispute, &[Item::receipt(&ticket.storage_uri)]).is("Evidence.NotUploaded");
}

#[test]
fn invalid_files_are_rejected_at_upload() {
    let fixture = folder_test_gateway();
    let dispute = fixture.dispute();
    each(invalid_files::all().into_iter().map(|file| (file.about, file)), |file| {
        refused(&fixture, &dispute, file.filename, &file.bytes);
    });
    assert_eq!(fixture.history(&dispute).len(), 1);
}

/// The samples of testdata: made by programs that merchants use, some of them encrypted or with macros.
#[test]
fn files_of_real_programs_pass_unless_encrypted_or_with_macros() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/evidence");
    let names =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let samples = names.filter(|name| !name.ends_with(".md") && !name.ends_with(".json"));
    let fixture = folder_test_gateway();
    let dispute = fixture.dispute();
    each(samples.map(|name| (name.clone(), name)), |name| {
        let bytes = std::fs::read(folder.join(&name)).unwrap();
        let filename = format!("sample.{}", name.rsplit('.').next().unwrap());
        if name.starts_with("encrypted-") || name.starts_with("macros-") {
            refused(&fixture, &dispute, &filename, &bytes);
        } else {
            let ticket = fixture.ticket(&filename);
            assert_eq!(ticket.form(&bytes).send(fixture.address()).status, 204);
            fixture.contest(&fixture.dispute(), &[Item::receipt(&ticket.storage_uri)]).is("OK");
        }
    });
}
