//! Processes that open evidence files for the gateway and for commands: no file can slow, crash or take over the
//! process that asks. What confines them is in [`rebuttal_documents::worker`].
//!
//! A worker serves one file after the other. It is killed when a file takes too long, and replaced after some files.

mod process;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use rebuttal_documents::worker::Confinement;
use rebuttal_documents::worker::frame::{Task, WorkerReply, WorkerRequest};
use rebuttal_evidence::{EvidenceError, Judge, Judging};
use rebuttal_protocol::{FileFormat, FileInspection, InvalidFile, StorageUri};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use process::WorkerProcess;

/// How long a worker may take for a file, from its start: far longer than the processor time that it has.
const FILE_LIMIT: Duration = Duration::from_secs(5);
/// Files that a worker opens before it is replaced: what a reader leaks stays bounded.
const FILES_MAX: u32 = 200;
/// Workers that a file may end before it is refused. The first may have died of something else.
const ATTEMPTS_MAX: u32 = 2;
/// Fewest workers, so that one merchant's slow files leave one for others.
const WORKERS_MIN: usize = 2;

/// The workers of this process.
pub struct Workers {
    /// The program that makes itself a worker.
    program: PathBuf,
    idle: Mutex<Vec<WorkerProcess>>,
    slots: Semaphore,
    file_limit: Duration,
    was_confinement_reported: AtomicBool,
}

/// Why a worker gave no answer.
enum Failure {
    /// No worker could be started.
    NotStarted(io::Error),
    /// It ended, took too long, or wrote something that is no answer.
    Lost(io::Error),
}

impl Workers {
    /// Workers of a program that calls [`rebuttal_documents::worker::run`] for its argument, as many as there are
    /// processors. One is started when there is a file and none waits.
    pub fn of(program: &Path) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self {
            program: program.to_owned(),
            idle: Mutex::default(),
            slots: Semaphore::new(processors.max(WORKERS_MIN)),
            file_limit: FILE_LIMIT,
            was_confinement_reported: AtomicBool::new(false),
        }
    }

    /// Workers of the running program, also after its file was replaced by another version.
    ///
    /// # Errors
    /// Where the system does not say which program this is.
    pub fn of_this_program() -> io::Result<Self> {
        let running = Path::new("/proc/self/exe");
        Ok(Self::of(&if running.exists() { running.to_owned() } else { std::env::current_exe()? }))
    }

    /// Starts a worker, which then waits for a file, and returns what confines it.
    ///
    /// # Errors
    /// Where none can be started.
    pub(crate) async fn start_one(&self) -> io::Result<Confinement> {
        let (worker, confinement) = timeout(self.file_limit, self.start()).await??;
        self.idle.lock().push(worker);
        Ok(confinement)
    }

    async fn start(&self) -> io::Result<(WorkerProcess, Confinement)> {
        let (worker, confinement) = WorkerProcess::start(&self.program).await?;
        self.report(confinement);
        Ok((worker, confinement))
    }

    /// What a file is, or why it is not accepted as evidence.
    ///
    /// # Errors
    /// Where no worker could be started.
    pub async fn inspect(
        &self,
        format: FileFormat,
        content: &[u8],
    ) -> io::Result<Result<FileInspection, InvalidFile>> {
        match self.run(Task::Inspect, format, content).await? {
            Ok((WorkerReply::Inspected(inspected), _)) => Ok(inspected),
            Ok((WorkerReply::Previewed(_), _)) => Ok(Err(too_costly(format))),
            Err(invalid_file) => Ok(Err(invalid_file)),
        }
    }

    /// Runs a task on a worker, and on a new one if that fails. A file that ends both is refused.
    async fn run(
        &self,
        task: Task,
        format: FileFormat,
        content: &[u8],
    ) -> io::Result<Result<(WorkerReply, Vec<u8>), InvalidFile>> {
        let _slot = self.slots.acquire().await.map_err(io::Error::other)?;
        for attempt in 1..=ATTEMPTS_MAX {
            let idle = if attempt == 1 { self.idle.lock().pop() } else { None };
            match timeout(self.file_limit, self.attempt(idle, WorkerRequest { task, format }, content)).await
            {
                Ok(Ok(answer)) => return Ok(Ok(answer)),
                Ok(Err(Failure::NotStarted(error))) => return Err(error),
                Ok(Err(Failure::Lost(error))) => {
                    tracing::warn!(%error, attempt, ?format, "worker ended while it opened an evidence file");
                }
                Err(_) => {
                    let limit = self.file_limit;
                    tracing::warn!(attempt, ?format, ?limit, "worker took too long for an evidence file");
                }
            }
            metrics::counter!("rebuttal_evidence_workers_lost_total").increment(1);
        }
        Ok(Err(too_costly(format)))
    }

    /// A worker that gives no answer is dropped, which kills it.
    async fn attempt(
        &self,
        idle: Option<WorkerProcess>,
        request: WorkerRequest,
        content: &[u8],
    ) -> Result<(WorkerReply, Vec<u8>), Failure> {
        let mut worker = match idle {
            Some(worker) => worker,
            None => self.start().await.map_err(Failure::NotStarted)?.0,
        };
        let answer = worker.ask(&request, content).await.map_err(Failure::Lost)?;
        if worker.files() < FILES_MAX {
            self.idle.lock().push(worker);
        }
        Ok(answer)
    }

    /// Reports once what does not confine the workers.
    fn report(&self, confinement: Confinement) {
        let Some(missing) = confinement.missing() else { return };
        if !self.was_confinement_reported.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "processes that open evidence files are not confined by {missing}, which this system does not have; \
                 a file that takes one over can do what the gateway's user can"
            );
        }
    }
}

fn too_costly(format: FileFormat) -> InvalidFile {
    InvalidFile::too_much(
        format,
        "something in it that takes more time or memory to open than any evidence should",
    )
}

impl Judge for Workers {
    fn judge<'a>(&'a self, uri: &'a StorageUri, content: &'a [u8]) -> Judging<'a> {
        let inspected = async {
            self.inspect(uri.format, content).await.map_err(|error| {
                EvidenceError::Unjudged(format!("no process could be started to open it: {error}"))
            })
        };
        inspected.boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use futures_util::future::join_all;

    use super::*;

    /// What a worker says when it starts.
    const GREETING: &str =
        r#"\056\000\000\000\000\000\000\000{"limits":true,"landlock":true,"seccomp":true}"#;

    /// A program that is no worker, whatever it says.
    fn script(commands: &str) -> (tempfile::TempDir, Workers) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("worker");
        let greeting = format!("echo started >> {}/starts\nprintf '{GREETING}'", folder.path().display());
        fs::write(&program, format!("#!/bin/sh\n{greeting}\n{commands}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        let workers = Workers { file_limit: Duration::from_millis(500), ..Workers::of(&program) };
        (folder, workers)
    }

    #[tokio::test]
    async fn a_file_is_refused_only_after_two_workers_failed_on_it() {
        let failing = [
            "exit 1",
            "kill -9 $$",
            "sleep 1000",
            // Never reads: a file larger than the pipe waits.
            "exec sleep 1000",
            "head -c 10 > /dev/null; printf nonsense; sleep 1000",
            r"head -c 10 > /dev/null; printf '\377\377\377\377\377\377\377\377'; sleep 1000",
            r"head -c 10 > /dev/null; printf '\002\000\000\000\000\000\000\000{}'; sleep 1000",
        ];
        let refuse = async |commands: &&str| {
            let (folder, workers) = script(commands);
            let content = vec![b'%'; 3 * 1024 * 1024];
            let refused = workers.inspect(FileFormat::Pdf, &content).await.unwrap();
            assert!(matches!(refused, Err(InvalidFile::TooMuch { .. })), "{commands}: {refused:?}");
            let starts = fs::read_to_string(folder.path().join("starts")).unwrap();
            assert_eq!(starts.lines().count(), 2, "{commands}");
        };
        join_all(failing.iter().map(refuse)).await;
    }

    #[tokio::test]
    async fn a_program_that_cannot_be_started_refuses_no_file() {
        let missing = Workers::of(Path::new("/nowhere"));
        assert!(missing.inspect(FileFormat::Pdf, b"%PDF").await.is_err());
        let no_worker = Workers::of(Path::new("/bin/false"));
        assert!(no_worker.inspect(FileFormat::Pdf, b"%PDF").await.is_err());
    }
}
