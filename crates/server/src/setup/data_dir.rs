//! The data directory: made where missing, private, and held by one gateway at a time.

use std::fs::{self, DirBuilder, File};
use std::ops::Deref;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, bail};

use crate::setup::hints;

/// Size of a database that holds nothing: SQLite's first page, which lies there before any table does.
const EMPTY_DATABASE_BYTES: u64 = 4096;

/// What lies where in a data directory, whoever serves from it.
pub(crate) struct DataPaths(PathBuf);

impl DataPaths {
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self(data_dir.to_owned())
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("rebuttal.db")
    }

    pub(crate) fn evidence(&self) -> PathBuf {
        self.0.join("evidence")
    }

    pub(crate) fn master_key(&self) -> PathBuf {
        self.0.join("master.key")
    }

    pub(crate) fn operator_token(&self) -> PathBuf {
        self.0.join("operator.token")
    }

    /// The fence of a bucket as the gateway of this directory last moved it.
    pub(crate) fn moved_fence(&self) -> PathBuf {
        self.0.join("moved.fence")
    }

    /// Refuses a directory that has lost its database. A first start makes the database first, and the key and the
    /// evidence once its tables are there, so that one that was interrupted can go on.
    pub(crate) fn refuse_lost_database(&self) -> anyhow::Result<()> {
        let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let database = self.database();
        let log = database.with_extension("db-wal");
        let holds = match size(&database) {
            0 => false,
            bytes => bytes > EMPTY_DATABASE_BYTES || size(&log) > 0,
        };
        let left = [self.master_key(), self.evidence().join("m")].into_iter().find(|path| path.exists());
        let Some(left) = left.filter(|_| !holds) else { return Ok(()) };
        let what = match size(&database) {
            0 | EMPTY_DATABASE_BYTES.. => "missing or empty",
            _ => "no database, or cut off",
        };
        bail!(
            "{} is {what}, and yet {} is there: this data directory has served before, and a new database \
             would know none of its merchants and disputes. Restore the database, with the -wal file beside it, or \
             move {} away to begin anew",
            database.display(),
            left.display(),
            self.0.display()
        )
    }
}

/// A data directory that nobody else serves from, until this is dropped or the process ends.
pub(crate) struct DataDir {
    paths: DataPaths,
    _lock: File,
    database_lock: OnceLock<File>,
}

impl DataDir {
    /// Opens the directory, making it if need be, and locks it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        if let Some(flaw) = hints::flaw(path) {
            bail!(flaw);
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.with_context(|| {
            let shown = path.display();
            format!("cannot make the data directory {shown}; make it yourself for this user, or choose another with data")
        })?;
        Ok(Self { paths: DataPaths::of(path), _lock: lock(path)?, database_lock: OnceLock::new() })
    }

    /// Holds the directory of a SQLite file that lies elsewhere as this one is held: for one gateway at a time. A file
    /// that is not there is made only for a data directory that has not served yet, or its name was misspelt.
    pub(crate) fn hold_database(&self, file: &Path) -> anyhow::Result<()> {
        let served = [self.master_key(), self.database()].into_iter().find(|path| path.exists());
        if let Some(served) = served.filter(|_| !file.exists()) {
            bail!(
                "there is no {}, and yet {} is there: this data directory has served before, from another database. Set \
                 database_url to that one; where a new one is meant, make the file first, empty",
                file.display(),
                served.display()
            );
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let real =
            |path: &Path| fs::canonicalize(path).with_context(|| format!("cannot open {}", path.display()));
        if real(folder)? == real(&self.paths.0)? {
            return Ok(());
        }
        // Asked for once in a process.
        let _ = self.database_lock.set(lock(folder)?);
        Ok(())
    }

    /// Refuses a database that knows nothing beside evidence that it should know: a configured one that is empty is
    /// probably another one than before.
    pub(crate) fn refuse_foreign_database(&self) -> anyhow::Result<()> {
        let evidence = self.evidence().join("m");
        if !evidence.exists() {
            return Ok(());
        }
        bail!(
            "the database is empty, and yet {} is there: this data directory has served before, from another database. \
             Configure that one as database_url, or move {} away to begin anew",
            evidence.display(),
            self.paths.0.display()
        )
    }
}

impl Deref for DataDir {
    type Target = DataPaths;

    fn deref(&self) -> &DataPaths {
        &self.paths
    }
}

/// Whether a gateway serves from a directory; one that cannot be opened is nobody's.
pub(crate) fn is_held(folder: &Path) -> bool {
    File::open(folder).is_ok_and(|folder| matches!(folder.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

/// Locks a directory itself: a file in it could be deleted by somebody who takes it for stale.
fn lock(folder: &Path) -> anyhow::Result<File> {
    let lock = File::open(folder).with_context(|| format!("cannot open {}", folder.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => {
            bail!(
                "another gateway serves from {}, or a move is at work there; stop it, or let it end",
                folder.display()
            )
        }
        Err(fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", folder.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_is_held_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/data");
        let held = DataDir::open(&path).unwrap();
        assert!(DataDir::open(&path).is_err());
        drop(held);
        assert!(DataDir::open(&path).is_ok());
    }

    #[test]
    fn a_database_elsewhere_is_held_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| DataDir::open(&folder.path().join(name)).unwrap());
        one.hold_database(&folder.path().join("elsewhere.db")).unwrap();
        one.hold_database(&folder.path().join("one/within.db")).unwrap();
        assert!(other.hold_database(&folder.path().join("elsewhere.db")).is_err());
        drop(one);
        other.hold_database(&folder.path().join("elsewhere.db")).unwrap();
    }

    #[test]
    fn a_data_directory_that_has_served_gets_no_new_database_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(&folder.path().join("data")).unwrap();
        let file = folder.path().join("typo.db");
        for left in [data_dir.master_key(), data_dir.database()] {
            fs::write(&left, "something").unwrap();
            let told = data_dir.hold_database(&file).unwrap_err().to_string();
            assert!(told.contains("typo.db") && told.contains("has served before"), "{told}");
            fs::remove_file(left).unwrap();
        }
        fs::write(data_dir.master_key(), "key").unwrap();
        fs::write(&file, "").unwrap();
        data_dir.hold_database(&file).unwrap();
    }

    #[test]
    fn a_lost_database_is_told_from_a_first_start_that_was_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();
        let is_refused = || data_dir.refuse_lost_database().is_err();
        assert!(!is_refused(), "a first start");
        fs::write(data_dir.database(), "").unwrap();
        assert!(!is_refused(), "interrupted before there were tables");
        fs::write(data_dir.master_key(), "key").unwrap();
        assert!(is_refused(), "0 bytes");
        fs::remove_file(data_dir.database()).unwrap();
        assert!(is_refused(), "no file");
        fs::write(data_dir.database(), [0; 4096]).unwrap();
        assert!(is_refused(), "no table, and the log is gone");
        fs::write(data_dir.database(), [7; 100]).unwrap();
        let told = data_dir.refuse_lost_database().unwrap_err().to_string();
        assert!(told.contains("no database, or cut off"), "{told}");
        fs::write(data_dir.database(), [0; 4096]).unwrap();
        fs::write(folder.path().join("rebuttal.db-wal"), "log").unwrap();
        assert!(!is_refused(), "the tables are in the log");
        fs::write(data_dir.database(), [0; 8192]).unwrap();
        fs::remove_file(folder.path().join("rebuttal.db-wal")).unwrap();
        assert!(!is_refused());
    }
}
