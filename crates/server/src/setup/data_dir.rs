//! The data directory: created if missing, private, and locked by one gateway at a time.

use std::fs::{self, DirBuilder, File};
use std::ops::Deref;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, bail};

use crate::setup::hints;

/// Size of an empty database: SQLite writes its first page before any table exists.
const EMPTY_DATABASE_BYTES: u64 = 4096;

/// The paths in a data directory, locked or not.
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

    /// The bucket's fence as this gateway last set it.
    pub(crate) fn advanced_fence(&self) -> PathBuf {
        self.0.join("advanced.fence")
    }

    /// Refuses a directory without its database. A first start creates the database before the key and the evidence,
    /// so that an interrupted one can be repeated.
    pub(crate) fn refuse_lost_database(&self) -> anyhow::Result<()> {
        let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let database = self.database();
        let log = database.with_extension("db-wal");
        let has_tables = match size(&database) {
            0 => false,
            bytes => bytes > EMPTY_DATABASE_BYTES || size(&log) > 0,
        };
        let existing = [self.master_key(), self.evidence().join("m")].into_iter().find(|path| path.exists());
        let Some(existing) = existing.filter(|_| !has_tables) else { return Ok(()) };
        let what = match size(&database) {
            0 | EMPTY_DATABASE_BYTES.. => "missing or empty",
            _ => "truncated, or not a database",
        };
        bail!(
            "{} is {what}, but {} exists: this data directory was used before, and a new database would have none of its \
             merchants and disputes. Restore the database together with its -wal file, or move {} away to start with an \
             empty gateway",
            database.display(),
            existing.display(),
            self.0.display()
        )
    }
}

/// A data directory that is locked until this is dropped or the process ends.
pub(crate) struct DataDir {
    paths: DataPaths,
    _lock: File,
    database_lock: OnceLock<File>,
}

impl DataDir {
    /// Opens the directory, creating it if missing, and locks it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        if let Some(problem) = hints::data_dir_problem(path) {
            bail!(problem);
        }
        DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| {
            let shown = path.display();
            format!("cannot create the data directory {shown}; create it for this user, or set data to another path")
        })?;
        Ok(Self { paths: DataPaths::of(path), _lock: lock(path)?, database_lock: OnceLock::new() })
    }

    /// Locks the directory of a SQLite file outside this one. A missing file is created only for a data directory that
    /// was never used: otherwise its name is probably misspelt.
    pub(crate) fn lock_database(&self, file: &Path) -> anyhow::Result<()> {
        let existing = [self.master_key(), self.database()].into_iter().find(|path| path.exists());
        if let Some(existing) = existing.filter(|_| !file.exists()) {
            bail!(
                "{} does not exist, but {} does: this data directory was used before, with another database. Set \
                 database_url to that database; to start with a new one, create the file first, empty",
                file.display(),
                existing.display()
            );
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let real =
            |path: &Path| fs::canonicalize(path).with_context(|| format!("cannot open {}", path.display()));
        if real(folder)? == real(&self.paths.0)? {
            return Ok(());
        }
        // Set once: a process opens one database.
        let _ = self.database_lock.set(lock(folder)?);
        Ok(())
    }

    /// Refuses an empty configured database if there is evidence: it is probably another one than before.
    pub(crate) fn refuse_foreign_database(&self) -> anyhow::Result<()> {
        let evidence = self.evidence().join("m");
        if !evidence.exists() {
            return Ok(());
        }
        bail!(
            "the database is empty, but {} exists: this data directory was used before, with another database. Set \
             database_url to that database, or move {} away to start with an empty gateway",
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

/// Whether a gateway or a migration has locked a directory; `false` for one that cannot be opened.
pub(crate) fn is_locked(folder: &Path) -> bool {
    File::open(folder).is_ok_and(|folder| matches!(folder.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

/// Locks the directory itself: a lock file in it could be deleted as stale.
fn lock(folder: &Path) -> anyhow::Result<File> {
    let lock = File::open(folder).with_context(|| format!("cannot open {}", folder.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => {
            bail!(
                "{} is in use by another gateway or a running migration; stop it, or wait until it has finished",
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
    fn data_directory_is_locked_exclusively() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/data");
        let locked = DataDir::open(&path).unwrap();
        assert!(DataDir::open(&path).is_err());
        drop(locked);
        assert!(DataDir::open(&path).is_ok());
    }

    #[test]
    fn external_database_is_locked_exclusively() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| DataDir::open(&folder.path().join(name)).unwrap());
        one.lock_database(&folder.path().join("elsewhere.db")).unwrap();
        one.lock_database(&folder.path().join("one/within.db")).unwrap();
        assert!(other.lock_database(&folder.path().join("elsewhere.db")).is_err());
        drop(one);
        other.lock_database(&folder.path().join("elsewhere.db")).unwrap();
    }

    #[test]
    fn used_data_directory_gets_no_new_external_database() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(&folder.path().join("data")).unwrap();
        let file = folder.path().join("typo.db");
        for existing in [data_dir.master_key(), data_dir.database()] {
            fs::write(&existing, "something").unwrap();
            let error = data_dir.lock_database(&file).unwrap_err().to_string();
            assert!(error.contains("typo.db") && error.contains("was used before"), "{error}");
            fs::remove_file(existing).unwrap();
        }
        fs::write(data_dir.master_key(), "key").unwrap();
        fs::write(&file, "").unwrap();
        data_dir.lock_database(&file).unwrap();
    }

    #[test]
    fn lost_database_differs_from_interrupted_first_start() {
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
        assert!(is_refused(), "no table and no log");
        fs::write(data_dir.database(), [7; 100]).unwrap();
        let error = data_dir.refuse_lost_database().unwrap_err().to_string();
        assert!(error.contains("truncated, or not a database"), "{error}");
        fs::write(data_dir.database(), [0; 4096]).unwrap();
        fs::write(folder.path().join("rebuttal.db-wal"), "log").unwrap();
        assert!(!is_refused(), "the tables are in the log");
        fs::write(data_dir.database(), [0; 8192]).unwrap();
        fs::remove_file(folder.path().join("rebuttal.db-wal")).unwrap();
        assert!(!is_refused());
    }
}
