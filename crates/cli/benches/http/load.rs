//! The load generator: one thread, many kept connections, each with one request in flight.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// What a server did with a number of requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Answers a second.
    pub(crate) rate: f64,
    /// Processor time of the server for one request, in microseconds; other processes on the machine do not enter.
    pub(crate) cpu_micros: f64,
    /// How long each answer took, in order.
    latencies: Vec<Duration>,
}

impl Measured {
    /// The time in milliseconds within which this share of the answers came.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// Requests to send, and a text that each answer must contain.
#[derive(Clone)]
pub(crate) struct Requests {
    pub(crate) bytes: Vec<Vec<u8>>,
    pub(crate) wanted: &'static str,
}

/// Where a server listens, and in which process.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
}

impl Server {
    /// Sends every request once, each connection the next one as soon as its last one is answered.
    pub(crate) async fn closed_loop(self, connections: usize, requests: Requests) -> Measured {
        self.measure(connections, requests, None).await
    }

    /// Sends so many requests a second, however long the answers take. A request that finds no free connection waits,
    /// and its wait counts.
    pub(crate) async fn open_loop(self, connections: usize, rate: u32, requests: Requests) -> Measured {
        self.measure(connections, requests, Some(Duration::from_secs(1) / rate)).await
    }

    async fn measure(self, connections: usize, requests: Requests, interval: Option<Duration>) -> Measured {
        let count = requests.bytes.len() as f64;
        let streams = connect(self.address, connections).await;
        let before = cpu_seconds(self.pid);
        let begin = Instant::now();
        let schedule = Rc::new(RefCell::new(Schedule {
            requests: requests.bytes.into_iter(),
            next: begin,
            interval,
            latencies: Vec::with_capacity(count as usize),
        }));
        let tasks = LocalSet::new();
        for stream in streams {
            tasks.spawn_local(send_all(stream, Rc::clone(&schedule), requests.wanted));
        }
        tasks.await;
        let took = begin.elapsed().as_secs_f64();
        let cpu_micros = (cpu_seconds(self.pid) - before) / count * 1e6;
        let mut latencies = schedule.take().latencies;
        assert_eq!(latencies.len(), count as usize, "a connection broke");
        latencies.sort_unstable();
        Measured { rate: count / took, cpu_micros, latencies }
    }
}

/// What the connections of a measurement share.
struct Schedule {
    requests: std::vec::IntoIter<Vec<u8>>,
    next: Instant,
    interval: Option<Duration>,
    latencies: Vec<Duration>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { requests: Vec::new().into_iter(), next: Instant::now(), interval: None, latencies: Vec::new() }
    }
}

impl Schedule {
    /// The next request, and when it is due.
    fn next(&mut self) -> Option<(Vec<u8>, Instant)> {
        let request = self.requests.next()?;
        let due = self.next;
        self.next = self.interval.map_or_else(Instant::now, |interval| due + interval);
        Some((request, due))
    }
}

async fn send_all(mut stream: TcpStream, schedule: Rc<RefCell<Schedule>>, wanted: &str) {
    let mut answer = vec![0; 256 * 1024];
    loop {
        let Some((request, due)) = schedule.borrow_mut().next() else { return };
        // A timer that fires late is the generator's fault, a connection that was busy is the server's.
        let begin = match due.checked_duration_since(Instant::now()) {
            Some(wait) if !wait.is_zero() => {
                tokio::time::sleep(wait).await;
                Instant::now()
            }
            _ if schedule.borrow().interval.is_some() => due,
            _ => Instant::now(),
        };
        stream.write_all(&request).await.expect("the request is taken");
        let mut filled = 0;
        while !is_whole(&answer[..filled]) {
            let read = stream.read(&mut answer[filled..]).await.expect("an answer");
            let so_far = String::from_utf8_lossy(&answer[..filled]);
            assert!(read > 0, "the connection closed; so far: {so_far}");
            filled += read;
        }
        schedule.borrow_mut().latencies.push(begin.elapsed());
        let answer = String::from_utf8_lossy(&answer[..filled]);
        assert!(answer.contains(wanted), "{answer}");
    }
}

/// User and system time of a process so far, in the kernel's ticks of 10 ms.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the server runs");
    let (_, after_name) = stat.rsplit_once(") ").expect("a name in brackets");
    let ticks = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() / 100.0
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

/// Whether the bytes hold a head and as much body as its Content-Length says.
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
