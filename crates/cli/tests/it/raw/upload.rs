//! Contract §3, the upload form of the built-in store: each field dropped, altered, added; sizes; order; and that the
//! first stored file stays.
//!
//! Not here: an expired form, which needs ten minutes or a fake clock; the evidence crate's tests move the time
//! instead.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::{Connection, Item, Response, TestGateway, Ticket, samples};
use serde_json::Value;

use crate::common::{LARGEST_FILE_BYTES, each, folder_test_gateway};

/// Nothing was stored: the same ticket still accepts a valid file.
#[track_caller]
fn still_open(fixture: &TestGateway, ticket: &Ticket) {
    let response = ticket.form(&samples::png(1)).send(fixture.address());
    assert_eq!(response.status, 204, "the ticket is spoilt: {}", response.text());
}

#[track_caller]
fn refused(response: &Response, status: u16, codes: &[&str]) {
    let code = response.store_error();
    assert!(
        response.status == status && codes.contains(&code.as_str()),
        "{} {}",
        response.status,
        response.text()
    );
}

#[test]
fn oversized_upload_is_aborted() {
    let fixture = folder_test_gateway();
    let ticket = fixture.ticket("a.png");
    let before_kib = fixture.gateway.peak_memory_kib();
    let request = ticket.form(&vec![b'x'; 64 * LARGEST_FILE_BYTES]).request();
    let mut connection = Connection::open(fixture.address()).unwrap();
    // The gateway may stop reading early; the client can then only read the response.
    drop(connection.send(&request.bytes()));
    if let Ok(response) = connection.receive() {
        refused(&response, 400, &["EntityTooLarge"]);
    }
    let grown_kib = fixture.gateway.peak_memory_kib().saturating_sub(before_kib);
    assert!(grown_kib < 16 * 1024, "{grown_kib} KiB for a file of 128 MiB");
    still_open(&fixture, &ticket);
}

#[test]
fn first_stored_file_stays() {
    let fixture = folder_test_gateway();
    let ticket = fixture.ticket("a.png");
    let first = samples::png(1);
    assert_eq!(ticket.form(&first).send(fixture.address()).status, 204);
    each([("the same", samples::png(1)), ("another", samples::png(2))], |bytes| {
        let response = ticket.form(&bytes).send(fixture.address());
        assert_eq!(response.status, 409, "{}", response.text());
    });
    let dispute = fixture.dispute();
    fixture.contest(&dispute, &[Item::receipt(&ticket.storage_uri)]).is("OK");
    assert_eq!(served(&fixture, &dispute).body, first);
}

/// The only evidence of the dispute's only submission, as operators get it.
fn served(fixture: &TestGateway, dispute: &str) -> Response {
    let shown = fixture.show(dispute);
    let evidence = &shown["submissions"][0]["evidence"][0];
    let id = match &evidence["evidenceId"] {
        Value::String(id) => id.clone(),
        id => id.to_string(),
    };
    fixture.operator.fetch(&format!("/disputes/{dispute}/evidence/{id}"))
}

#[test]
fn file_is_served_as_attachment_of_its_type() {
    let fixture = folder_test_gateway();
    each(samples::all().into_iter().map(|sample| (sample.filename, sample)), |sample| {
        let url = fixture.upload(&sample);
        let dispute = fixture.dispute();
        fixture.contest(&dispute, &[Item::receipt(&url)]).is("OK");
        let response = served(&fixture, &dispute);
        assert_eq!((response.status, &response.body), (200, &sample.bytes));
        assert_eq!(response.header("content-type"), Some(sample.media_type));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert!(response.header("content-disposition").is_some_and(|value| value.starts_with("attachment")));
    });
}

#[test]
fn content_type_of_the_file_part_is_ignored() {
    let fixture = folder_test_gateway();
    let ticket = fixture.ticket("a.png");
    let mut form = ticket.form(&samples::png(1));
    form.parts.last_mut().unwrap().rest = "; filename=\"../../x.html\"\r\nContent-Type: text/html".to_owned();
    assert_eq!(form.send(fixture.address()).status, 204);
    let dispute = fixture.dispute();
    fixture.contest(&dispute, &[Item::receipt(&ticket.storage_uri)]).is("OK");
    assert_eq!(served(&fixture, &dispute).header("content-type"), Some("image/png"));
}

#[test]
fn slow_uploads_do_not_block_others() {
    const SENDERS: usize = 70;
    let fixture = folder_test_gateway();
    let (slow, other) = (fixture.ticket("a.png"), fixture.ticket("b.png"));
    let mut senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let mut sender = Connection::open_from(Ipv4Addr::new(127, 0, 0, 9), fixture.address()).unwrap();
            let mut request = slow.form(&samples::png(1)).request();
            let whole = request.body.len();
            request = request.header("Content-Length", whole.to_string());
            // All but the end, so that the upload occupies its slot.
            request.body.truncate(whole - 100);
            sender.send(&request.bytes()).unwrap();
            sender
        })
        .collect();
    // One file of the form is received, the permitted number waits, and the others are rejected.
    assert!(senders.iter_mut().any(|sender| sender.answers_within(Duration::from_millis(50))));
    let began = Instant::now();
    assert_eq!(other.form(&samples::png(2)).send(fixture.address()).status, 204);
    // The gateway aborts a stalled body after 10 s; requests that waited for these would be served only then.
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert!(fixture.gateway.stderr().contains("upload refused"), "{}", fixture.gateway.stderr());
    drop(senders);
    // The waiting requests have disconnected, one after the other.
    let taken = || (slow.form(&samples::png(1)).send(fixture.address()).status == 204).then_some(());
    wait_for("the form to be free", taken);
}
