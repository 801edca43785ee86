//! A pseudo-terminal for a command, made by `script` of util-linux.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use rebuttal_testbed::clock::{LIMIT, wait_for};

/// A command that runs on a new terminal.
pub(crate) struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    heard: Receiver<Vec<u8>>,
    said: String,
}

impl Terminal {
    /// Runs the command on a terminal of so many columns.
    pub(crate) fn run(command: &Command, columns: u16) -> Self {
        let words: Vec<_> = [command.get_program()].into_iter().chain(command.get_args()).collect();
        let words: Vec<_> =
            words.iter().map(|word| format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''"))).collect();
        let line = format!("stty cols {columns} rows 50; exec {}", words.join(" "));
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            script.current_dir(folder);
        }
        script.env("TERM", "xterm-256color").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = script.spawn().unwrap();
        let (keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, heard) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard, heard, said: String::new() }
    }

    /// Waits until the command has printed this.
    pub(crate) fn wait_for(&mut self, words: &str) {
        while !self.said.contains(words) {
            let bytes = self.heard.recv_timeout(LIMIT);
            let bytes = bytes.unwrap_or_else(|_| panic!("{words:?} is not said: {}", self.said));
            self.said.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    pub(crate) fn type_in(&mut self, words: &str) {
        self.keyboard.write_all(words.as_bytes()).unwrap();
    }

    /// Waits until the terminal does not echo: earlier input would be discarded.
    pub(crate) fn wait_until_hidden(&self) {
        let id = self.child.id();
        wait_for("the terminal to hide what is typed", || {
            let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
            let input = format!("/proc/{}/fd/0", children.split_whitespace().next()?);
            let settings = Command::new("stty").args(["-a", "-F", &input]).output().ok()?;
            String::from_utf8_lossy(&settings.stdout).contains(" -echo ").then_some(())
        });
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&mut self) {
        self.type_in("\u{3}");
    }

    /// The exit status and the output, as plain text with the terminal's line ends.
    pub(crate) fn end(mut self) -> (i32, String) {
        loop {
            match self.heard.recv_timeout(LIMIT) {
                Ok(bytes) => self.said.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {}", self.said),
            }
        }
        let code = self.child.wait().unwrap().code().unwrap();
        (code, console::strip_ansi_codes(&self.said).replace("\r\n", "\n"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
