//! The way between a caller and a gateway: lets a test decide what becomes of the requests and of their answers.
//! Understands as much of HTTP as callers and gateway speak with each other here: lengths, no chunks.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use crate::http::find;

/// What becomes of an answer.
#[derive(Debug)]
pub enum Passage {
    /// These bytes arrive, which may be others than the gateway sent.
    On(Vec<u8>),
    /// The connection is closed.
    Cut,
    /// Nothing happens any more until the caller goes away.
    Hold,
}

/// The gateway at the end of the way.
#[derive(Debug)]
pub struct Goal {
    address: SocketAddr,
    open: Option<TcpStream>,
}

impl Goal {
    /// Delivers a request, and gives its answer; nothing if the gateway ends the connection without one.
    pub fn ask(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        let connect = || TcpStream::connect(self.address).expect("the gateway listens");
        let mut stream = self.open.take().unwrap_or_else(connect);
        stream.write_all(request).expect("the gateway reads");
        let answer = message(&mut stream)?;
        self.open = Some(stream).filter(|_| !is_last(request));
        Some(answer)
    }
}

/// A way that starts at its URL.
#[derive(Debug)]
pub struct Way {
    pub url: String,
    goal: Arc<Mutex<Option<SocketAddr>>>,
}

impl Way {
    /// Carries every request faithfully, and asks what becomes of each answer, with its request.
    #[must_use]
    pub fn open(decide: impl Fn(&[u8], Vec<u8>) -> Passage + Send + Sync + 'static) -> Self {
        Self::between(move |request, goal| {
            goal.ask(request).map_or(Passage::Cut, |answer| decide(request, answer))
        })
    }

    /// Asks what becomes of each request, and what is answered.
    #[must_use]
    pub fn between(decide: impl Fn(&[u8], &mut Goal) -> Passage + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let goal = Arc::new(Mutex::new(None));
        let (decide, to) = (Arc::new(decide), Arc::clone(&goal));
        std::thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                let (to, decide) = (Arc::clone(&to), Arc::clone(&decide));
                std::thread::spawn(move || {
                    let goal = *to.lock().unwrap_or_else(PoisonError::into_inner);
                    let address = goal.expect("the way has a goal");
                    carry(caller, &mut Goal { address, open: None }, &*decide);
                });
            }
        });
        Self { url, goal }
    }

    pub fn leads_to(&self, address: SocketAddr) {
        *self.goal.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }
}

/// Carries requests and answers in turn, as HTTP/1.1 without pipelining goes.
fn carry(mut caller: TcpStream, goal: &mut Goal, decide: &dyn Fn(&[u8], &mut Goal) -> Passage) {
    while let Some(request) = message(&mut caller) {
        match decide(&request, goal) {
            // Some callers ask for the close and wait for it.
            Passage::On(answer) if caller.write_all(&answer).is_ok() && !is_last(&request) => {}
            Passage::On(_) | Passage::Cut => return,
            Passage::Hold => return drop(caller.read(&mut [0])),
        }
    }
}

fn is_last(request: &[u8]) -> bool {
    let head = find(request, b"\r\n\r\n").and_then(|end| request.get(..end)).unwrap_or_default();
    String::from_utf8_lossy(head).to_ascii_lowercase().contains("\r\nconnection: close")
}

/// One message with a `Content-Length` or without a body.
fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
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
