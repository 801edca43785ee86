//! HTTP/1.1 on a raw socket: a test controls every byte that is sent and sees every byte that is received. Supports
//! only what the gateway may send: a length or no body, no chunks.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::clock::LIMIT;

const HEAD_LIMIT_BYTES: usize = 64 * 1024;
const CHUNK_BYTES: usize = 16 * 1024;

/// One connection; kept alive for as long as the gateway allows.
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    /// # Errors
    /// If the connection fails.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect_timeout(&address, LIMIT)?)
    }

    fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(Self { stream, unread: Vec::new() })
    }

    /// From another address of this machine, as another peer.
    ///
    /// # Errors
    /// If bind or connect fails.
    pub fn open_from(source: Ipv4Addr, address: SocketAddr) -> io::Result<Self> {
        use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&socket, &SocketAddr::from((source, 0)))?;
        connect(&socket, &address)?;
        Self::over(socket.into())
    }

    /// # Errors
    /// The peer has closed, or does not read.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next answer; interim ones (1xx) are skipped.
    ///
    /// # Errors
    /// `UnexpectedEof` where the peer closed before or within an answer.
    pub fn receive(&mut self) -> io::Result<Response> {
        self.receive_to("POST")
    }

    /// The next answer to a request with this method; the answer to HEAD has no body.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn receive_to(&mut self, method: &str) -> io::Result<Response> {
        loop {
            let mut response = Response::parse_head(&self.read_head()?);
            if (100..200).contains(&response.status) {
                continue;
            }
            if method != "HEAD" && response.status != 204 && response.status != 304 {
                response.body = self.read_body(&response)?;
            }
            return Ok(response);
        }
    }

    /// # Errors
    /// If sending or receiving fails.
    pub fn exchange(&mut self, bytes: &[u8]) -> io::Result<Response> {
        self.send(bytes)?;
        self.receive()
    }

    /// Closes the sending half.
    pub fn finish_sending(&self) {
        drop(self.stream.shutdown(Shutdown::Write));
    }

    /// Whether a part of an answer arrives within this time; it is kept for [`Self::receive`].
    #[must_use]
    pub fn answers_within(&mut self, limit: Duration) -> bool {
        drop(self.stream.set_read_timeout(Some(limit)));
        let came = self.fill().is_ok();
        drop(self.stream.set_read_timeout(Some(LIMIT)));
        came
    }

    /// Whether the peer, a process of this machine, has read all that was sent.
    #[must_use]
    pub fn is_read(&self) -> bool {
        let [here, there] = [self.stream.local_addr(), self.stream.peer_addr()]
            .map(|address| format!("{:04X}", address.expect("it is connected").port()));
        let table = std::fs::read_to_string("/proc/net/tcp").expect("the connections of this machine");
        // The peer's line: its address, ours, the state, and what neither side has read yet.
        let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let is_peers = |line: &Vec<&str>| {
            line[1].ends_with(&format!(":{there}")) && line[2].ends_with(&format!(":{here}"))
        };
        lines.find(is_peers).is_some_and(|line| line[4].ends_with(":00000000"))
    }

    fn read_head(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                let rest = self.unread.split_off(at + 4);
                return Ok(std::mem::replace(&mut self.unread, rest));
            }
            assert!(self.unread.len() < HEAD_LIMIT_BYTES, "an endless answer head");
            self.fill()?;
        }
    }

    fn read_body(&mut self, head: &Response) -> io::Result<Vec<u8>> {
        assert!(head.header("transfer-encoding").is_none(), "an answer in chunks: {head:?}");
        let length = head.header("content-length").unwrap_or_else(|| panic!("no Content-Length: {head:?}"));
        let length: usize = length.parse().unwrap_or_else(|_| panic!("Content-Length: {length}"));
        while self.unread.len() < length {
            self.fill()?;
        }
        let rest = self.unread.split_off(length);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut chunk = [0_u8; CHUNK_BYTES];
        match self.stream.read(&mut chunk)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.unread.extend_from_slice(&chunk[..read]);
                Ok(())
            }
        }
    }
}

/// An answer as received.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    fn parse_head(head: &[u8]) -> Self {
        let head = std::str::from_utf8(head).expect("an answer head is text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().expect("a status line");
        let code = status
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3))
            .and_then(|code| code.parse().ok());
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("header line: {line}"));
            (name.to_owned(), value.trim().to_owned())
        });
        Self {
            status: code.unwrap_or_else(|| panic!("status line: {status}")),
            headers: headers.collect(),
            body: Vec::new(),
        }
    }

    /// The header's value; panics if it occurs twice.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let first = found.next();
        assert!(found.next().is_none(), "{name} came twice: {self:?}");
        first.map(|(_, value)| value.as_str())
    }

    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {}", self.status, self.text()))
    }
}

/// A request with headers chosen by the test; `Host` and `Content-Length` are added unless set.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    #[must_use]
    pub fn new(method: &str, target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: body.into() }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The bytes up to and with the empty line.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let has = |name: &str| self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        if !has("host") {
            head.push_str("Host: gateway.invalid\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !has("content-length") && !has("transfer-encoding") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends it on a new connection.
    ///
    /// # Errors
    /// As for the connection.
    pub fn send(&self, address: SocketAddr) -> io::Result<Response> {
        let mut connection = Connection::open(address)?;
        connection.send(&self.bytes())?;
        connection.receive_to(&self.method)
    }
}

/// Where `needle` begins in `hay`.
#[must_use]
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}
