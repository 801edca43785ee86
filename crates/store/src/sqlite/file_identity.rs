//! The identity of the open database and log files, by device and inode. If they are deleted, renamed or replaced while
//! the gateway runs, writes to them would succeed and be lost.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The path of the database, and the identity of its open files.
#[derive(Debug, Clone)]
pub(crate) struct FileIdentity {
    path: PathBuf,
    /// Its name is the database's with `-wal` appended. It exists as long as a connection is open.
    log_path: PathBuf,
    files: [DeviceInode; 2],
}

/// Device and inode.
type DeviceInode = (u64, u64);

impl FileIdentity {
    /// Records the files at the path, while a connection has them open.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let log_path = wal_path(path);
        let files = [
            identity_at(path).map_err(name_path(path))?,
            identity_at(&log_path).map_err(name_path(&log_path))?,
        ];
        if fs::metadata(path).map_err(name_path(path))?.nlink() > 1 {
            let twice = format!(
                "{} is a hard link: a process that opens the other name would write into it, too. Remove the other link",
                path.display()
            );
            return Err(io::Error::other(twice));
        }
        Ok(Self { path: path.to_owned(), log_path, files })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Fails unless the same files are at the path. Two system calls, about a microsecond each.
    pub(super) fn check(&self) -> io::Result<()> {
        for (path, identity) in [&self.path, &self.log_path].into_iter().zip(self.files) {
            let shown = path.display();
            match identity_at(path) {
                Ok(found) if found == identity => {}
                Ok(_) => return Err(io::Error::other(format!("{shown} is not the file that was opened"))),
                Err(error) => return Err(name_path(path)(error)),
            }
        }
        Ok(())
    }
}

/// The write-ahead log of a database.
pub(super) fn wal_path(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Adds the file's name to an error.
pub(super) fn name_path(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn identity_at(path: &Path) -> io::Result<DeviceInode> {
    fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}
