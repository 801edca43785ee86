//! The virus scanner that evidence files are sent to, where an operator has set one: clamd, by its command `INSTREAM`.
//! A file that the scanner has not called clean is not accepted.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clamav_client::tokio::{Socket, Tcp, TransportProtocol, ping, scan_buffer};
use futures_util::FutureExt as _;
use rebuttal_evidence::{EvidenceError, Judge, Judging};
use rebuttal_protocol::{FileFormat, InvalidFile, StorageUri};
use tokio::time::timeout;

/// How long the scanner may take for a file, from the connection on: less than the checks of a contest in S3 may take.
const SCAN_LIMIT: Duration = Duration::from_secs(5);
/// Bytes of a file that are sent to the scanner in one piece.
const SCAN_CHUNK_BYTES: usize = 64 * 1024;
/// Most characters of a signature's name, or of an answer of the scanner, that a message repeats.
const SCANNER_TEXT_MAX: usize = 100;

/// Where clamd listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScannerAddress {
    /// `clamd://host:port`.
    Tcp(String),
    /// `unix:/path/of/the/socket`.
    Unix(PathBuf),
}

/// An address of no known form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} must be clamd://host:port or unix:/path/of/the/socket")]
pub struct InvalidScannerAddress(String);

impl FromStr for ScannerAddress {
    type Err = InvalidScannerAddress;

    fn from_str(text: &str) -> Result<Self, InvalidScannerAddress> {
        let tcp = text.strip_prefix("clamd://").filter(|address| is_host_and_port(address));
        let unix = text.strip_prefix("unix:").filter(|path| path.starts_with('/'));
        match (tcp, unix) {
            (Some(address), _) => Ok(Self::Tcp(address.to_owned())),
            (None, Some(path)) => Ok(Self::Unix(path.into())),
            (None, None) => Err(InvalidScannerAddress(text.to_owned())),
        }
    }
}

fn is_host_and_port(text: &str) -> bool {
    let is_of_host = |character: char| character.is_ascii_alphanumeric() || ".-_:[]".contains(character);
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && host.chars().all(is_of_host) && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

impl fmt::Display for ScannerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "clamd://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A virus scanner.
pub(crate) struct Scanner {
    address: ScannerAddress,
    limit: Duration,
}

/// What the scanner says of a file.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Clean,
    /// It contains what has this signature.
    Found(String),
}

impl Scanner {
    pub(crate) const fn new(address: ScannerAddress) -> Self {
        Self { address, limit: SCAN_LIMIT }
    }

    /// Whether it answers; why not.
    pub(crate) async fn answers(&self) -> io::Result<()> {
        let answer = match &self.address {
            ScannerAddress::Tcp(address) => self.within_limit(ping(Tcp { host_address: address })).await?,
            ScannerAddress::Unix(path) => self.within_limit(ping(Socket { socket_path: path })).await?,
        };
        if answer == clamav_client::PONG { Ok(()) } else { Err(unknown(&answer)) }
    }

    async fn scan(&self, content: &[u8]) -> io::Result<Verdict> {
        let started = Instant::now();
        let verdict = match &self.address {
            ScannerAddress::Tcp(address) => self.scan_at(Tcp { host_address: address }, content).await,
            ScannerAddress::Unix(path) => self.scan_at(Socket { socket_path: path }, content).await,
        };
        let outcome = match &verdict {
            Ok(Verdict::Clean) => "clean",
            Ok(Verdict::Found(_)) => "found",
            Err(_) => "failed",
        };
        metrics::histogram!("rebuttal_evidence_scan_seconds", "outcome" => outcome).record(started.elapsed());
        verdict
    }

    async fn scan_at(&self, connection: impl TransportProtocol, content: &[u8]) -> io::Result<Verdict> {
        verdict(&self.within_limit(scan_buffer(content, connection, Some(SCAN_CHUNK_BYTES))).await?)
    }

    async fn within_limit(&self, answer: impl Future<Output = io::Result<Vec<u8>>>) -> io::Result<Vec<u8>> {
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {:?}", self.limit));
        timeout(self.limit, answer).await.map_err(late)?
    }
}

/// Anything but the one word for a clean file is not clean, and anything but a signature says nothing about the file.
fn verdict(answer: &[u8]) -> io::Result<Verdict> {
    let text = std::str::from_utf8(answer).ok().and_then(|text| text.strip_suffix('\0'));
    match text.and_then(|text| text.strip_prefix("stream: ")) {
        Some("OK") => Ok(Verdict::Clean),
        Some(found) => match found.strip_suffix(" FOUND") {
            Some(signature) => Ok(Verdict::Found(shown(signature))),
            None => Err(unknown(answer)),
        },
        None => Err(unknown(answer)),
    }
}

fn unknown(answer: &[u8]) -> io::Error {
    io::Error::other(format!("answered {:?}", shown(&String::from_utf8_lossy(answer))))
}

fn shown(text: &str) -> String {
    text.chars().filter(|character| matches!(character, ' '..='~')).take(SCANNER_TEXT_MAX).collect()
}

/// A judge whose valid files are scanned, too.
pub(crate) struct ScanningJudge {
    pub(crate) inspector: Arc<dyn Judge>,
    pub(crate) scanner: Scanner,
}

impl ScanningJudge {
    async fn scanned(
        &self,
        format: FileFormat,
        content: &[u8],
    ) -> Result<Result<(), InvalidFile>, EvidenceError> {
        match self.scanner.scan(content).await {
            Ok(Verdict::Clean) => Ok(Ok(())),
            Ok(Verdict::Found(signature)) => {
                Ok(Err(InvalidFile::Infected { format, signature: signature.into() }))
            }
            Err(error) => {
                let address = &self.scanner.address;
                Err(EvidenceError::Unjudged(format!("the virus scanner at {address}: {error}")))
            }
        }
    }
}

impl Judge for ScanningJudge {
    fn judge<'a>(&'a self, uri: &'a StorageUri, content: &'a [u8]) -> Judging<'a> {
        let judged = async {
            match self.inspector.judge(uri, content).await? {
                Ok(inspection) => Ok(self.scanned(uri.format, content).await?.map(|()| inspection)),
                Err(invalid_file) => Ok(Err(invalid_file)),
            }
        };
        judged.boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A scanner that reads what it is sent, and answers with these bytes, if any; without any, it is silent.
    async fn answering(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut received = Vec::new();
            while !received.ends_with(&[0; 4]) && !received.ends_with(b"PING\0") {
                stream.read_buf(&mut received).await.unwrap();
            }
            if answer.is_empty() {
                std::future::pending::<()>().await;
            }
            stream.write_all(answer).await.unwrap();
        });
        address
    }

    fn scanner(address: impl fmt::Display) -> Scanner {
        let address = format!("clamd://{address}").parse().unwrap();
        Scanner { address, limit: Duration::from_millis(300) }
    }

    #[tokio::test]
    async fn only_the_word_of_a_clean_file_is_clean() {
        let found = |signature: &str| Some(Verdict::Found(signature.to_owned()));
        let cases: [(&'static [u8], Option<Verdict>); 11] = [
            (b"stream: OK\0", Some(Verdict::Clean)),
            (b"stream: Win.Test.EICAR_HDB-1 FOUND\0", found("Win.Test.EICAR_HDB-1")),
            (b"stream: OK FOUND\0", found("OK")),
            ("stream: \u{202e}A\nB FOUND\0".as_bytes(), found("AB")),
            (b"INSTREAM size limit exceeded. ERROR\0", None),
            (b"stream: OK", None),
            (b"stream: OK\0stream: OK\0", None),
            (b"OK\0", None),
            (b"\xff\0", None),
            (b"\0", None),
            (b"", None),
        ];
        for (answer, expected) in cases {
            let verdict = scanner(answering(answer).await).scan(b"a file").await;
            assert_eq!(verdict.ok(), expected, "{:?}", String::from_utf8_lossy(answer));
        }
    }

    #[tokio::test]
    async fn a_scanner_that_is_not_there_answers_nothing() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert!(scanner(closed).scan(b"a file").await.is_err());
        assert!(scanner(closed).answers().await.is_err());
        assert!(scanner(answering(b"").await).answers().await.is_err());
        assert!(scanner(answering(b"stream: OK\0").await).answers().await.is_err());
        assert!(scanner(answering(b"PONG\0").await).answers().await.is_ok());
        let socket = Scanner::new("unix:/nowhere/clamd.sock".parse().unwrap());
        assert!(socket.scan(b"a file").await.is_err());
    }

    #[test]
    fn an_address_is_of_one_of_two_forms() {
        for valid in [
            "clamd://127.0.0.1:3310",
            "clamd://[::1]:3310",
            "clamd://scanner.internal:3310",
            "unix:/run/clamd.sock",
        ] {
            assert_eq!(valid.parse::<ScannerAddress>().unwrap().to_string(), valid);
        }
        for invalid in [
            "",
            "clamd",
            "clamd://",
            "clamd://host",
            "clamd://:3310",
            "clamd://host:0",
            "clamd://host:3310/",
            "tcp://host:1",
            "clamd://user@host:3310",
            "unix:clamd.sock",
            "unix:",
        ] {
            assert!(invalid.parse::<ScannerAddress>().is_err(), "{invalid}");
        }
    }
}
