//! Migrates a stopped gateway's data: first evidence from a folder to S3, then the database from SQLite to
//! PostgreSQL, so that the switch-over is the last step. Every step can be interrupted and repeated.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use futures_util::{StreamExt as _, stream};
use rebuttal_evidence::{FolderStore, S3Store};
use rebuttal_store::{
    AccountChange, DataMigration, DataMigrationProgress, DataMigrationStep, KeyCheck, Location,
    MigratedTable, Options, SingleOperation, Store, StoreError, Upload, WriteRequest,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::auth::keys::{Keys, MasterKey};
use crate::clock;
use crate::setup::config::EvidenceLocation;
use crate::setup::data_dir::DataDir;

/// Uploads that one query reads from the database.
const UPLOADS_PER_PAGE: u32 = 500;
/// Files that are copied concurrently. Each is in memory as a whole, twice while it is compared.
const FILES_IN_FLIGHT: usize = 8;
/// Missing files that are named; the others are counted.
const MISSING_NAMED_MAX: usize = 20;

/// What to migrate, from where and where to.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The gateway's data directory.
    pub data_dir: PathBuf,
    /// The master key's file, if not in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// The current database, if not in the data directory.
    pub from: Option<Location>,
    /// The new database, if it is migrated.
    pub to: Option<Location>,
    /// The current evidence folder, if not in the data directory.
    pub evidence_from: Option<PathBuf>,
    /// The new S3 of the evidence, if it is migrated.
    pub evidence_to: Option<EvidenceLocation>,
    /// Continue if recorded files are missing.
    pub skip_missing: bool,
}

/// The progress of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrationProgress {
    /// The step: `copying` or `verifying`.
    pub doing: &'static str,
    /// The table, or `files`.
    pub what: &'static str,
    /// Rows or files that are done.
    pub done: u64,
    /// Their total, if it is known.
    pub of: Option<u64>,
}

/// The result of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    /// The migrated tables, equal on both sides; `None` if the database was not migrated.
    pub tables: Option<Vec<MigratedTable>>,
    /// The migrated files; `None` if the evidence was not migrated.
    pub files: Option<MigratedFiles>,
}

/// The migrated files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MigratedFiles {
    /// Files that were stored in S3 by hash and read back.
    pub files: u64,
    /// The sum of their sizes.
    pub bytes: u64,
    /// URIs of recorded files that are not in the folder.
    pub missing: Vec<String>,
}

impl Migration {
    /// Copies, verifies by count and hash, and switches over at the end.
    ///
    /// # Errors
    /// Why it was not completed, as a message for the operator. Nothing was switched over.
    pub async fn run(
        self,
        mut on_progress: impl FnMut(MigrationProgress),
    ) -> anyhow::Result<MigrationReport> {
        ensure!(
            self.to.is_some() || self.evidence_to.is_some(),
            "there is nothing to migrate: name a new database, a new evidence store, or both"
        );
        ensure!(
            self.data_dir.is_dir(),
            "there is no data directory at {}; name it with --data",
            self.data_dir.display()
        );
        let data_dir = DataDir::open(&self.data_dir)?;
        let from = self.from.clone().unwrap_or_else(|| Location::from(data_dir.database().as_path()));
        if let Location::Sqlite(path) = &from {
            ensure!(path.is_file(), "there is no database at {}; name it with --from", path.display());
            data_dir.lock_database(path)?;
        }
        let files = match &self.evidence_to {
            Some(new) => match Store::open(&from, &Options::default()).await {
                Ok(store) => Some(self.copy_files(&data_dir, &store, new, &mut on_progress).await?),
                // The database is migrated after the files, so the files of a migrated one are already copied.
                Err(StoreError::DataMigrated { .. }) if self.to.is_some() => None,
                Err(error) => return Err(error.into()),
            },
            None => None,
        };
        let tables = match &self.to {
            Some(to) => {
                let moving =
                    DataMigration::open(&from, to).await?.with_evidence_location(self.new_location());
                // Not needed for the copy; another master key means that this is another gateway's data.
                if self.key_file(&data_dir).exists() {
                    self.keys(&data_dir, moving.key_check()?)?;
                }
                Some(moving.run(|progress| on_progress(progress.into())).await?)
            }
            None => None,
        };
        Ok(MigrationReport { tables, files })
    }

    /// The new location of the evidence, if it is migrated.
    fn new_location(&self) -> Option<String> {
        match &self.evidence_to {
            Some(EvidenceLocation::Bucket { bucket, .. }) => Some(bucket.identity()),
            _ => None,
        }
    }

    async fn copy_files(
        &self,
        data_dir: &DataDir,
        store: &Store,
        new: &EvidenceLocation,
        on_progress: &mut impl FnMut(MigrationProgress),
    ) -> anyhow::Result<MigratedFiles> {
        let EvidenceLocation::Bucket { bucket, public, variables } = new else {
            bail!("evidence can be migrated only from a folder to s3://…");
        };
        let keys = self.keys(data_dir, store.key_check().await?)?;
        let (new_location, endpoint) = (bucket.identity(), &bucket.endpoint);
        // `answers` writes this gateway's ownership marker into a bucket without one.
        let bucket = S3Store::open(bucket, public.as_ref(), variables, &keys.evidence_marker(), false)?;
        bucket.answers().await.with_context(|| match endpoint {
            Some(_) => format!("cannot use {new_location}"),
            None => format!(
                "cannot use {new_location} at AWS; for another S3, append ?endpoint=https://… to its URL"
            ),
        })?;
        let folder = self.evidence_from.clone().unwrap_or_else(|| data_dir.evidence());
        let folder = FolderStore::open(&folder, &keys.evidence_marker(), store.has_uploads().await?)?;
        let recorded = store.evidence_location().await?;
        ensure!(
            recorded
                .as_ref()
                .is_none_or(|recorded| *recorded == folder.identity() || *recorded == new_location),
            "this database's evidence is not in that folder ({}), but in {}",
            folder.identity(),
            recorded.unwrap_or_default()
        );

        let mut moved = MigratedFiles::default();
        let mut after = None;
        loop {
            let page = store.uploads(after, UPLOADS_PER_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.url);
            let copies = page.iter().map(|upload| copy(&folder, &bucket, upload));
            let mut copies = stream::iter(copies).buffer_unordered(FILES_IN_FLIGHT);
            while let Some(copied) = copies.next().await {
                match copied? {
                    CopiedFile::Stored(bytes) => {
                        moved.files += 1;
                        moved.bytes += bytes;
                    }
                    CopiedFile::Missing(uri) => moved.missing.push(uri),
                }
                on_progress(MigrationProgress {
                    doing: "copying",
                    what: "files",
                    done: moved.files,
                    of: None,
                });
            }
        }
        if !moved.missing.is_empty() && !self.skip_missing {
            bail!("{}", missing_files(&moved.missing));
        }
        if self.to.is_none() {
            // If the database is migrated too, only the new one records the new location: the old one stays usable.
            let change = AccountChange::SetEvidenceLocation { location: new_location, expected: recorded };
            let operation = SingleOperation::Account(change);
            store.commit(WriteRequest::internal(clock::now(), operation)).await??;
        }
        store.close().await;
        Ok(moved)
    }

    fn key_file(&self, data_dir: &DataDir) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| data_dir.master_key())
    }

    /// The keys of the master key, which must be the database's.
    fn keys(&self, data_dir: &DataDir, check: Option<KeyCheck>) -> anyhow::Result<Keys> {
        let file = self.key_file(data_dir);
        let keys = Keys::derive(&MasterKey::read(&file)?);
        ensure!(
            check.is_some_and(|check| check == *keys.check_value()),
            "this database's secrets are encrypted with another master key than the one in {}",
            file.display()
        );
        Ok(keys)
    }
}

enum CopiedFile {
    Stored(u64),
    Missing(String),
}

/// Copies one file, if its content is as recorded.
async fn copy(folder: &FolderStore, bucket: &S3Store, upload: &Upload) -> anyhow::Result<CopiedFile> {
    let Some(content) = folder.read(&upload.url).await? else {
        return Ok(CopiedFile::Missing(upload.url.to_string()));
    };
    let sha256: [u8; 32] = Sha256::digest(&content).into();
    ensure!(
        sha256 == upload.file.sha256.0,
        "{} was altered in the folder after its upload. Restore it from a backup",
        upload.url
    );
    let bytes = content.len() as u64;
    bucket.copy_in(&upload.url, &sha256, content).await.with_context(|| upload.url.to_string())?;
    Ok(CopiedFile::Stored(bytes))
}

fn missing_files(missing: &[String]) -> String {
    let named = missing.iter().take(MISSING_NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join("\n  ");
    let more = match missing.len().saturating_sub(MISSING_NAMED_MAX) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    format!(
        "files that the database has recorded are missing:\n  {named}{more}\nRestore them into the folder and run this \
         again, or skip them with --skip-missing"
    )
}

impl From<DataMigrationProgress> for MigrationProgress {
    fn from(progress: DataMigrationProgress) -> Self {
        let doing = match progress.step {
            DataMigrationStep::Copying => "copying",
            DataMigrationStep::Verifying => "verifying",
        };
        Self { doing, what: progress.table, done: progress.rows, of: Some(progress.of) }
    }
}
