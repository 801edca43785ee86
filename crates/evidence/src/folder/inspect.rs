//! Inspection of a stored file: its current content, not its record.
//!
//! A file is read and hashed the first time, and again only when its identity has changed: device, inode,
//! length and both times, which every write changes. So every contest is decided on the current content, for the cost
//! of one `stat` of a path that is remembered, too.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rebuttal_protocol::{FileInspection, InvalidFile, StorageUri};
use sha2::{Digest, Sha256};

use super::durable::open_file;
use super::{FolderInner, FolderStore, ReceivedFile, blocking, found};
use crate::EvidenceError;

/// Most files whose last inspection is cached, in each of two generations; others are read again.
const REMEMBERED_MAX: usize = 8 * 1024;

/// What is stored at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspection {
    /// Nothing.
    Absent,
    /// A file: in a bucket one that was judged, in a folder whatever has its name, which is compared with the record.
    Valid {
        /// SHA-256 of its content.
        sha256: [u8; 32],
        /// Its bytes.
        size: u64,
        /// What it is, if it was judged for this answer rather than before.
        judged: Option<FileInspection>,
    },
    /// A file that is not accepted.
    Invalid(InvalidFile),
}

/// Changes whenever a file is written to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity([i64; 7]);

impl Identity {
    fn of(metadata: &fs::Metadata) -> Self {
        let (device, inode, size) = (metadata.dev(), metadata.ino(), metadata.size());
        Self([
            device.cast_signed(),
            inode.cast_signed(),
            size.cast_signed(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
        ])
    }
}

/// The last inspection of a file.
#[derive(Clone)]
struct LastInspection {
    path: Arc<Path>,
    identity: Identity,
    inspection: Inspection,
}

/// The last inspections. When the young generation is full it becomes the old one, and the old one is dropped.
#[derive(Default)]
pub(super) struct InspectionCache {
    young: HashMap<StorageUri, LastInspection>,
    old: HashMap<StorageUri, LastInspection>,
}

impl InspectionCache {
    fn recall(&self, uri: &StorageUri) -> Option<LastInspection> {
        self.young.get(uri).or_else(|| self.old.get(uri)).cloned()
    }

    fn remember(&mut self, uri: StorageUri, last: LastInspection) {
        if self.young.len() >= REMEMBERED_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(uri, last);
    }
}

impl FolderStore {
    /// Inspects what is stored at an address. A folder that is not this gateway's is an error, not an absence.
    ///
    /// The `stat` blocks, because another thread would cost more. Reading, where it is needed, does not.
    pub async fn inspect(&self, uri: &StorageUri) -> Result<Inspection, EvidenceError> {
        let last = self.shared.inspections.lock().recall(uri);
        let path = last.as_ref().map_or_else(|| self.shared.path(uri).into(), |last| Arc::clone(&last.path));
        let failed = EvidenceError::folder("inspect a file");
        let Some(metadata) = found(fs::metadata(&path)).map_err(failed)? else { return self.shared.absent() };
        if let Some(last) = last.filter(|last| last.identity == Identity::of(&metadata)) {
            return Ok(last.inspection);
        }
        let (shared, uri) = (Arc::clone(&self.shared), *uri);
        let permit = shared.validations.acquire(uri.merchant_id).await;
        blocking(move || {
            let _permit = permit;
            let Some(file) = found(open_file(&path)).map_err(EvidenceError::folder("open a file"))? else {
                return shared.absent();
            };
            let (identity, inspection) = read(file, &uri).map_err(EvidenceError::folder("read a file"))?;
            let last = LastInspection { path, identity, inspection: inspection.clone() };
            shared.inspections.lock().remember(uri, last);
            Ok(inspection)
        })
        .await
    }

    /// Caches a file that was received, so that its contest need not read it again.
    pub(super) fn remember(&self, received: &ReceivedFile) {
        let path: Arc<Path> = self.shared.path(&received.uri).into();
        if let Ok(metadata) = fs::metadata(&path) {
            let inspection = Inspection::Valid { sha256: received.sha256, size: received.size, judged: None };
            let last = LastInspection { path, identity: Identity::of(&metadata), inspection };
            self.shared.inspections.lock().remember(received.uri, last);
        }
    }
}

impl FolderInner {
    fn absent(&self) -> Result<Inspection, EvidenceError> {
        self.is_there().map(|()| Inspection::Absent).map_err(EvidenceError::folder("inspect a file"))
    }
}

/// Reads a file whole. Its identity is taken before its content, so that a write in between is
/// noticed.
fn read(file: File, uri: &StorageUri) -> io::Result<(Identity, Inspection)> {
    let identity = Identity::of(&file.metadata()?);
    let mut content = Vec::new();
    file.take(uri.scene.max_bytes() + 1).read_to_end(&mut content)?;
    let size = content.len() as u64;
    Ok((identity, Inspection::Valid { sha256: Sha256::digest(&content).into(), size, judged: None }))
}
