//! The ownership marker of a folder: checked before a missing file counts as absent, and written atomically.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::durable::{make_folders, sync_folder};
use super::{FILE_MODE, found};
use crate::ownership::{MARKER_FILE, Ownership};

/// Random bytes that identify a folder among the gateway's: each machine may have one under the same path.
const ID_BYTES: usize = 8;
/// The first word of every folder's identity.
pub(super) const FOLDER: &str = "folder";

/// A folder that is this gateway's.
pub(super) struct Claimed {
    /// The gateway's marker, a hyphen and the folder's id.
    pub(super) marker: String,
    /// Whether an operator claimed it, by an empty marker.
    pub(super) claimed_by_operator: bool,
}

/// Claims the folder where it has no owner, and refuses it where it has another.
pub(super) fn claim(root: &Path, marker: &str, holds_files: bool) -> io::Result<Claimed> {
    let found = read(root)?;
    match Ownership::by(found.as_deref(), marker, holds_files) {
        Ownership::Ours => Ok(Claimed { marker: text(found), claimed_by_operator: false }),
        Ownership::Foreign => Err(io::Error::other(format!(
            "{} is another gateway's; start with the folder that belongs to this database and master key",
            root.display()
        ))),
        Ownership::MarkerMissing => Err(io::Error::other(format!(
            "{0} is missing, although files have been uploaded. Mount or restore the folder that has them; if they are \
             lost, create an empty file {0} and start again",
            root.join(MARKER_FILE).display()
        ))),
        Ownership::Unclaimed => {
            let mut id = [0; ID_BYTES];
            getrandom::fill(&mut id).map_err(io::Error::other)?;
            let marker = format!("{marker}-{}", hex::encode(id));
            make_folders(Path::new(""), root)?;
            write(root, &marker)?;
            Ok(Claimed { marker, claimed_by_operator: found.is_some() })
        }
    }
}

/// Reads the marker, and fails where it is another one.
pub(super) fn check(root: &Path, marker: &str) -> io::Result<String> {
    let cause = match read(root) {
        Ok(found) if Ownership::by(found.as_deref(), marker, true) == Ownership::Ours => {
            return Ok(text(found));
        }
        Ok(_) => io::Error::other("the folder does not have this gateway's ownership marker"),
        Err(error) => error,
    };
    let what = format!("{} is not this gateway's evidence folder: {cause}", root.display());
    Err(io::Error::new(cause.kind(), what))
}

/// The identity of the folder with this marker.
pub(super) fn identity(marker: &str) -> String {
    let id = marker.split_once('-').map(|(_, id)| id).unwrap_or_default();
    format!("{FOLDER} {id}").trim_end().to_owned()
}

/// Whether the folder has no marker.
pub(super) fn is_missing(root: &Path) -> io::Result<bool> {
    read(root).map(|found| found.is_none())
}

/// Whether the folder has an empty marker, by which an operator claims it.
pub(super) fn has_empty_marker(root: &Path) -> io::Result<bool> {
    read(root).map(|found| found.is_some_and(|marker| marker.trim_ascii().is_empty()))
}

/// A marker that was compared with ours, and so is ASCII.
fn text(found: Option<Vec<u8>>) -> String {
    String::from_utf8_lossy(found.unwrap_or_default().trim_ascii()).into_owned()
}

fn read(root: &Path) -> io::Result<Option<Vec<u8>>> {
    found(fs::read(root.join(MARKER_FILE)))
}

/// Writes a draft and renames it.
fn write(root: &Path, marker: &str) -> io::Result<()> {
    let draft = root.join(format!("{MARKER_FILE}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&draft)?;
    file.write_all(format!("{marker}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, root.join(MARKER_FILE))?;
    sync_folder(root)
}
