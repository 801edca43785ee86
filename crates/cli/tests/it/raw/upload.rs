//! Contract §3, the upload form of the built-in store: each field dropped, altered, added; sizes; order; and that the
//! first stored file stays.
//!
//! Not here: an expired form, which needs ten minutes or a fake clock; the evidence crate's tests move the time
//! instead.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::test_gateway::QUERY;
use rebuttal_testbed::{Connection, FakeClock, Item, Request, Response, TestGateway, Ticket, samples};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::common::{LARGEST_FILE_BYTES, each, folder_test_gateway, gateway};

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
    // Of a body that is far too large the gateway stops reading; the client can then at most read the response.
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
fn pages_of_allowed_origins_may_read_every_answer() {
    const SHOP: &str = "https://shop.example.com";
    let restricted =
        gateway().folder().args(["--upload-allowed-origins", "https://SHOP.example.com:443,http://a:3000"]);
    for (fixture, origin, allowed) in [
        (folder_test_gateway(), "https://any.example", Some("*")),
        (TestGateway::with_builder(restricted.clone()), SHOP, Some(SHOP)),
        (TestGateway::with_builder(restricted), "https://other.example", None),
    ] {
        let ticket = fixture.ticket("a.png");
        let form = ticket.form(&samples::png(1));
        let preflight = Request::new("OPTIONS", "/uploaded", "")
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "x-requested-with");
        each(
            [
                ("preflight", 200, preflight),
                ("altered", 403, form.clone().altered("key", |key| format!("{key}x")).request()),
                (
                    "no form",
                    400,
                    Request::new("POST", "/uploaded", "{}").header("Content-Type", "application/json"),
                ),
                ("another method", 405, Request::new("PUT", "/uploaded", "x")),
                ("stored", 204, form.request()),
                ("again", 409, form.request()),
            ]
            .map(|(name, status, request)| (format!("{name}, {origin}"), (status, request))),
            |(status, request)| {
                let is_preflight = request.method == "OPTIONS";
                let response = request.header("Origin", origin).send(fixture.address()).unwrap();
                assert_eq!(response.status, status, "{}", response.text());
                let header = |name: &str| response.header(name).map(str::to_ascii_lowercase);
                assert_eq!(header("access-control-allow-origin").as_deref(), allowed);
                assert_eq!(header("access-control-allow-credentials"), None);
                assert!(header("vary").is_some_and(|vary| vary.contains("origin")), "{response:?}");
                if is_preflight {
                    assert_eq!(header("access-control-allow-methods").as_deref(), Some("post"));
                    assert_eq!(header("access-control-allow-headers").as_deref(), Some("*"));
                    assert_eq!(header("access-control-max-age").as_deref(), Some("3600"));
                } else {
                    let exposed = header("access-control-expose-headers");
                    assert_eq!(exposed.as_deref(), Some("etag,location,x-request-id,retry-after"));
                }
            },
        );
        let call = fixture.call(QUERY, &json!({ "disputeNo": "D" })).with_header("Origin", Some(origin));
        assert_eq!(call.send(fixture.address()).response.header("access-control-allow-origin"), None);
    }
}

#[test]
fn stored_file_has_entity_tag_and_location() {
    let fixture = folder_test_gateway();
    let ticket = fixture.ticket("a.png");
    let file = samples::png(1);
    let response = ticket.form(&file).send(fixture.address());
    assert_eq!(response.header("etag"), Some(&*format!("\"{}\"", hex::encode(Sha256::digest(&file)))));
    let key = ticket.storage_uri.strip_prefix("s3://uploaded/").unwrap();
    assert_eq!(response.header("location"), Some(&*format!("{}/{key}", ticket.upload_url)));
}

/// A file of 2 MB over a line of 100 kbit/s, of which the gateway's clock shows every second.
#[test]
#[ignore = "needs libfaketime, which cargo xtask test installs"]
fn largest_file_arrives_over_a_slow_line() {
    const PIECE_BYTES: usize = 32 * 1024;
    const PIECE_TIME: Duration = Duration::from_millis(2_621);
    let clock = FakeClock::with_timers();
    let fixture = TestGateway::with_builder(clock.apply_to(gateway().folder()));
    let bytes = fixture.ticket("a.png").form(&samples::png_of_size(LARGEST_FILE_BYTES)).request().bytes();
    let mut connection = Connection::open(fixture.address()).unwrap();
    for (number, piece) in (1..).zip(bytes.chunks(PIECE_BYTES)) {
        connection.send(piece).unwrap();
        wait_for("the gateway to read", || connection.is_read().then_some(()));
        clock.ahead(PIECE_TIME * number);
    }
    let response = connection.receive().unwrap();
    assert_eq!(response.status, 204, "{}", response.text());
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
