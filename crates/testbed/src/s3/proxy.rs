//! A proxy in front of an object store that fails on demand: returns 500, stalls, truncates responses, or drops them
//! after the store has executed the request. One request per connection, forwarded as HTTP/1.0, so that every response
//! ends with its connection.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::clock::{LIMIT, pause};
use crate::http::find;

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
const CHUNK_BYTES: usize = 16 * 1024;

/// What happens to a matching request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answered with 500 without a request to the store.
    Fails,
    /// Not answered until the fault is removed.
    Hangs,
    /// The answer is truncated after this many bytes of its body.
    CutsAfter(usize),
    /// Executed, and the answer is dropped.
    LosesAnswer,
}

/// A running proxy; it accepts no more connections once dropped.
#[derive(Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: SocketAddr,
    /// The method and a part of the path of matching requests, and their fault.
    fault: Mutex<Option<(String, String, Fault)>>,
    /// How many requests have matched.
    faults_injected: AtomicUsize,
    gone: AtomicBool,
}

impl Proxy {
    #[must_use]
    pub fn before(store: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let shared = Arc::new(Shared {
            store,
            fault: Mutex::default(),
            faults_injected: AtomicUsize::new(0),
            gone: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.gone.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || drop(shared.serve(client)));
            }
        });
        Self { address, shared }
    }

    /// From now on, only requests with this method whose path contains this part have this fault.
    pub fn fault(&self, method: &str, path: &str, fault: Fault) {
        self.set(Some((method.to_owned(), path.to_owned(), fault)));
    }

    /// From now on all requests are forwarded.
    pub fn heal(&self) {
        self.set(None);
    }

    /// How many requests had a fault.
    #[must_use]
    pub fn faults_injected(&self) -> usize {
        self.shared.faults_injected.load(Ordering::Relaxed)
    }

    fn set(&self, fault: Option<(String, String, Fault)>) {
        *self.shared.fault.lock().expect("no panic while holding it") = fault;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.gone.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_read_timeout(Some(LIMIT))?;
        let request = read_request(&mut client)?;
        let line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
        let fault = self.fault_for(&line);
        if fault.is_some() {
            self.faults_injected.fetch_add(1, Ordering::Relaxed);
        }
        match fault {
            Some(Fault::Fails) => {
                let body = "<Error><Code>InternalError</Code></Error>";
                let head = format!("HTTP/1.1 500 Internal Server Error\r\nContent-Length: {}", body.len());
                client.write_all(format!("{head}\r\nConnection: close\r\n\r\n{body}").as_bytes())
            }
            Some(Fault::Hangs) => {
                while self.fault_for(&line) == fault && !self.gone.load(Ordering::Relaxed) {
                    pause(LOOK_AGAIN_AFTER);
                }
                client.shutdown(Shutdown::Both)
            }
            Some(Fault::CutsAfter(bytes)) => {
                let answer = self.ask(&request)?;
                let body = find(&answer, b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
                client.write_all(&answer[..answer.len().min(body + bytes)])
            }
            Some(Fault::LosesAnswer) => self.ask(&request).map(drop),
            None => client.write_all(&self.ask(&request)?),
        }
    }

    fn fault_for(&self, line: &str) -> Option<Fault> {
        let fault = self.fault.lock().expect("no panic while holding it");
        let (method, path, fault) = fault.as_ref()?;
        let (found, target) = line.split_once(' ')?;
        (found == method && target.contains(path)).then_some(*fault)
    }

    fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut store = TcpStream::connect(self.store)?;
        store.set_read_timeout(Some(LIMIT))?;
        let at = find(request, b" HTTP/1.1\r\n").ok_or(io::ErrorKind::InvalidData)?;
        let (line, rest) = request.split_at(at);
        store.write_all(&[line, b" HTTP/1.0\r\n", &rest[" HTTP/1.1\r\n".len()..]].concat())?;
        let mut answer = Vec::new();
        store.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

/// A whole request; all requests of the gateway have a length.
fn read_request(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut wanted = usize::MAX;
    while request.len() < wanted {
        let mut chunk = [0; CHUNK_BYTES];
        match client.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => request.extend_from_slice(&chunk[..read]),
        }
        if let Some(end) = find(&request, b"\r\n\r\n").filter(|_| wanted == usize::MAX) {
            let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            wanted = end + 4 + length.unwrap_or(0);
        }
    }
    Ok(request)
}
