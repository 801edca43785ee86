//! A proxy between a gateway and its PostgreSQL: forwards everything, optionally with a delay, and closes a connection
//! exactly at a commit. Parses only the boundaries of messages.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::pause;
use crate::postgres::Database;

/// Where a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFault {
    /// The commit is not forwarded: the server never receives it.
    BeforeCommit,
    /// The commit is executed, and its response is not forwarded.
    AfterCommit,
}

/// A proxy; it accepts no new connections once it is dropped.
#[derive(Debug)]
pub struct PostgresProxy {
    address: SocketAddr,
    plan: Arc<Plan>,
}

#[derive(Debug)]
struct Plan {
    delay: Duration,
    cut: Mutex<Option<CommitFault>>,
    left: AtomicUsize,
    done: AtomicUsize,
}

impl PostgresProxy {
    /// Forwards to a server, with this delay in each direction.
    #[must_use]
    pub fn to(server: SocketAddr, delay: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (cut, left, done) = (Mutex::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        let plan = Arc::new(Plan { delay, cut, left, done });
        let shared = Arc::clone(&plan);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // If the server is down, the client's connection is closed.
                if let Ok(server) = TcpStream::connect(server) {
                    pass(&client, &server, &shared);
                }
            }
        });
        Self { address, plan }
    }

    /// The URL of a database through the proxy. Without TLS, which the proxy could not parse.
    #[must_use]
    pub fn url(&self, database: &Database) -> String {
        format!("postgres://postgres@{}/{}?sslmode=disable", self.address, database.name())
    }

    /// Closes the next connections that commit.
    pub fn cut(&self, cut: CommitFault, times: usize) {
        *self.plan.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
        self.plan.left.store(times, Ordering::SeqCst);
    }

    /// How many it has closed.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.plan.done.load(Ordering::SeqCst)
    }
}

impl Plan {
    /// Whether to close the connection now.
    fn cuts(&self, here: CommitFault) -> bool {
        if *self.cut.lock().unwrap_or_else(PoisonError::into_inner) != Some(here) {
            return false;
        }
        let one_less = |left: usize| left.checked_sub(1);
        let cuts = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
        self.done.fetch_add(usize::from(cuts), Ordering::SeqCst);
        cuts
    }
}

/// Forwards both directions, each with a reading and a writing thread, so that a delay blocks nothing else.
fn pass(client: &TcpStream, server: &TcpStream, plan: &Arc<Plan>) {
    for stream in [client, server] {
        stream.set_nodelay(true).expect("a socket");
    }
    let ways = [(client, server, CommitFault::BeforeCommit), (server, client, CommitFault::AfterCommit)];
    for (from, to, cut) in ways {
        let (mut from, to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
        let ends = [from.try_clone().expect("a handle"), to.try_clone().expect("a handle")];
        let (late, due) = channel();
        let plan = Arc::clone(plan);
        std::thread::spawn(move || write(to, &due));
        std::thread::spawn(move || {
            let mut messages = Messages::new(cut);
            let mut buffer = [0; 16 * 1024];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                if messages.commit_in(&buffer[..count]) && plan.cuts(cut) {
                    break;
                }
                let sent = late.send((Instant::now() + plan.delay, buffer[..count].to_vec()));
                if sent.is_err() {
                    break;
                }
            }
            for end in ends {
                let _ = end.shutdown(Shutdown::Both);
            }
        });
    }
}

fn write(mut to: TcpStream, due: &Receiver<(Instant, Vec<u8>)>) {
    for (at, bytes) in due {
        pause(at.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// Finds the commits in one direction.
struct Messages {
    direction: CommitFault,
    /// The first message of a client has no letter before its length.
    started: bool,
    rest: Vec<u8>,
}

impl Messages {
    fn new(direction: CommitFault) -> Self {
        Self { direction, started: direction == CommitFault::AfterCommit, rest: Vec::new() }
    }

    /// Whether a commit, or its answer, ends in these bytes.
    fn commit_in(&mut self, bytes: &[u8]) -> bool {
        self.rest.extend_from_slice(bytes);
        let mut found = false;
        loop {
            let letter = usize::from(self.started);
            let Some(length) = self.rest.get(letter..letter + 4) else { return found };
            let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
            let end = letter + length;
            if self.rest.len() < end {
                return found;
            }
            let message: Vec<u8> = self.rest.drain(..end).collect();
            found |= self.started && self.is_commit(&message);
            self.started = true;
        }
    }

    fn is_commit(&self, message: &[u8]) -> bool {
        match self.direction {
            CommitFault::BeforeCommit => message[0] == b'Q' && message.ends_with(b"COMMIT\0"),
            CommitFault::AfterCommit => message[0] == b'C' && message.ends_with(b"COMMIT\0"),
        }
    }
}
