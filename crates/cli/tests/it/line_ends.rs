//! Request smuggling (SECURITY.md): how the gateway, alone and behind proxies, parses heads and chunks whose lines do
//! not end in CRLF. A proxy may parse them differently, as long as what it forwards is unambiguous.

use std::io;
use std::net::SocketAddr;

use rebuttal_testbed::Connection;
use rebuttal_testbed::balancer::BalancerAddress;
use rebuttal_testbed::recorder::Recorder;
use rebuttal_testbed::test_gateway::{ACCEPT, QUERY};

use self::Expected::{Accepted, Forwarded, Rejected};
use crate::common::{each, gateway};

/// How a request that is followed by another one is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// It and the next one are answered.
    Accepted,
    /// It is answered 400, and the connection ends.
    Rejected,
    /// It is answered 400 by the gateway, and the next one, which the proxy sends on another connection, is answered.
    Forwarded,
}

/// A variant of a request's bytes, and how the gateway, HAProxy and nginx parse it.
type Case = (&'static str, &'static str, &'static str, [Expected; 3]);

const HEADS: [Case; 15] = [
    ("as the RFC has it", "X-A: b\r\n", "X-A: b\r\n", [Accepted, Accepted, Accepted]),
    ("LF after the request line", "1.1\r\n", "1.1\n", [Accepted, Accepted, Accepted]),
    ("LF after a field", "X-A: b\r\n", "X-A: b\n", [Accepted, Accepted, Accepted]),
    ("LF as the empty line", "X-A: b\r\n\r\n", "X-A: b\r\n\n", [Accepted, Accepted, Accepted]),
    (
        "LF after the last field and as the empty line",
        "X-A: b\r\n\r\n",
        "X-A: b\n\n",
        [Accepted, Accepted, Accepted],
    ),
    ("LF before the request line", "POST", "\nPOST", [Accepted, Accepted, Accepted]),
    ("a folded field", "X-A: b", "X-A: b\r\n c", [Rejected, Accepted, Rejected]),
    ("a field folded after LF", "X-A: b", "X-A: b\n c", [Rejected, Accepted, Rejected]),
    ("CR in a value", "X-A: b", "X-A: b\rX-B: c", [Rejected, Rejected, Rejected]),
    ("CR after a field", "X-A: b\r\n", "X-A: b\r", [Rejected, Rejected, Rejected]),
    ("CR after the request line", "1.1\r\n", "1.1\r", [Rejected, Rejected, Rejected]),
    ("CR before CRLF", "X-A: b\r\n", "X-A: b\r\r\n", [Rejected, Rejected, Accepted]),
    ("a space before the colon", "X-A: b", "X-A : b", [Rejected, Rejected, Rejected]),
    ("a tab before the colon", "X-A: b", "X-A\t: b", [Rejected, Rejected, Rejected]),
    ("a field without a name", "X-A: b", ": b", [Rejected, Rejected, Rejected]),
];

const CHUNKS: [Case; 11] = [
    ("chunks as the RFC has them", "2\r\n", "2\r\n", [Accepted, Accepted, Accepted]),
    ("LF after a chunk's size", "2\r\n", "2\n", [Rejected, Accepted, Accepted]),
    ("LF after a chunk", "{}\r\n", "{}\n", [Rejected, Accepted, Accepted]),
    ("LF after the last size", "0\r\n", "0\n", [Rejected, Accepted, Accepted]),
    ("LF in an extension", "2\r\n", "2;a\nb\r\n", [Rejected, Rejected, Rejected]),
    ("CR after a chunk's size", "2\r\n", "2\r", [Rejected, Rejected, Rejected]),
    ("a trailer", "0\r\n", "0\r\nX-T: a\r\n", [Rejected, Forwarded, Accepted]),
    ("a folded trailer", "0\r\n", "0\r\nX-T: a\r\n b\r\n", [Rejected, Forwarded, Accepted]),
    ("LF after a trailer", "0\r\n", "0\r\nX-T: a\n", [Rejected, Forwarded, Accepted]),
    ("LF as the end", "0\r\n\r\n", "0\r\n\n", [Rejected, Accepted, Accepted]),
    ("LF after a trailer and as the end", "0\r\n\r\n", "0\r\nX-T: a\n\n", [Rejected, Forwarded, Accepted]),
];

/// Each case's name, the bytes of its request, and how they are read.
fn cases() -> impl Iterator<Item = (&'static str, (Vec<u8>, [Expected; 3]))> {
    let head = format!("POST {QUERY} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n");
    let whole = format!("{head}Content-Length: 2\r\nX-A: b\r\n\r\n{{}}");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
    let made = |request: String, cases: Vec<Case>| {
        cases.into_iter().map(move |(name, part, instead, readings)| {
            let (before, after) = request.rsplit_once(part).unwrap();
            (name, ([before, instead, after].concat().into_bytes(), readings))
        })
    };
    made(whole, HEADS.to_vec()).chain(made(chunked, CHUNKS.to_vec()))
}

/// How a request is read at an address, by the answers to it, to the next one, and to one that ends the connection.
fn read_at(address: SocketAddr, request: &[u8]) -> Expected {
    let mut connection = Connection::open(address).unwrap();
    let next = format!("POST {ACCEPT} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    let last = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    // A rejected connection may be closed before everything is sent.
    let _ = connection.send(&[request, next.as_bytes(), last].concat());
    let answers = std::iter::from_fn(|| connection.receive().ok()).map(|answer| answer.status);
    match answers.collect::<Vec<_>>()[..] {
        [first, second, 200] if ![first, second].contains(&400) => Accepted,
        [400] => Rejected,
        [400, second, 200] if second != 400 => Forwarded,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn bare_lf_ends_a_line_and_ambiguous_heads_are_rejected() {
    let gateway = gateway().start();
    each(cases(), |(request, [reading, ..])| assert_eq!(read_at(gateway.address(), &request), reading));
}

#[test]
#[ignore = "needs HAProxy and nginx, which cargo xtask test installs"]
fn forwarded_requests_are_unambiguous() {
    let gateway = gateway().start();
    let recorder = Recorder::before(gateway.address());
    let haproxy = BalancerAddress::free().before([recorder.address; 2]);
    let nginx = BalancerAddress::free().nginx_before(recorder.address);
    each([("HAProxy", (haproxy.address, 1)), ("nginx", (nginx.address, 2))], |(proxy, which)| {
        each(cases(), |(request, readings)| {
            let _ = recorder.take();
            let reading = read_at(proxy, &request);
            assert_eq!(reading, readings[which]);
            // A response of the proxy itself starts differently.
            let heard = recorder.take().into_iter().filter(|bytes| bytes.starts_with(b"POST"));
            let targets: Vec<_> = heard.flat_map(|bytes| targets(&bytes).unwrap()).collect();
            let passed_on: &[&str] = if reading == Rejected { &[] } else { &[QUERY, ACCEPT] };
            assert_eq!(targets, passed_on);
        });
    });
}

/// The targets of requests that are written as RFC 9112 has them: every line ends in CRLF, no CR or LF is elsewhere
/// in a head, no field is folded, no name ends in a space, and a body is of one length or in chunks.
fn targets(mut bytes: &[u8]) -> io::Result<Vec<String>> {
    let mut targets = Vec::new();
    while !bytes.is_empty() {
        let request = line(&mut bytes)?;
        targets.push(request.split(' ').nth(1).ok_or_else(|| unclear(&request))?.to_owned());
        let fields = fields(&mut bytes)?;
        let field =
            |name: &str| fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        match (field("content-length"), field("transfer-encoding")) {
            (Some(length), None) => drop(take(&mut bytes, length.parse().map_err(|_| unclear(length))?)?),
            (None, Some(_)) => chunks(&mut bytes)?,
            (None, None) => {}
            (Some(_), Some(_)) => return Err(unclear("a length and chunks")),
        }
    }
    Ok(targets)
}

fn chunks(bytes: &mut &[u8]) -> io::Result<()> {
    loop {
        let size = line(bytes)?;
        let size = usize::from_str_radix(&size, 16).map_err(|_| unclear(&size))?;
        if size == 0 {
            return fields(bytes).map(drop);
        }
        take(bytes, size)?;
        if take(bytes, 2)? != b"\r\n" {
            return Err(unclear("a chunk's end"));
        }
    }
}

fn fields(bytes: &mut &[u8]) -> io::Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let line = line(bytes)?;
        if line.is_empty() {
            return Ok(fields);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| unclear(&line))?;
        if name.is_empty() || name.contains([' ', '\t']) {
            return Err(unclear(&line));
        }
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn line(bytes: &mut &[u8]) -> io::Result<String> {
    let end = rebuttal_testbed::http::find(bytes, b"\r\n").ok_or_else(|| unclear("an unended line"))?;
    let line = String::from_utf8_lossy(take(bytes, end)?).into_owned();
    take(bytes, 2)?;
    if line.contains(['\r', '\n']) { Err(unclear(&line)) } else { Ok(line) }
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> io::Result<&'b [u8]> {
    bytes.split_off(..count).ok_or_else(|| unclear("fewer bytes than said"))
}

fn unclear(what: &str) -> io::Error {
    io::Error::other(format!("{what:?}"))
}
