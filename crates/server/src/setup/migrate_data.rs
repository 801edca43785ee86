//! Moving house while nobody serves: evidence from a folder to an S3 first, then the database from SQLite to
//! PostgreSQL, so that what switches over is the last step. Every step may be broken off and run again.

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

/// Uploads that are read from the database at once.
const PAGE: u32 = 500;
/// Files that are on their way at once. Each is in memory whole, 2 MiB at most, twice while it is compared.
const FILES_AT_ONCE: usize = 8;
/// Missing files that are named; of more, their number is told.
const MISSING_NAMED_MAX: usize = 20;

/// What is to be moved, and where to.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The data directory that served so far.
    pub data_dir: PathBuf,
    /// Where the master key lies, if not in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// The database that served so far, if not the data directory's own.
    pub from: Option<Location>,
    /// Where the database goes, if it does.
    pub to: Option<Location>,
    /// The folder that held the evidence so far, if not the data directory's own.
    pub evidence_from: Option<PathBuf>,
    /// The S3 that the evidence goes to, if it does.
    pub evidence_to: Option<EvidenceLocation>,
    /// Go on where files are missing that the database knows of.
    pub skip_missing: bool,
}

/// How far a move has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrationProgress {
    /// What is being done.
    pub doing: &'static str,
    /// To what: a table, or `files`.
    pub what: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, if that is known.
    pub of: Option<u64>,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    /// The database's tables, if it was moved: the same on both sides.
    pub tables: Option<Vec<MigratedTable>>,
    /// The files, if they were.
    pub files: Option<MigratedFiles>,
}

/// The files that were moved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MigratedFiles {
    /// Files that lie sealed in the S3 and were read back.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Addresses of files that the database knows of and that are not in the folder.
    pub missing: Vec<String>,
}

impl Migration {
    /// Moves, verifies by count and hash, and switches over at the end.
    ///
    /// # Errors
    /// What keeps it from being done, in a sentence for the person who started it. Nothing is switched over then.
    pub async fn run(self, mut tell: impl FnMut(MigrationProgress)) -> anyhow::Result<MigrationReport> {
        ensure!(self.to.is_some() || self.evidence_to.is_some(), "there is nothing to move: say where to");
        ensure!(
            self.data_dir.is_dir(),
            "there is no data directory at {}; tell where it is with --data",
            self.data_dir.display()
        );
        let data_dir = DataDir::open(&self.data_dir)?;
        let from = self.from.clone().unwrap_or_else(|| Location::from(data_dir.database().as_path()));
        if let Location::Sqlite(path) = &from {
            data_dir.hold_database(path)?;
            ensure!(path.is_file(), "there is no database at {}", path.display());
        }
        let files = match &self.evidence_to {
            Some(place) => match Store::open(&from, &Options::default()).await {
                Ok(store) => Some(self.move_files(&data_dir, &store, place, &mut tell).await?),
                // The database is switched over last: the files of one that has been moved were copied before.
                Err(StoreError::DataMigrated { .. }) if self.to.is_some() => None,
                Err(error) => return Err(error.into()),
            },
            None => None,
        };
        let tables = match &self.to {
            Some(to) => {
                let moving = DataMigration::open(&from, to).await?.with_evidence_location(self.new_place());
                // Not needed for it; but who has another one at hand has another gateway's data before him.
                if self.key_file(&data_dir).exists() {
                    self.keys(&data_dir, moving.key_check()?)?;
                }
                Some(moving.run(|progress| tell(progress.into())).await?)
            }
            None => None,
        };
        Ok(MigrationReport { tables, files })
    }

    /// Where the evidence lies afterwards, if it is moved.
    fn new_place(&self) -> Option<String> {
        match &self.evidence_to {
            Some(EvidenceLocation::Bucket { bucket, .. }) => Some(bucket.identity()),
            _ => None,
        }
    }

    async fn move_files(
        &self,
        data_dir: &DataDir,
        store: &Store,
        to: &EvidenceLocation,
        tell: &mut impl FnMut(MigrationProgress),
    ) -> anyhow::Result<MigratedFiles> {
        let EvidenceLocation::Bucket { bucket, public, variables } = to else {
            bail!("evidence can be moved from a folder to s3://…, and in no other direction");
        };
        let keys = self.keys(data_dir, store.key_check().await?)?;
        let new_place = bucket.identity();
        // A bucket that is nobody's gets this gateway's mark, by which it is served from afterwards.
        let bucket = S3Store::open(bucket, public.as_ref(), variables, &keys.evidence_marker(), false)?;
        bucket.answers().await?;
        let folder = self.evidence_from.clone().unwrap_or_else(|| data_dir.evidence());
        let folder = FolderStore::open(&folder, &keys.evidence_marker(), store.has_uploads().await?)?;
        let place = store.evidence_place().await?;
        ensure!(
            place.as_ref().is_none_or(|place| *place == folder.identity() || *place == new_place),
            "this database's evidence does not lie in that folder ({}), but in {}",
            folder.identity(),
            place.unwrap_or_default()
        );

        let mut moved = MigratedFiles::default();
        let mut after = None;
        loop {
            let page = store.uploads(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.url);
            let copies = page.iter().map(|upload| copy(&folder, &bucket, upload));
            let mut copies = stream::iter(copies).buffer_unordered(FILES_AT_ONCE);
            while let Some(copied) = copies.next().await {
                match copied? {
                    Copied::Whole(bytes) => {
                        moved.files += 1;
                        moved.bytes += bytes;
                    }
                    Copied::Missing(address) => moved.missing.push(address),
                }
                tell(MigrationProgress { doing: "copying", what: "files", done: moved.files, of: None });
            }
        }
        if !moved.missing.is_empty() && !self.skip_missing {
            bail!("{}", missing_told(&moved.missing));
        }
        if self.to.is_none() {
            // A database that goes along is told in its new place: this one may be gone back to until then.
            let change = AccountChange::SetEvidenceLocation { place: new_place, instead_of: place };
            let operation = SingleOperation::Account(change);
            store.commit(WriteRequest::internal(clock::now(), operation)).await??;
        }
        store.close().await;
        Ok(moved)
    }

    fn key_file(&self, data_dir: &DataDir) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| data_dir.master_key())
    }

    /// The keys of the data directory, which must be those of the database.
    fn keys(&self, data_dir: &DataDir, check: Option<KeyCheck>) -> anyhow::Result<Keys> {
        let file = self.key_file(data_dir);
        let keys = Keys::derive(&MasterKey::read(&file)?);
        ensure!(
            check.is_some_and(|check| check == *keys.check_value()),
            "the master key in {} is not the one that this database's secrets are sealed with",
            file.display()
        );
        Ok(keys)
    }
}

enum Copied {
    Whole(u64),
    Missing(String),
}

/// Copies one file, if it is what its record says.
async fn copy(folder: &FolderStore, bucket: &S3Store, upload: &Upload) -> anyhow::Result<Copied> {
    let Some(content) = folder.read(&upload.url).await? else {
        return Ok(Copied::Missing(upload.url.to_string()));
    };
    let sha256: [u8; 32] = Sha256::digest(&content).into();
    ensure!(
        sha256 == upload.file.sha256.0,
        "{} is not what was uploaded: it has been altered in the folder. Restore it from a backup",
        upload.url
    );
    let bytes = content.len() as u64;
    bucket.copy_in(&upload.url, &sha256, content).await.with_context(|| upload.url.to_string())?;
    Ok(Copied::Whole(bytes))
}

fn missing_told(missing: &[String]) -> String {
    let named = missing.iter().take(MISSING_NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join("\n  ");
    let more = match missing.len().saturating_sub(MISSING_NAMED_MAX) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    format!(
        "files are missing that the database knows of:\n  {named}{more}\nRestore them into the folder and run this again, \
         or go on without them by --skip-missing"
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
