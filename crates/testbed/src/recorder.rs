//! A recorder between a proxy and a gateway: forwards everything, and records what the proxy sent.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

const CHUNK_BYTES: usize = 16 * 1024;

/// The bytes received on each connection.
type Received = Arc<Mutex<Vec<Vec<u8>>>>;

/// A recorder; it accepts no new connections once the test ends.
#[derive(Debug)]
pub struct Recorder {
    pub address: SocketAddr,
    received: Received,
}

impl Recorder {
    #[must_use]
    pub fn before(gateway: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let received = Received::default();
        let shared = Arc::clone(&received);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if let Ok(server) = TcpStream::connect(gateway) {
                    pass(client, server, &shared);
                }
            }
        });
        Self { address, received }
    }

    /// The bytes received on each connection since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.received.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Forwards both directions, each in its own thread; bytes from the client are recorded before they are forwarded.
fn pass(client: TcpStream, server: TcpStream, received: &Received) {
    let (Ok(back), Ok(from)) = (client.try_clone(), server.try_clone()) else { return };
    let received = Arc::clone(received);
    let mut index = None;
    std::thread::spawn(move || {
        copy(client, server, |bytes| {
            let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
            let index = *index.get_or_insert_with(|| {
                received.push(Vec::new());
                received.len() - 1
            });
            // Connections from before the last call are ignored.
            if let Some(connection) = received.get_mut(index) {
                connection.extend_from_slice(bytes);
            }
        });
    });
    std::thread::spawn(move || copy(from, back, |_| {}));
}

fn copy(mut from: TcpStream, mut to: TcpStream, mut note: impl FnMut(&[u8])) {
    let mut bytes = [0; CHUNK_BYTES];
    while let Ok(read) = from.read(&mut bytes) {
        if read == 0 {
            break;
        }
        note(&bytes[..read]);
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
