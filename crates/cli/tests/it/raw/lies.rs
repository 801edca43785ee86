//! Contract §3, truth: every lie about a file is refused at upload, nothing of it stays, and the ticket is not spent.

use rebuttal_testbed::{Item, lies};

use crate::ground::{each, scene};

#[test]
fn every_lie_about_a_file_is_refused_at_upload() {
    let scene = scene();
    let dispute = scene.dispute();
    each(lies::all().into_iter().map(|lie| (lie.about, lie)), |lie| {
        let ticket = scene.ticket(lie.filename);
        let response = ticket.form(&lie.bytes).send(scene.address());
        assert_eq!(response.status, 400, "{}", response.text());
        assert_eq!(response.store_error(), "InvalidRequest");
        scene.contest(&dispute, &[Item::receipt(&ticket.storage_uri)]).is("Evidence.NotUploaded");
    });
    assert_eq!(scene.history(&dispute).len(), 1);
}
