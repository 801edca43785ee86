//! The mark by which a gateway knows its own evidence folder. A folder that was not mounted, was replaced, or belongs to
//! another gateway does not have it, and what is missing there is not taken for absent.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::durable::{make_folders, sync_folder};
use super::{FILE_MODE, found};

/// The file in the folder that holds the mark.
pub const MARK_FILE: &str = "gateway.mark";

/// Makes the folder this gateway's where it is new, and finds out whether it is otherwise.
///
/// An empty mark is an operator's word that this is the folder, whatever was in it before.
pub(super) fn claim(root: &Path, mark: &str, holds_files: bool) -> io::Result<()> {
    match read(root)? {
        Some(found) if found == mark => Ok(()),
        Some(found) if found.is_empty() => write(root, mark),
        Some(_) => Err(io::Error::other(format!(
            "{} is another gateway's; start with the folder that belongs to this database and master key",
            root.display()
        ))),
        None if holds_files => Err(io::Error::other(format!(
            "{0} is missing, and yet files have been uploaded. Mount or restore the folder that they lie in; if they are \
             lost for good, make an empty file {0} and start again",
            root.join(MARK_FILE).display()
        ))),
        None => {
            make_folders(Path::new(""), root)?;
            write(root, mark)
        }
    }
}

/// Fails where the folder does not bear the mark.
pub(super) fn check(root: &Path, mark: &str) -> io::Result<()> {
    let away = match read(root) {
        Ok(Some(found)) if found == mark => return Ok(()),
        Ok(_) => io::Error::other("the folder there does not bear this gateway's mark"),
        Err(error) => error,
    };
    let what = format!("the evidence store is not in its place ({}): {away}", root.display());
    Err(io::Error::new(away.kind(), what))
}

fn read(root: &Path) -> io::Result<Option<String>> {
    found(fs::read_to_string(root.join(MARK_FILE))).map(|text| text.map(|text| text.trim_end().to_owned()))
}

/// Written beside its place and moved there, so that no crash leaves half of it.
fn write(root: &Path, mark: &str) -> io::Result<()> {
    let draft = root.join(format!("{MARK_FILE}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&draft)?;
    file.write_all(format!("{mark}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, root.join(MARK_FILE))?;
    sync_folder(root)
}
