//! Folders that survive a loss of power: created one by one, each synced in its parent.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};

const FOLDER_MODE: u32 = 0o700;

/// Makes every folder on the way from `base`, which exists, to `base/relative`, and syncs each one's parent.
///
/// The parents are synced even where a folder was there already: a process that was killed may have made it and not
/// have come to the sync. One above the data directory may belong to somebody who lets nobody read it.
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

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
