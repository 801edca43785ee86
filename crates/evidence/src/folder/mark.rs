//! The gateway's mark in a folder: read, checked before anything is believed absent, and written so that no crash
//! leaves half of it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::durable::{make_folders, sync_folder};
use super::{FILE_MODE, found};
use crate::mark::{MARK_FILE, Whose};

/// Random bytes that tell a folder from the gateway's others: each machine may have one under the same path.
const ID_BYTES: usize = 8;
/// What every folder's place begins with.
pub(super) const FOLDER: &str = "folder";

/// A folder that is this gateway's.
pub(super) struct Claimed {
    /// The gateway's mark with what tells the folder from others behind it.
    pub(super) mark: String,
    /// Whether an operator said so, by an empty mark, rather than an earlier start.
    pub(super) by_word: bool,
}

/// Makes the folder this gateway's where it is nobody's, and refuses it where it is not this gateway's.
pub(super) fn claim(root: &Path, mark: &str, holds_files: bool) -> io::Result<Claimed> {
    let found = read(root)?;
    match Whose::by(found.as_deref(), mark, holds_files) {
        Whose::Ours => Ok(Claimed { mark: text(found), by_word: false }),
        Whose::Anothers => Err(io::Error::other(format!(
            "{} is another gateway's; start with the folder that belongs to this database and master key",
            root.display()
        ))),
        Whose::Lost => Err(io::Error::other(format!(
            "{0} is missing, and yet files have been uploaded. Mount or restore the folder that they lie in; if they are \
             lost for good, make an empty file {0} and start again",
            root.join(MARK_FILE).display()
        ))),
        Whose::Nobodys => {
            let mut id = [0; ID_BYTES];
            getrandom::fill(&mut id).map_err(io::Error::other)?;
            let mark = format!("{mark}-{}", hex::encode(id));
            make_folders(Path::new(""), root)?;
            write(root, &mark)?;
            Ok(Claimed { mark, by_word: found.is_some() })
        }
    }
}

/// Reads the mark, and fails where the folder does not bear this one.
pub(super) fn check(root: &Path, mark: &str) -> io::Result<String> {
    let away = match read(root) {
        Ok(found) if Whose::by(found.as_deref(), mark, true) == Whose::Ours => return Ok(text(found)),
        Ok(_) => io::Error::other("the folder there does not bear this gateway's mark"),
        Err(error) => error,
    };
    let what = format!("the evidence store is not in its place ({}): {away}", root.display());
    Err(io::Error::new(away.kind(), what))
}

/// What tells the folder with this mark from every other place.
pub(super) fn place(mark: &str) -> String {
    let id = mark.split_once('-').map(|(_, id)| id).unwrap_or_default();
    format!("{FOLDER} {id}").trim_end().to_owned()
}

/// Whether the folder bears no mark at all.
pub(super) fn is_missing(root: &Path) -> io::Result<bool> {
    read(root).map(|found| found.is_none())
}

/// Whether the folder has an empty mark: an operator's word, which the next start takes.
pub(super) fn is_word(root: &Path) -> io::Result<bool> {
    read(root).map(|found| found.is_some_and(|mark| mark.trim_ascii().is_empty()))
}

/// A mark that was found to be ours, and so is of plain letters.
fn text(found: Option<Vec<u8>>) -> String {
    String::from_utf8_lossy(found.unwrap_or_default().trim_ascii()).into_owned()
}

fn read(root: &Path) -> io::Result<Option<Vec<u8>>> {
    found(fs::read(root.join(MARK_FILE)))
}

/// Written beside its place and moved there.
fn write(root: &Path, mark: &str) -> io::Result<()> {
    let draft = root.join(format!("{MARK_FILE}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&draft)?;
    file.write_all(format!("{mark}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, root.join(MARK_FILE))?;
    sync_folder(root)
}
