//! What to do about a folder, a file or a database that a gateway cannot have: told alike by a start and by a doctor.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rebuttal_evidence::Error;
use rebuttal_store::{Location, StoreError};
use rustix::fs::{Access, access};
use rustix::io::Errno;

/// What keeps a directory from being a data directory, one that is to be made included.
pub(crate) fn flaw(folder: &Path) -> Option<String> {
    let shown = folder.display();
    match fs::metadata(folder) {
        Ok(metadata) if !metadata.is_dir() => {
            Some(format!("{shown} is a file, and a folder is needed: name another with data"))
        }
        Ok(_) => access(folder, Access::READ_OK | Access::EXEC_OK).is_err().then(|| {
            format!("this user may not enter {shown}: give it, {ALL_IN_IT}, {TO_THE_USER}, or run this as that user")
        }),
        Err(_) if folder.is_symlink() => {
            let to = fs::read_link(folder).unwrap_or_default();
            Some(format!("{shown} is a link to {}, which is not there: mount or make that", to.display()))
        }
        Err(_) => {
            let above = folder.ancestors().skip(1).find(|above| above.exists())?;
            match above.is_dir() {
                true => unwritable(above).map(|why| format!("{shown} cannot be made: {why}")),
                false => Some(format!(
                    "{shown} cannot be made, for {} is a file: name another with data",
                    above.display()
                )),
            }
        }
    }
}

const ALL_IN_IT: &str = "with all that is in it";
const TO_THE_USER: &str = "to the user that the gateway runs as";

/// What keeps files from being made in a folder: SQLite makes some beside its own at each start.
pub(crate) fn unwritable(folder: &Path) -> Option<String> {
    let shown = folder.display();
    match access(folder, Access::WRITE_OK) {
        Err(Errno::ACCESS | Errno::PERM) => Some(format!(
            "this user may not write to {shown}: give it, {ALL_IN_IT}, {TO_THE_USER}, or run this as that user"
        )),
        Err(Errno::ROFS) => {
            Some(format!("{shown} lies on a file system that is mounted read-only: mount it for writing"))
        }
        _ => None,
    }
}

/// Room below which a disk counts as full: SQLite could not make the files that it has beside a database.
const FULL_BELOW_BYTES: u64 = 1 << 20;

/// How many bytes this user may still write to a folder's disk.
pub(crate) fn room_of(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// That the disk of a folder is full, if it is.
pub(crate) fn full(folder: &Path) -> Option<String> {
    let left = room_of(folder).filter(|left| *left < FULL_BELOW_BYTES)?;
    Some(format!(
        "the disk of {} is full, with {} kB left: make room on it, and start again. What was answered is there; delete \
         nothing of the data directory, and no -wal file",
        folder.display(),
        left / 1000
    ))
}

/// Why a database cannot be had, and what to do.
pub(crate) fn of_database(location: &Location, error: &StoreError) -> String {
    let fails = matches!(
        error,
        StoreError::Database(_) | StoreError::Io(_) | StoreError::Migration(_) | StoreError::Commit(_)
    );
    if let Location::Sqlite(file) = location
        && let Some(full) = folder_of(file).filter(|_| fails).and_then(full)
    {
        return format!("{error}: {full}");
    }
    let advice = match (error, location) {
        (StoreError::Unreadable(_), Location::Sqlite(_)) => {
            "The file is damaged, or none of a gateway's: keep it as it is, and restore the database from a backup, with \
             no -wal and -shm of the damaged one beside it, as docs/operate/backup-and-restore.md tells"
        }
        (StoreError::Io(_), Location::Sqlite(_)) => {
            "It must be a file of the user that the gateway runs as, in a folder that this user may write to"
        }
        (StoreError::Database(_), Location::Sqlite(_)) => {
            "See that its folder may be written to, that no other program has the file, and that the disk is sound. If \
             all of that is so, the file is damaged: keep it as it is, and restore the database from a backup, as \
             docs/operate/backup-and-restore.md tells"
        }
        (StoreError::Database(_) | StoreError::Io(_), Location::Postgres(_)) => {
            "See that the server runs and can be reached, and that it knows the database and the role of database_url"
        }
        // These tell themselves what to do.
        _ => return error.to_string(),
    };
    format!("{error}. {advice}")
}

/// The folder of a file, this process's own included.
fn folder_of(file: &Path) -> Option<&Path> {
    let folder = file.parent()?;
    Some(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

/// Why an evidence folder cannot be had, and what to do.
pub(crate) fn of_evidence(folder: &Path, error: &Error) -> String {
    let shown = folder.display();
    let Error::Folder { source, .. } = error else { return error.to_string() };
    match source.kind() {
        ErrorKind::PermissionDenied => {
            format!("{error}: give {shown}, {ALL_IN_IT}, {TO_THE_USER}, or run this as that user")
        }
        ErrorKind::NotADirectory => format!("{error}: {shown} is a file, and a folder is needed"),
        ErrorKind::ReadOnlyFilesystem => format!("{error}: mount the file system of {shown} for writing"),
        ErrorKind::StorageFull => format!("{error}: make room on the disk of {shown}"),
        _ => error.to_string(),
    }
}
