//! Advice on folders, files and databases that cannot be used, the same at a start and in `doctor`.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rebuttal_evidence::EvidenceError;
use rebuttal_store::{Location, StoreError};
use rustix::fs::{Access, access};
use rustix::io::Errno;

/// Why a directory cannot be used as the data directory; also for one that does not exist yet.
pub(crate) fn data_dir_problem(folder: &Path) -> Option<String> {
    let shown = folder.display();
    match fs::metadata(folder) {
        Ok(metadata) if !metadata.is_dir() => {
            Some(format!("{shown} is a file, not a folder: set data to another path"))
        }
        Ok(_) => access(folder, Access::READ_OK | Access::EXEC_OK)
            .is_err()
            .then(|| format!("permission denied to read the folder {shown}: {}", fix_owner(folder))),
        Err(_) if folder.is_symlink() => {
            let target = fs::read_link(folder).unwrap_or_default();
            Some(format!(
                "{shown} is a link to {}, which does not exist: mount or create that",
                target.display()
            ))
        }
        Err(_) => {
            let parent = folder.ancestors().skip(1).find(|parent| parent.exists())?;
            match parent.is_dir() {
                true => unwritable(parent, || fix_owner(folder))
                    .map(|why| format!("cannot create {shown}: {why}")),
                false => Some(format!(
                    "cannot create {shown}: {} is a file; set data to another path",
                    parent.display()
                )),
            }
        }
    }
}

/// Advice for a folder that the gateway's user may not use or create. Names no folder above it, which may be the
/// system's.
fn fix_owner(folder: &Path) -> String {
    let shown = folder.display();
    let fix = match folder.exists() {
        true => format!("make that user the owner of {shown} and everything in it"),
        false => format!("create {shown} as root and make that user its owner"),
    };
    format!("run this as the user that the gateway runs as, or {fix}")
}

/// Why files cannot be created in the data directory.
pub(crate) fn unwritable_data_dir(folder: &Path) -> Option<String> {
    unwritable(folder, || fix_owner(folder))
}

/// Why files cannot be created next to a SQLite database, which happens at each start.
pub(crate) fn unwritable_database_folder(folder: &Path, data_dir: &Path) -> Option<String> {
    let advice =
        "move the database into a folder of its own whose owner is the user that the gateway runs as";
    match folder == data_dir {
        true => unwritable_data_dir(folder),
        false => unwritable(folder, || advice.to_owned()),
    }
}

fn unwritable(folder: &Path, advice: impl FnOnce() -> String) -> Option<String> {
    let shown = folder.display();
    match access(folder, Access::WRITE_OK) {
        Err(Errno::ACCESS | Errno::PERM) => {
            Some(format!("permission denied to write to the folder {shown}: {}", advice()))
        }
        Err(Errno::ROFS) => {
            Some(format!("{shown} is on a file system that is mounted read-only: mount it for writing"))
        }
        _ => None,
    }
}

/// Free space below which a disk counts as full: SQLite cannot create the files that it needs next to a database.
const FULL_BELOW_BYTES: u64 = 1 << 20;

/// How many bytes this user may still write to a folder's disk.
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The error for a folder whose disk is full; `None` if it is not.
pub(crate) fn disk_full(folder: &Path) -> Option<String> {
    let free = free_bytes(folder).filter(|free| *free < FULL_BELOW_BYTES)?;
    Some(format!(
        "the disk of {} is full, with {} kB left: free space on it, and start again. Everything that was answered is \
         stored; delete nothing from the data directory, and no -wal file",
        folder.display(),
        free / 1000
    ))
}

/// Why a database cannot be opened, and what to do.
pub(crate) fn database_error(location: &Location, error: &StoreError) -> String {
    let fails = matches!(
        error,
        StoreError::Database(_)
            | StoreError::Unavailable(_)
            | StoreError::Io(_)
            | StoreError::Migration(_)
            | StoreError::Commit(_)
    );
    if let Location::Sqlite(file) = location
        && let Some(full) = parent_folder(file).filter(|_| fails).and_then(disk_full)
    {
        return format!("{error}: {full}");
    }
    let advice = match (error, location) {
        (StoreError::Unreadable(_), Location::Sqlite(_)) => {
            "The database was altered, or is not a gateway's: keep it as it is, and restore it from a backup, as \
             docs/operate/backup-and-restore.md describes"
        }
        (StoreError::Io(_), Location::Sqlite(_)) => {
            "It must be a file of the user that the gateway runs as, in a folder that this user may write to"
        }
        (StoreError::Database(_), Location::Sqlite(_)) => {
            "Check that its folder is writable, that no other program uses the file, and that the disk works. If so, the \
             file is damaged: keep it as it is, and restore the database from a backup, as \
             docs/operate/backup-and-restore.md describes"
        }
        (StoreError::Database(_) | StoreError::Unavailable(_) | StoreError::Io(_), Location::Postgres(_)) => {
            "Check that the server runs and is reachable, and that it has the database and the role of database_url"
        }
        // The other errors say what to do.
        _ => return error.to_string(),
    };
    format!("{error}. {advice}")
}

/// The folder of a file; `.` for a file name alone.
fn parent_folder(file: &Path) -> Option<&Path> {
    let folder = file.parent()?;
    Some(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

/// Why an evidence folder cannot be opened, and what to do.
pub(crate) fn evidence_error(folder: &Path, error: &EvidenceError) -> String {
    let shown = folder.display();
    let EvidenceError::Folder { source, .. } = error else { return error.to_string() };
    match source.kind() {
        ErrorKind::PermissionDenied => format!("{error}: {}", fix_owner(folder)),
        ErrorKind::NotADirectory => format!("{error}: {shown} is a file, not a folder"),
        ErrorKind::ReadOnlyFilesystem => format!("{error}: mount the file system of {shown} for writing"),
        ErrorKind::StorageFull => format!("{error}: free space on the disk of {shown}"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_advice_names_only_the_folder_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (existing, missing) = (folder.path().join("data"), folder.path().join("missing"));
        fs::create_dir(&existing).unwrap();
        for (folder, fix) in [
            (&existing, format!("make that user the owner of {} and everything in it", existing.display())),
            (&missing, format!("create {} as root and make that user its owner", missing.display())),
        ] {
            assert_eq!(fix_owner(folder), format!("run this as the user that the gateway runs as, or {fix}"));
        }
    }
}
