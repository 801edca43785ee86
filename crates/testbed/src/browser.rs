//! A page in headless Chromium, from an origin of its own. It reports its result by posting it to `/result`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};

use serde_json::Value;

use crate::clock::LIMIT;

/// A file of the page: path, media type, content.
pub type PageFile<'a> = (&'a str, &'a str, &'a [u8]);

/// A running browser, which ends when this is dropped.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Opens the page `/` of these files in a new browser, and returns what it posts.
#[must_use]
pub fn result_of(files: &[PageFile<'_>]) -> Value {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let files: Vec<_> = files
        .iter()
        .map(|(path, kind, content)| (path.to_string(), kind.to_string(), content.to_vec()))
        .collect();
    let (sender, results) = mpsc::channel();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (files, sender) = (files.clone(), sender.clone());
            std::thread::spawn(move || serve(client, &files, &sender));
        }
    });
    let profile = tempfile::tempdir().expect("a temporary folder");
    let chromium = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(&url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _browser = Browser(chromium.expect("Chromium starts"));
    let result = results.recv_timeout(LIMIT).expect("the page reports its result");
    serde_json::from_slice(&result).unwrap_or_else(|error| panic!("{error}: {result:?}"))
}

/// Answers one request and closes.
fn serve(client: TcpStream, files: &[(String, String, Vec<u8>)], sender: &Sender<Vec<u8>>) {
    let mut reader = BufReader::new(&client);
    let lines: Vec<_> =
        reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let path = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let length = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().ok())?
    });
    let mut body = Vec::new();
    drop(reader.take(length.unwrap_or(0)).read_to_end(&mut body));
    if path == "/result" {
        drop(sender.send(body));
    }
    let file = files.iter().find(|(known, ..)| known == path);
    let (status, kind, content) = file
        .map_or(("404 Not Found", "text/plain", &[][..]), |(_, kind, content)| {
            ("200 OK", kind.as_str(), content.as_slice())
        });
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        content.len()
    );
    drop((&client).write_all(&[head.as_bytes(), content].concat()));
}
