//! Contract §1, the body: its bytes before parsing, its JSON, its size; and lengths counted in scalar values.

use rebuttal_testbed::Connection;
use rebuttal_testbed::test_gateway::QUERY;
use serde_json::Value;

use crate::common::{each, test_gateway};

const BODY_LIMIT_BYTES: usize = 64 * 1024;
const MALFORMED: &str = "Common.Request.Malformed";

fn bodies(kind: &str) -> Vec<(String, Vec<u8>)> {
    let text = include_str!("../../../../../testdata/signing.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let bodies = vectors["bodies"][kind].as_array().unwrap();
    let body = |body: &Value| {
        (body["name"].as_str().unwrap().to_owned(), hex::decode(body["hex"].as_str().unwrap()).unwrap())
    };
    bodies.iter().map(body).collect()
}

#[test]
fn bodies_match_the_test_vectors() {
    let fixture = test_gateway();
    each(bodies("accepted"), |body| {
        fixture.raw_call(QUERY, body).send(fixture.address()).is("Dispute.NotFound")
    });
    each(bodies("refused"), |body| fixture.raw_call(QUERY, body).send(fixture.address()).is(MALFORMED));
}

#[test]
fn body_limit_is_64_kib() {
    let fixture = test_gateway();
    let padded = |bytes: usize| {
        let mut body = b"{\"disputeNo\":\"never-opened\"}".to_vec();
        body.resize(bytes, b' ');
        fixture.raw_call(QUERY, body)
    };
    padded(BODY_LIMIT_BYTES).send(fixture.address()).is("Dispute.NotFound");
    padded(BODY_LIMIT_BYTES + 1).send(fixture.address()).is("Common.Request.TooLarge");
    padded(BODY_LIMIT_BYTES * 8).send(fixture.address()).is("Common.Request.TooLarge");
}

/// Sent as chunks, with no length announced.
fn in_chunks(call: &rebuttal_testbed::SignedCall, chunk_bytes: usize) -> Vec<u8> {
    let mut bytes = call.request().header("Transfer-Encoding", "chunked").head();
    for chunk in call.body.chunks(chunk_bytes) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

#[test]
fn signature_covers_the_decoded_chunks() {
    let fixture = test_gateway();
    let call = fixture.raw_call(QUERY, "{\"disputeNo\":\"never-opened\"}");
    let mut connection = Connection::open(fixture.address()).unwrap();
    let response = connection.exchange(&in_chunks(&call, 5)).unwrap();
    call.verified(response).is("Dispute.NotFound");
    let mut large = fixture.raw_call(QUERY, "{\"disputeNo\":\"never-opened\"}");
    large.body.resize(BODY_LIMIT_BYTES + 1, b' ');
    let mut connection = Connection::open(fixture.address()).unwrap();
    connection.send(&in_chunks(&large, 8_192)).unwrap();
    large.verified(connection.receive().unwrap()).is("Common.Request.TooLarge");
}

#[test]
fn oversized_content_length_is_rejected_before_the_body() {
    let fixture = test_gateway();
    let call = fixture.raw_call(QUERY, "");
    let mut connection = Connection::open(fixture.address()).unwrap();
    connection.send(&call.request().header("Content-Length", "5000000000").head()).unwrap();
    call.verified(connection.receive().unwrap()).is("Common.Request.TooLarge");
}
