//! An HTTP proxy that injects faults: a test decides what happens to each request and to each response. Supports only
//! messages with a `Content-Length` or without a body; no chunked encoding.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use crate::http::find;

/// What the proxy does with a response.
#[derive(Debug)]
pub enum Action {
    /// Sends these bytes, which may differ from what the gateway sent.
    Forward(Vec<u8>),
    /// Closes the connection.
    Close,
    /// Sends nothing until the caller disconnects.
    Stall,
}

/// The gateway behind the proxy.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    open: Option<TcpStream>,
}

impl Upstream {
    /// Forwards a request and returns the response; `None` if the gateway closes the connection without one.
    pub fn send(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        let connect = || TcpStream::connect(self.address).expect("the gateway listens");
        let mut stream = self.open.take().unwrap_or_else(connect);
        stream.write_all(request).expect("the gateway reads");
        let answer = read_message(&mut stream)?;
        self.open = Some(stream).filter(|_| !is_last(request));
        Some(answer)
    }
}

/// A proxy that listens at `url`.
#[derive(Debug)]
pub struct FaultProxy {
    pub url: String,
    upstream: Arc<Mutex<Option<SocketAddr>>>,
}

impl FaultProxy {
    /// Forwards every request unchanged; `decide` gets the request and the response.
    #[must_use]
    pub fn on_response(decide: impl Fn(&[u8], Vec<u8>) -> Action + Send + Sync + 'static) -> Self {
        Self::on_request(move |request, upstream| {
            upstream.send(request).map_or(Action::Close, |answer| decide(request, answer))
        })
    }

    /// `decide` gets each request before it is forwarded.
    #[must_use]
    pub fn on_request(decide: impl Fn(&[u8], &mut Upstream) -> Action + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let upstream = Arc::new(Mutex::new(None));
        let (decide, to) = (Arc::new(decide), Arc::clone(&upstream));
        std::thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                let (to, decide) = (Arc::clone(&to), Arc::clone(&decide));
                std::thread::spawn(move || {
                    let upstream = *to.lock().unwrap_or_else(PoisonError::into_inner);
                    let address = upstream.expect("the upstream is set");
                    serve(caller, &mut Upstream { address, open: None }, &*decide);
                });
            }
        });
        Self { url, upstream }
    }

    pub fn set_upstream(&self, address: SocketAddr) {
        *self.upstream.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }
}

/// Serves one connection: HTTP/1.1 without pipelining.
fn serve(mut caller: TcpStream, upstream: &mut Upstream, decide: &dyn Fn(&[u8], &mut Upstream) -> Action) {
    while let Some(request) = read_message(&mut caller) {
        match decide(&request, upstream) {
            // Some callers send `Connection: close` and wait for the close.
            Action::Forward(answer) if caller.write_all(&answer).is_ok() && !is_last(&request) => {}
            Action::Forward(_) | Action::Close => return,
            Action::Stall => return drop(caller.read(&mut [0])),
        }
    }
}

fn is_last(request: &[u8]) -> bool {
    let head = find(request, b"\r\n\r\n").and_then(|end| request.get(..end)).unwrap_or_default();
    String::from_utf8_lossy(head).to_ascii_lowercase().contains("\r\nconnection: close")
}

/// Reads one message with a `Content-Length` or without a body.
fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
            if bytes.len() >= end + 4 + length {
                return Some(bytes);
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}
