//! The worker: a process that opens one file after the other for a gateway or a command, confined so that a file that
//! takes it over gains nothing.
//!
//! It reads [requests](WorkerRequest) from its standard input and writes [replies](WorkerReply) to its standard output;
//! [`frame`] has the bytes. The process that started it ends it
//! by closing its input, or by killing it when it takes too long.

mod confinement;
pub mod frame;

use std::io::{BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use rebuttal_protocol::{FileFormat, InvalidFile};

pub use confinement::{Confinement, MEMORY_MAX_BYTES, PROCESSOR_SECONDS_MAX, confine};
use frame::{Task, WorkerReply, WorkerRequest};

/// The argument that makes a program a worker: it has to call [`run`] before anything else.
pub const ARGUMENT: &str = "evidence-worker";

/// Serves standard input until it ends. What it may do is limited before the first byte is read.
pub fn run() -> ExitCode {
    let confinement = confine();
    // A panic of a reader is an answer; its message would go to the gateway's log.
    std::panic::set_hook(Box::new(|_| {}));
    match serve(&confinement, BufReader::new(std::io::stdin().lock()), std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(confinement: &Confinement, mut input: impl Read, mut output: impl Write) -> std::io::Result<()> {
    frame::write(&mut output, confinement, &[])?;
    while let Some((request, content)) = frame::read::<WorkerRequest>(&mut input)? {
        confinement::allow_processor_time();
        let (reply, picture) = answer(&request, &content);
        frame::write(&mut output, &reply, &picture)?;
    }
    Ok(())
}

fn answer(request: &WorkerRequest, content: &[u8]) -> (WorkerReply, Vec<u8>) {
    let WorkerRequest { task, format } = *request;
    // A reader holds nothing that outlives its file.
    match task {
        Task::Inspect => {
            let inspected = catch_unwind(AssertUnwindSafe(|| crate::inspect(content, format)));
            (WorkerReply::Inspected(inspected.unwrap_or_else(|_| Err(unreadable(format)))), Vec::new())
        }
        Task::Preview { page, width } => {
            let drawn = catch_unwind(AssertUnwindSafe(|| crate::preview(content, format, page, width)));
            match drawn.unwrap_or_else(|_| Err(unreadable(format))) {
                Ok(picture) => (WorkerReply::Previewed(Ok(())), picture),
                Err(invalid_file) => (WorkerReply::Previewed(Err(invalid_file)), Vec::new()),
            }
        }
    }
}

const fn unreadable(format: FileFormat) -> InvalidFile {
    InvalidFile::damaged(format, "no reader can open it")
}
