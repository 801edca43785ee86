//! The load generator: one thread, many kept connections, each with one request in flight.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// The result of a number of requests to a server.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    /// Answers a second.
    pub(crate) rate: f64,
    /// Processor time of the server for one request, in microseconds; other processes do not count.
    pub(crate) cpu_micros: f64,
}

/// Sends every request once to the server of that process; an answer without `"code":"OK"` is a panic.
pub(crate) async fn measure(server: Server, connections: usize, requests: Vec<Vec<u8>>) -> Measured {
    let count = requests.len() as f64;
    let before = cpu_seconds(server.pid);
    let rate = send(server.address, connections, requests, r#""code":"OK""#).await;
    Measured { rate, cpu_micros: (cpu_seconds(server.pid) - before) / count * 1e6 }
}

/// A server's address and process.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
}

/// User and system time of a process so far, in the kernel's ticks of 10 ms.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the server runs");
    let (_, after_name) = stat.rsplit_once(") ").expect("a name in brackets");
    let ticks = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() / 100.0
}

/// Sends every request once and returns how many a second were answered with a text that contains `wanted`.
pub(crate) async fn send(
    address: SocketAddr,
    connections: usize,
    requests: Vec<Vec<u8>>,
    wanted: &'static str,
) -> f64 {
    let count = requests.len();
    let requests = Rc::new(RefCell::new(requests.into_iter()));
    let streams = connect(address, connections).await;
    let started = Instant::now();
    let tasks = LocalSet::new();
    for stream in streams {
        let requests = Rc::clone(&requests);
        tasks.spawn_local(async move { send_all(stream, &requests, wanted).await });
    }
    tasks.await;
    assert_eq!(requests.borrow_mut().len(), 0, "a connection broke");
    count as f64 / started.elapsed().as_secs_f64()
}

async fn connect(address: SocketAddr, connections: usize) -> Vec<TcpStream> {
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        streams.push(stream);
    }
    streams
}

async fn send_all(mut stream: TcpStream, requests: &RefCell<std::vec::IntoIter<Vec<u8>>>, wanted: &str) {
    let mut answer = vec![0; 16 * 1024];
    loop {
        let Some(request) = requests.borrow_mut().next() else { return };
        stream.write_all(&request).await.expect("the request is taken");
        let mut filled = 0;
        while !is_whole(&answer[..filled]) {
            let read = stream.read(&mut answer[filled..]).await.expect("an answer");
            assert!(
                read > 0,
                "the connection closed; so far: {}",
                String::from_utf8_lossy(&answer[..filled])
            );
            filled += read;
        }
        let answer = String::from_utf8_lossy(&answer[..filled]);
        assert!(answer.contains(wanted), "{answer}");
    }
}

/// Whether the bytes contain a head and a complete body by its Content-Length.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = std::str::from_utf8(&bytes[..end]).expect("a head of text");
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().expect("a length"));
    bytes.len() >= end + 4 + length
}
