//! Contract §1, rejections of the HTTP layer, which have no envelope; and that no connection affects another.

use rebuttal_testbed::test_gateway::QUERY;
use rebuttal_testbed::{Connection, Request, TestGateway};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::common::{each, folder_test_gateway, gateway, operators_address, scrape, test_gateway, value};

/// Fits into the socket's buffer, so that it is completely sent before a response can interrupt it.
const BURST_BYTES: usize = 10_000;

#[test]
fn non_http_input_is_rejected_without_envelope() {
    let fixture = test_gateway();
    let long = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(500));
    let post = |header: &str| format!("POST {QUERY} HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n");
    let cases = [
        ("no request line", "hello\r\n\r\n".to_owned(), &[400][..]),
        ("bytes", "\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), &[400]),
        ("space in a header's name", "GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n".to_owned(), &[400]),
        ("length that is none", post("Content-Length: ten"), &[400]),
        ("two lengths", post("Content-Length: 1\r\nContent-Length: 2"), &[400]),
        ("no host", "GET /healthz HTTP/1.1\r\n\r\n".to_owned(), &[400]),
        ("a host of two words", "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(), &[400]),
        ("a host with a user", "GET /healthz HTTP/1.1\r\nHost: a@b\r\n\r\n".to_owned(), &[400]),
        ("two hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), &[400]),
        ("two encodings", post("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n", &[400]),
        ("long head", long, &[431]),
        ("many headers", many, &[431]),
        ("long target", format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(100_000)), &[414, 431]),
    ];
    each(cases.map(|(name, bytes, statuses)| (name, (bytes, statuses))), |(bytes, statuses)| {
        let mut connection = Connection::open(fixture.address()).unwrap();
        drop(connection.send(bytes.as_bytes()));
        match connection.receive() {
            Ok(response) => {
                assert!(statuses.contains(&response.status), "{}", response.status);
                assert!(!response.text().contains("\"code\""), "{}", response.text());
            }
            // A client that still sends when the gateway closes may get only the reset.
            Err(error) => assert!(bytes.len() > BURST_BYTES, "{error}"),
        }
    });
    fixture.query(&fixture.dispute()).is("OK");
}

#[test]
fn malformed_chunk_is_rejected_before_the_body_ends() {
    let fixture = folder_test_gateway();
    let head = |target: &str, more: &str| {
        format!("POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{more}\r\n")
    };
    let form = head("/uploaded", "Content-Type: multipart/form-data; boundary=b\r\n");
    let operator = head(
        "/operator/v1/disputes",
        &format!(
            "Authorization: Bearer {}\r\nContent-Type: application/json\r\n",
            fixture.gateway.operator_token()
        ),
    );
    let cases = [
        ("size that is none", head(QUERY, "") + "zz\r\n{}\r\n"),
        ("size of too many digits", head(QUERY, "") + "11111111111111111\r\n"),
        ("longer than its size", head(QUERY, "") + "1\r\n{}\r\n"),
        ("in a form", form + "5\r\n--b\r\n\r\nzz\r\n"),
        ("an operator's", operator + "2\r\n{}\r\nzz\r\n"),
    ];
    each(cases, |bytes| {
        let mut connection = Connection::open(fixture.address()).unwrap();
        connection.send(bytes.as_bytes()).unwrap();
        let response = connection.receive().unwrap();
        assert_eq!(response.status, 400, "{}", response.text());
        let text = response.text();
        assert!(text.contains("a chunk of the body is broken") && !text.contains("\"code\""), "{text}");
        assert_eq!(response.header("connection"), Some("close"));
    });
}

/// A client that sends head and body separately must not write into a closed connection.
#[test]
fn early_answers_wait_for_the_rest_of_the_body() {
    const BODY: &str = "{\"a\":1}";
    let fixture = folder_test_gateway();
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let json = "Content-Type: application/json\r\n";
    let admin = bearer(&fixture.gateway.operator_token());
    let viewer = fixture.operator.post("/tokens", &json!({ "name": "reader", "role": "viewer" })).created();
    let viewer = bearer(viewer["token"].as_str().unwrap());
    let cases = [
        ("no token", "POST", "/operator/v1/disputes", json.to_owned(), 401),
        ("no token to change", "PATCH", "/operator/v1/merchants/1", json.to_owned(), 401),
        ("a viewer's change", "POST", "/operator/v1/disputes", viewer + json, 403),
        ("unknown operator path", "POST", "/operator/v1/nothing", admin.clone(), 404),
        ("malformed path parameter", "PATCH", "/operator/v1/merchants/01", admin.clone() + json, 404),
        ("operator method", "PUT", "/operator/v1/disputes", admin.clone(), 405),
        ("media type", "POST", "/operator/v1/disputes", admin.clone() + "Content-Type: text/plain\r\n", 415),
        ("query of a change", "POST", "/operator/v1/disputes?a=1", admin.clone() + json, 400),
        ("body of a read", "GET", "/operator/v1/disputes", admin.clone(), 200),
        ("liveness", "GET", "/healthz", String::new(), 200),
        ("liveness by POST", "POST", "/healthz", String::new(), 405),
        ("readiness", "GET", "/readyz", String::new(), 200),
        ("page", "GET", "/docs", String::new(), 200),
        ("page by POST", "POST", "/docs", String::new(), 405),
        ("document", "GET", "/openapi.json", String::new(), 200),
        ("document by POST", "POST", "/openapi.json", String::new(), 405),
        ("merchant path", "POST", "/nothing", json.to_owned(), 404),
        ("merchant method", "GET", QUERY, String::new(), 405),
    ];
    for (name, method, target, headers, status) in cases {
        let length = format!("Content-Length: {}\r\n\r\n", BODY.len());
        let chunked = "Transfer-Encoding: chunked\r\n\r\n".to_owned();
        let chunks = format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len());
        for (framing, body) in [(length, BODY), (chunked, &chunks)] {
            let mut connection = Connection::open(fixture.address()).unwrap();
            let head = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{headers}{framing}");
            connection.send(head.as_bytes()).unwrap();
            assert!(!connection.answers_within(Duration::from_millis(50)), "{name}: answered too early");
            connection.send(body.as_bytes()).unwrap();
            let response = connection.receive().unwrap();
            assert_eq!((response.status, response.header("connection")), (status, None), "{name}");
            let next = connection.exchange(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            assert_eq!(next.text(), "ok\n", "{name}: the next request on the connection");
        }
    }
}

/// Reading the body would request it.
#[test]
fn refusal_before_100_continue_closes_the_connection() {
    let fixture = test_gateway();
    for target in ["/operator/v1/disputes", "/healthz"] {
        let request = Request::new("POST", target, "{}").header("Expect", "100-continue");
        let mut connection = Connection::open(fixture.address()).unwrap();
        connection.send(&request.head()).unwrap();
        let response = connection.receive().unwrap();
        assert!(matches!(response.status, 401 | 405), "{response:?}");
        assert_eq!(response.header("connection"), Some("close"));
        assert!(connection.receive().is_err());
    }
}

#[test]
fn one_connection_carries_many_calls() {
    let fixture = test_gateway();
    let mut connection = Connection::open(fixture.address()).unwrap();
    for _ in 0..50 {
        let call = fixture.call(QUERY, &json!({ "disputeNo": "never-opened" }));
        call.send_on(&mut connection).unwrap().is("Dispute.NotFound");
        let refused = fixture.raw_call(QUERY, "[");
        refused.send_on(&mut connection).unwrap().is("Common.Request.Malformed");
    }
}

#[test]
fn connections_beyond_the_limit_wait() {
    let fixture = TestGateway::with_builder(gateway().args(["--max-connections", "3"]));
    // The operator's kept-alive connection may be one more; it is evicted when idle. Each has a different peer address.
    let held: Vec<_> = (2..5)
        .map(|peer| {
            let mut connection =
                Connection::open_from(Ipv4Addr::new(127, 0, 0, peer), fixture.address()).unwrap();
            connection.send(b"POST /pg/v2/dispute/query HTTP/1.1\r\nHost: a\r\n").unwrap();
            connection
        })
        .collect();
    let call = fixture.call(QUERY, &json!({ "disputeNo": "never-opened" }));
    let mut waiting = Connection::open(fixture.address()).unwrap();
    waiting.send(&call.bytes()).unwrap();
    assert!(!waiting.answers_within(Duration::from_millis(300)), "served beyond the limit");
    drop(held);
    call.verified(waiting.receive().unwrap()).is("Dispute.NotFound");
}

#[test]
fn one_peer_gets_its_share_of_the_connections() {
    const ASKED_FOR: usize = 256;
    let files =
        |limit: u32| gateway().wrapper(["sh", "-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")]);
    let served = |connections: u32| gateway().args(["--max-connections", &connections.to_string()]);
    let cases = [
        ("few connections", served(24), Some(12)),
        (
            "few, and a number that is all of them",
            served(24).args(["--max-connections-per-peer", "24"]),
            Some(18),
        ),
        ("few open files", files(200), Some(31)),
        ("a trusted proxy", served(24).args(["--trusted-proxies", "127.0.0.9"]), None),
    ];
    each(cases.map(|(name, gateway, of_one)| (name, (gateway, of_one))), |(gateway, of_one)| {
        let fixture = TestGateway::with_builder(gateway);
        // Each is answered once, which shows rejected ones immediately, and then sends half a head.
        let asked_for = if of_one.is_some() { ASKED_FOR } else { 24 };
        let mut peer: Vec<_> = (0..asked_for).filter_map(|_| at_rest(9, fixture.address())).collect();
        for connection in &mut peer {
            connection.send(b"POST /pg/v2/dispute/query HTTP/1.1\r\nHost: a\r\n").unwrap();
        }
        match of_one {
            Some(of_one) => {
                assert_eq!(peer.len(), of_one);
                assert!(fixture.gateway.stderr().contains("max_connections_per_peer"));
            }
            // The proxy can use every slot: its clients' idle connections are not evicted either.
            None => assert!(peer.len() >= 23, "{}", peer.len()),
        }
        if of_one.is_some() {
            fixture.query(&fixture.dispute()).is("OK");
        }
    });
}

/// An idle connection from one of this machine's addresses, after one response.
fn at_rest(from: u8, at: SocketAddr) -> Option<Connection> {
    let mut connection = Connection::open_from(Ipv4Addr::new(127, 0, 0, from), at).ok()?;
    let answered = connection.exchange(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    answered.is_ok().then_some(connection)
}

#[test]
fn one_peer_cannot_exhaust_the_small_listeners() {
    /// A sixteenth of the merchants' 768 and 384.
    const PLACES: usize = 48;
    const OF_ONE: usize = 24;
    let args = ["--operator-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let gateway = gateway().args(args).start();
    let at = operators_address(&gateway);
    let token = gateway.operator_token();
    let listed = || {
        let began = Instant::now();
        let list = Request::new("GET", "/operator/v1/disputes", "");
        let status = list.header("Authorization", format!("Bearer {token}")).send(at).unwrap().status;
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        status
    };

    let of_one: Vec<_> = (0..PLACES).filter_map(|_| at_rest(9, at)).collect();
    assert_eq!(of_one.len(), OF_ONE, "what one address may have");
    assert_eq!(listed(), 200);

    // Two peers use all connections, and are idle.
    let of_others: Vec<_> = (0..OF_ONE).filter_map(|_| at_rest(10, at)).collect();
    assert_eq!(of_one.len() + of_others.len(), PLACES);
    assert_eq!(listed(), 200, "one of them is evicted");
    assert!(gateway.stderr().contains("connection limit reached"), "{}", gateway.stderr());
    let evicted = value(&scrape(&gateway), "rebuttal_connections_evicted_total{listener=\"operators\"}");
    assert!(evicted.is_some_and(|evicted| evicted > 0.0), "{evicted:?}");
}

#[test]
fn chunked_overrides_content_length_and_closes_the_connection() {
    let fixture = test_gateway();
    let call = fixture.call(QUERY, &json!({ "disputeNo": "never-opened" }));
    let body = r#"{"disputeNo":"never-opened"}"#;
    let head = call.request().head();
    let head = String::from_utf8(head).unwrap();
    let chunked = head.replacen("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n", 1);
    let request = format!("{chunked}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let mut connection = Connection::open(fixture.address()).unwrap();
    connection.send((request + "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
    call.verified(connection.receive().unwrap()).is("Dispute.NotFound");
    assert!(connection.receive().is_err(), "another request was read behind it");
}

#[test]
fn stalled_requests_time_out() {
    let fixture = folder_test_gateway();
    let form = "POST /uploaded HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n\
                Content-Length: 1000\r\n\r\n--b\r\n";
    let body = format!("POST {QUERY} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{{");
    let cases = [
        ("nothing", String::new(), None),
        ("half a head", format!("POST {QUERY} HTTP/1.1\r\nHost: a\r\n"), None),
        ("half a body", body, Some(408)),
        ("half an upload", form.to_owned(), Some(400)),
    ];
    let opened = cases.map(|(name, bytes, status)| {
        let mut connection = Connection::open(fixture.address()).unwrap();
        connection.send(bytes.as_bytes()).unwrap();
        (name, (connection, status))
    });
    let start = Instant::now();
    each(opened, |(mut connection, status)| {
        assert_eq!(connection.receive().ok().map(|response| response.status), status);
        let held = start.elapsed();
        assert!(held > Duration::from_secs(5) && held < Duration::from_secs(60), "{held:?}");
    });
}
