//! The messages between a worker and the process that started it: a head in JSON, then bytes.
//!
//! A frame is the length of the head and that of the bytes, 32 bits each, the lowest byte first, then both.

use std::io::{self, ErrorKind, Read, Write};

use rebuttal_protocol::{FileFormat, FileInspection, InvalidFile};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Bytes of a frame's two lengths.
pub const LENGTHS_BYTES: usize = 8;
/// Most bytes of a head.
pub const HEAD_MAX_BYTES: usize = 64 * 1024;
/// Most bytes after a head: larger than any evidence file, and than the picture of any page.
pub const BODY_MAX_BYTES: usize = 32 * 1024 * 1024;

/// What a worker is asked for; the file follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerRequest {
    /// What to do with it.
    pub task: Task,
    /// The format of its name.
    pub format: FileFormat,
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// [`inspect`](crate::inspect).
    Inspect,
    /// [`preview`](crate::preview).
    Preview {
        /// The number of the page, from 0.
        page: usize,
        /// The width wished for, in pixels.
        width: u16,
    },
}

/// A worker's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkerReply {
    /// To [`Task::Inspect`].
    Inspected(Result<FileInspection, InvalidFile>),
    /// To [`Task::Preview`]; the picture follows.
    Previewed(Result<(), InvalidFile>),
}

/// The first bytes of a frame.
///
/// # Errors
/// A head or bytes beyond the limits.
pub fn lengths(head: usize, body: usize) -> io::Result<[u8; LENGTHS_BYTES]> {
    let is_within = head <= HEAD_MAX_BYTES && body <= BODY_MAX_BYTES;
    let [head, body] = [head, body].map(|length| u32::try_from(length).unwrap_or_default());
    let both = u64::from(head) | u64::from(body) << 32;
    is_within.then_some(both.to_le_bytes()).ok_or_else(|| invalid("too long"))
}

/// The lengths of head and bytes.
///
/// # Errors
/// Lengths beyond the limits.
pub fn parse_lengths(lengths: [u8; LENGTHS_BYTES]) -> io::Result<(usize, usize)> {
    let both = u64::from_le_bytes(lengths);
    let (head, body) = ((both & u64::from(u32::MAX)) as usize, (both >> 32) as usize);
    let is_within = head <= HEAD_MAX_BYTES && body <= BODY_MAX_BYTES;
    is_within.then_some((head, body)).ok_or_else(|| invalid("too long"))
}

/// A head as JSON.
///
/// # Errors
/// None for the types here.
pub fn head<T: Serialize>(head: &T) -> io::Result<Vec<u8>> {
    serde_json::to_vec(head).map_err(io::Error::from)
}

/// What a head says.
///
/// # Errors
/// A head that is not of this type.
pub fn parse_head<T: DeserializeOwned>(head: &[u8]) -> io::Result<T> {
    serde_json::from_slice(head).map_err(io::Error::from)
}

/// Writes a frame.
pub(super) fn write<T: Serialize>(output: &mut impl Write, message: &T, body: &[u8]) -> io::Result<()> {
    let head = head(message)?;
    output.write_all(&lengths(head.len(), body.len())?)?;
    output.write_all(&head)?;
    output.write_all(body)?;
    output.flush()
}

/// Reads a frame; `None` at the end of the input.
pub(super) fn read<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<Option<(T, Vec<u8>)>> {
    let mut lengths = [0; LENGTHS_BYTES];
    match input.read_exact(&mut lengths) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        outcome => outcome?,
    }
    let (head, body) = parse_lengths(lengths)?;
    let mut message = vec![0; head];
    input.read_exact(&mut message)?;
    let mut content = vec![0; body];
    input.read_exact(&mut content)?;
    Ok(Some((parse_head(&message)?, content)))
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
