//! The way between merchant and gateway: carries everything faithfully, but loses or holds the answers to contests,
//! acceptances and openings.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// What happens to the answer of a contest, an acceptance or an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The connection is cut after the gateway has answered.
    Lost,
    /// Nothing happens any more.
    Held,
}

pub(crate) struct Way {
    pub(crate) url: String,
    goal: Arc<Mutex<Option<SocketAddr>>>,
    /// How many answers are still to meet the fate.
    doomed: Arc<AtomicUsize>,
    met: Receiver<()>,
}

impl Way {
    pub(crate) fn open(fate: Fate, doomed: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let goal = Arc::new(Mutex::new(None));
        let doomed = Arc::new(AtomicUsize::new(doomed));
        let (tell, met) = channel();
        let (to, left) = (Arc::clone(&goal), Arc::clone(&doomed));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (to, left, tell) = (Arc::clone(&to), Arc::clone(&left), tell.clone());
                std::thread::spawn(move || {
                    let goal = to.lock().unwrap().expect("the way has a goal");
                    carry(stream.unwrap(), TcpStream::connect(goal).unwrap(), fate, &left, &tell);
                });
            }
        });
        Self { url, goal, doomed, met }
    }

    pub(crate) fn leads_to(&self, address: SocketAddr) {
        *self.goal.lock().unwrap() = Some(address);
    }

    /// From now on every answer arrives.
    pub(crate) fn mend(&self) {
        self.doomed.store(0, Ordering::SeqCst);
    }

    /// Waits until an answer has met its fate.
    pub(crate) fn wait(&self) {
        self.met.recv().unwrap();
    }
}

/// Carries requests and answers in turn, as HTTP/1.1 without pipelining goes.
fn carry(merchant: TcpStream, gateway: TcpStream, fate: Fate, doomed: &AtomicUsize, tell: &Sender<()>) {
    let (mut merchant, mut gateway) = (merchant, gateway);
    while let Some(request) = message(&mut merchant) {
        gateway.write_all(&request).unwrap();
        let Some(answer) = message(&mut gateway) else { return };
        let counts =
            ["POST /pg/v2/dispute/contest ", "POST /pg/v2/dispute/accept ", "POST /operator/v1/disputes "];
        let counts = counts.iter().any(|call| request.starts_with(call.as_bytes()));
        let less = |left: usize| left.checked_sub(1);
        if counts && doomed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            let _ = tell.send(());
            match fate {
                Fate::Lost => return,
                // Until the merchant goes away.
                Fate::Held => drop(merchant.read(&mut [0])),
            }
            return;
        }
        merchant.write_all(&answer).unwrap();
    }
}

/// One message with a `Content-Length` or without a body.
fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = rebuttal_testbed::http::find(&bytes, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
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
