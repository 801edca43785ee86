//! The file that was opened as the database, told by device and inode. Deleted, moved or replaced under the running
//! gateway it could still be written to, and nobody would ever find what was written.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where the database lies, and which file that is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    path: PathBuf,
    file: (u64, u64),
}

impl Place {
    /// Remembers the file that lies there now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: file_at(path)? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Fails unless the very same file still lies there. One system call, about a microsecond.
    pub(super) fn check(&self) -> io::Result<()> {
        let path = self.path.display();
        match file_at(&self.path) {
            Ok(file) if file == self.file => Ok(()),
            Ok(_) => {
                Err(io::Error::other(format!("{path} is another file than the database that was opened")))
            }
            Err(error) => Err(io::Error::new(error.kind(), format!("{path}: {error}"))),
        }
    }
}

fn file_at(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}
