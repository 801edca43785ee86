//! Contract §3, the upload form of the embedded store: each field dropped, altered, added; sizes; order; and that the
//! first stored file stays.
//!
//! Not here: an expired form, which needs ten minutes or a fake clock; the evidence crate's tests move the time
//! instead.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::http::find;
use rebuttal_testbed::upload::Part;
use rebuttal_testbed::{Connection, Form, Item, Response, TestGateway, Ticket, samples};
use serde_json::Value;

use crate::common::{each, folder_test_gateway};

const LIMIT_BYTES: usize = 2 * 1024 * 1024;

type Alter = fn(&str) -> String;

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
fn every_file_type_is_stored_and_answered_like_s3() {
    let fixture = folder_test_gateway();
    each(samples::all().into_iter().map(|sample| (sample.filename, sample)), |sample| {
        let response = fixture.ticket(sample.filename).form(&sample.bytes).send(fixture.address());
        assert_eq!(response.status, 204, "{}", response.text());
    });
}

#[test]
fn every_field_must_be_sent() {
    let fixture = folder_test_gateway();
    let ticket = fixture.ticket("a.png");
    let form = ticket.form(&samples::png(1));
    each(ticket.fields.iter().map(|(name, _)| (name, name)), |name| {
        refused(&form.clone().without(name).send(fixture.address()), 403, &["AccessDenied"]);
    });
    still_open(&fixture, &ticket);
}

#[test]
fn no_field_may_be_altered() {
    let fixture = folder_test_gateway();
    let ticket = fixture.ticket("a.png");
    let form = ticket.form(&samples::png(1));
    let alterations: [(&str, Alter); 4] = [
        ("last letter", |value| {
            let (rest, last) = value.split_at(value.len() - 1);
            format!("{rest}{}", if last == "0" { "1" } else { "0" })
        }),
        ("longer", |value| format!("{value}0")),
        ("empty", |_| String::new()),
        ("other case", |value| {
            let swap =
                |c: char| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            value.chars().map(swap).collect()
        }),
    ];
    let cases = ticket.fields.iter().flat_map(|(name, value)| {
        let alters = alterations.iter().filter(move |(_, alter)| alter(value) != *value);
        alters.map(move |(how, alter)| (format!("{name}, {how}"), (name, alter)))
    });
    each(cases, |(name, alter)| {
        let response = form.clone().altered(name, alter).send(fixture.address());
        refused(&response, 403, &["AccessDenied", "SignatureDoesNotMatch"]);
    });
    still_open(&fixture, &ticket);
}

#[test]
fn upload_form_is_valid_for_its_key_only() {
    let fixture = folder_test_gateway();
    let ticket = fixture.ticket("a.png");
    let other = fixture.ticket("b.png");
    let of_other = |name: &str| other.fields.iter().find(|(n, _)| n == name).unwrap().1.clone();
    let form = ticket.form(&samples::png(1));
    let to_other = form.clone().altered("key", |_| of_other("key"));
    let up = form.clone().altered("key", |_| "../../operator.token".to_owned());
    let merchant = form.clone().altered("key", |key| key.replacen("m/", "m/9", 1));
    each([("other", to_other), ("up", up), ("other merchant's", merchant)], |form: Form| {
        refused(&form.send(fixture.address()), 403, &["AccessDenied", "SignatureDoesNotMatch"]);
    });
    // A valid policy with the valid signature of another policy is rejected.
    let mixed = form.altered("policy", |_| of_other("policy"));
    refused(&mixed.send(fixture.address()), 403, &["SignatureDoesNotMatch", "AccessDenied"]);
    still_open(&fixture, &ticket);
    still_open(&fixture, &other);
}

#[test]
fn undeclared_and_repeated_fields_are_refused() {
    let fixture = folder_test_gateway();
    let ticket = fixture.ticket("a.png");
    let form = ticket.form(&samples::png(1));
    let key = ticket.fields.iter().find(|(name, _)| name == "key").unwrap().1.clone();
    let cases = [
        ("acl", Part::field("acl", "public-read")),
        ("redirect", Part::field("success_action_redirect", "https://evil.example")),
        ("metadata", Part::field("x-amz-meta-a", "b")),
        ("nonsense", Part::field("nonsense", "")),
    ];
    each(cases, |part| refused(&form.clone().with(part).send(fixture.address()), 403, &["AccessDenied"]));
    each([("key twice", Part::field("key", &key)), ("other key", Part::field("key", "x"))], |part| {
        let response = form.clone().with(part).send(fixture.address());
        assert!(response.status == 400 || response.status == 403, "{}", response.status);
        assert!(!response.store_error().is_empty());
    });
    still_open(&fixture, &ticket);
}

#[test]
fn file_part_must_be_last_and_single() {
    let fixture = folder_test_gateway();
    let ticket = fixture.ticket("a.png");
    let form = ticket.form(&samples::png(1));
    let mut first = form.clone();
    first.parts.rotate_right(1);
    let mut in_the_middle = form.clone();
    let last = in_the_middle.parts.len() - 1;
    in_the_middle.parts.swap(last, last - 1);
    let none = form.clone().without("file");
    let mut twice = form.clone();
    twice.parts.push(Part::file(&samples::png(2)));
    let mut field_after = form;
    field_after.parts.push(Part::field("submit", "Upload"));
    let cases = [
        ("first", first),
        ("in the middle", in_the_middle),
        ("none", none),
        ("twice", twice),
        ("field after", field_after),
    ];
    each(cases, |form: Form| {
        let response = form.send(fixture.address());
        assert_eq!(response.status, 400, "{}", response.text());
        assert!(!response.store_error().is_empty());
    });
    still_open(&fixture, &ticket);
}

#[test]
fn file_limit_is_exactly_2_mib() {
    let fixture = folder_test_gateway();
    each([("png", "a.png"), ("pdf", "a.pdf")], |filename| {
        let of = |bytes| {
            if filename == "a.png" { samples::png_of_size(bytes) } else { samples::pdf_of_size(bytes) }
        };
        let ticket = fixture.ticket(filename);
        refused(&ticket.form(&of(LIMIT_BYTES + 1)).send(fixture.address()), 400, &["EntityTooLarge"]);
        assert_eq!(ticket.form(&of(LIMIT_BYTES)).send(fixture.address()).status, 204);
    });
    let ticket = fixture.ticket("a.png");
    refused(&ticket.form(b"").send(fixture.address()), 400, &["EntityTooSmall"]);
    still_open(&fixture, &ticket);
}

#[test]
fn oversized_upload_is_aborted() {
    let fixture = folder_test_gateway();
    let ticket = fixture.ticket("a.png");
    let before_kib = fixture.gateway.peak_memory_kib();
    let request = ticket.form(&vec![b'x'; 64 * LIMIT_BYTES]).request();
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
fn truncated_form_stores_nothing() {
    let fixture = folder_test_gateway();
    let ticket = fixture.ticket("a.png");
    let request = ticket.form(&samples::png(1)).request();
    let boundary = find(&request.body, b"\r\n").unwrap();
    let cases = [
        ("no end", request.body[..request.body.len() - boundary - 4].to_vec()),
        ("half the file", request.body[..request.body.len() - 80].to_vec()),
        ("nothing", Vec::new()),
        ("no form", b"hello".to_vec()),
    ];
    each(cases, |body| {
        let mut cut = request.clone();
        cut.body = body;
        let response = cut.send(fixture.address()).unwrap();
        assert_eq!(response.status, 400, "{}", response.text());
        assert!(!response.store_error().is_empty());
    });
    still_open(&fixture, &ticket);
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
