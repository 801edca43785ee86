//! Folders that survive a loss of power: created one by one, each synced in its parent.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::OFlags;

const FOLDER_MODE: u32 = 0o700;

/// Creates every folder from `base`, which exists, down to `base/relative`, and syncs each one's parent.
///
/// The parents are synced even if a folder existed: a killed process may have created it and not synced its parent.
/// A parent above the data directory may belong to another user and be unreadable, which is no error.
pub(super) fn make_folders(base: &Path, relative: &Path) -> io::Result<()> {
    let mut folder = base.to_owned();
    for component in relative.components() {
        let parent = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.clone() };
        folder.push(component);
        if !matches!(component, Component::Normal(_)) {
            continue;
        }
        let made = DirBuilder::new().mode(FOLDER_MODE).create(&folder);
        let was_there = matches!(&made, Err(error) if error.kind() == io::ErrorKind::AlreadyExists);
        if !(was_there && fs::metadata(&folder)?.is_dir()) {
            made?;
        }
        match sync_folder(&parent) {
            Err(error) if was_there && error.kind() == io::ErrorKind::PermissionDenied => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

/// Opens a file to read it. Anything else in its place, such as a named pipe, is refused; opening that would block.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other(format!("{} is not a file", path.display()))),
    }
}

/// Syncs a folder, which makes the names in it durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
