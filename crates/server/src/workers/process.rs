//! One worker: its process, and the pipes to it.

use std::io;
use std::path::Path;
use std::process::Stdio;

use rebuttal_documents::worker::frame::{self, LENGTHS_BYTES, WorkerReply, WorkerRequest};
use rebuttal_documents::worker::{ARGUMENT, Confinement};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Bytes of the pipe to a worker: a whole file of ordinary size, so that it is written without waiting.
const PIPE_BYTES: usize = 1024 * 1024;
/// The one variable that a worker gets: its allocator reserves address space in pieces of this many KiB, of the little
/// that it may have.
const ENVIRONMENT: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "16384");

/// The program's name in lists of processes; it is started by another path.
const NAME: &str = "rebuttal";

/// A process that is killed when this is dropped.
pub(super) struct WorkerProcess {
    _child: Child,
    input: ChildStdin,
    output: ChildStdout,
    files: u32,
}

impl WorkerProcess {
    /// Starts a worker, and returns what confines it.
    pub(super) async fn start(program: &Path) -> io::Result<(Self, Confinement)> {
        let mut command = Command::new(program);
        command.arg0(NAME).arg(ARGUMENT).env_clear().envs([ENVIRONMENT]).current_dir("/").kill_on_drop(true);
        // Ctrl-C is for the gateway, which finishes what is in progress.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let no_pipe = || io::Error::other("it has no pipe");
        let input = child.stdin.take().ok_or_else(no_pipe)?;
        let output = child.stdout.take().ok_or_else(no_pipe)?;
        #[cfg(target_os = "linux")]
        // Only makes it slower.
        let _ = rustix::pipe::fcntl_setpipe_size(&input, PIPE_BYTES);
        let mut worker = Self { _child: child, input, output, files: 0 };
        let (confinement, _) = worker.read().await?;
        Ok((worker, confinement))
    }

    /// How many files it was asked about.
    pub(super) const fn files(&self) -> u32 {
        self.files
    }

    /// Asks for one file. After an error, or where the future is dropped, the worker cannot be asked again.
    pub(super) async fn ask(
        &mut self,
        request: &WorkerRequest,
        content: &[u8],
    ) -> io::Result<(WorkerReply, Vec<u8>)> {
        self.files += 1;
        let head = frame::head(request)?;
        let mut start = frame::lengths(head.len(), content.len())?.to_vec();
        start.extend(head);
        self.input.write_all(&start).await?;
        self.input.write_all(content).await?;
        self.read().await
    }

    async fn read<T: DeserializeOwned>(&mut self) -> io::Result<(T, Vec<u8>)> {
        let mut lengths = [0; LENGTHS_BYTES];
        self.output.read_exact(&mut lengths).await?;
        let (head, body) = frame::parse_lengths(lengths)?;
        let mut message = vec![0; head];
        self.output.read_exact(&mut message).await?;
        let mut content = vec![0; body];
        self.output.read_exact(&mut content).await?;
        Ok((frame::parse_head(&message)?, content))
    }
}
