//! One process of the gateway: spawned, its output read, waited for.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::clock::LIMIT;

const LISTENING: &str = "listening on http";

/// A part of a command: an argument, or an environment variable.
pub(super) enum LaunchArg {
    Flag(OsString),
    Env(String, OsString),
}

/// A running child and its output.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

impl Process {
    /// Spawns and waits for the line that reports readiness; without it, returns all output. `REBUTTAL_…` variables are
    /// not inherited, so that no developer's setting affects a test.
    pub(super) fn start(launch_args: &[LaunchArg]) -> Result<(Self, SocketAddr), String> {
        let mut line = launch_args.iter().filter_map(|word| match word {
            LaunchArg::Flag(argument) => Some(argument),
            LaunchArg::Env(..) => None,
        });
        let mut command = Command::new(line.next().expect("a program"));
        command.args(line).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("REBUTTAL_") {
                command.env_remove(name);
            }
        }
        for word in launch_args {
            if let LaunchArg::Env(name, value) = word {
                command.env(name, value);
            }
        }
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (line_sender, lines) = channel();
        let send = move |line: &str| drop(line_sender.send(line.to_owned()));
        let stdout = drain(child.stdout.take().expect("piped"), send);
        let stderr = drain(child.stderr.take().expect("piped"), |_| {});
        let mut process = Self { child, stdout, stderr };
        let address = process.listening(&lines)?;
        Ok((process, address))
    }

    fn listening(&mut self, lines: &Receiver<String>) -> Result<SocketAddr, String> {
        let start = Instant::now();
        loop {
            let left = LIMIT.saturating_sub(start.elapsed());
            let Ok(line) = lines.recv_timeout(left) else {
                self.end();
                return Err(format!("{}{}", self.stdout(), self.stderr()));
            };
            if let Some((_, url)) = line.split_once(LISTENING) {
                let address =
                    url.trim_start_matches('s').trim_start_matches("://").trim_end_matches('/').trim();
                return Ok(address.parse().unwrap_or_else(|_| panic!("no address in: {line}")));
            }
        }
    }

    pub(super) fn stdout(&self) -> String {
        text(&self.stdout)
    }

    pub(super) fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// SIGKILL; returns when the process is gone.
    pub(super) fn end(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads all output of the child, so that it never blocks on a full pipe.
fn drain(from: impl Read + Send + 'static, each: impl Fn(&str) + Send + 'static) -> Arc<Mutex<String>> {
    let kept = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&kept);
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            let mut text = into.lock().expect("no panic while holding it");
            text.push_str(&line);
            text.push('\n');
            drop(text);
            each(&line);
        }
    });
    kept
}

fn text(kept: &Mutex<String>) -> String {
    kept.lock().expect("no panic while holding it").clone()
}
