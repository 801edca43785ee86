//! The built-in store: a folder with one file per address, written once and never changed.
//!
//! `m/<merchant>/open/dispute-evidence/` holds the files, `gateway.mark` is the ownership marker, `incoming/` holds
//! uploads in progress: a file gets its final name only when it is complete, valid and durable, and keeps its incoming
//! name until its record is durable too. No text from outside becomes a path; only a [`StorageUri`] does. Unix only: it
//! relies on hard links and inode numbers.

mod durable;
mod incoming;
mod inspect;
mod ownership;
mod receive;
mod upload_slots;

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use rebuttal_protocol::{FileInspection, MerchantId, StorageUri};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

pub use inspect::Inspection;
pub use receive::ArrivedFile;

use crate::{EvidenceError, FairSlots};
use upload_slots::UploadSlots;

/// Most files that are received concurrently, one of a form at a time, and of a merchant at most half of those that the
/// others leave free: alone 32, with another merchant's 32 still 16. Further uploads wait for a slot.
pub const CONCURRENT_RECEIVES_MAX: usize = 64;
/// Most uploads of a merchant that wait for a slot; further ones are refused immediately.
pub const RECEIVES_WAITING_MAX: usize = 64;
/// How long an upload waits for a slot before it is refused: longer than the idle timeout of a body, so that a sender
/// whose connection was lost gets the slot of its first try.
pub const SLOT_WAIT_LIMIT: Duration = Duration::from_secs(20);
/// Most files that are validated concurrently, one of a merchant. Each is in memory whole, with what its validation
/// needs.
pub const CONCURRENT_VALIDATIONS_MAX: usize = 2;
/// Bytes of an upload that are collected before they are written, unless there is memory for the whole file.
pub const WRITE_BLOCK_BYTES: usize = 64 * 1024;
/// Memory for files of more than a block that are collected whole while they arrive: of the largest ones, eight. Others
/// are written block by block, and read back for their validation, which costs more processor time.
pub const WHOLE_FILES_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Most files that one call of [`FolderStore::unrecorded`] returns.
pub const UNRECORDED_MAX: usize = 256;

const INCOMING: &str = "incoming";
/// The folder of the merchants' files, as their keys begin.
const MERCHANTS: &str = "m";
const FILE_MODE: u32 = 0o600;

/// The built-in store. Clones share the folder and its limits.
#[derive(Clone)]
pub struct FolderStore {
    shared: Arc<FolderInner>,
}

struct FolderInner {
    root: PathBuf,
    /// The folder `incoming/`, locked for as long as the store is open.
    _lock: File,
    /// The gateway's marker, with this folder's id.
    marker: String,
    claimed_by_operator: bool,
    receives: UploadSlots,
    validations: FairSlots<MerchantId>,
    /// Bytes of memory for whole files that arrive.
    memory: Arc<Semaphore>,
    /// Names in `incoming/` that this process is writing.
    active: Mutex<HashSet<String>>,
    /// Merchants whose folder is known to be durable, with all folders above it.
    durable: Mutex<HashSet<MerchantId>>,
    inspections: Mutex<inspect::InspectionCache>,
}

/// How many uploads are in progress.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct UploadTraffic {
    /// Uploads that are being received.
    pub receiving: usize,
    /// Uploads that wait for a slot.
    pub waiting: usize,
}

/// A file that is stored durably under its final name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedFile {
    /// Its address.
    pub uri: StorageUri,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
    /// Its size in bytes, at least 1.
    pub size: u64,
    /// What it is.
    pub inspection: FileInspection,
    /// Its name in `incoming/`.
    incoming: String,
}

impl FolderStore {
    /// Opens the store in `root`. `marker` identifies this gateway; `holds_files` says whether files must be in it, so
    /// that an empty folder is not this gateway's. Otherwise a missing folder is created. Blocking; for start-up.
    ///
    /// One store at a time may use a folder: another would take uploads in progress for abandoned ones.
    ///
    /// # Errors
    /// [`EvidenceError::Folder`], also where the folder is not this gateway's, or is used by another store.
    pub fn open(root: &Path, marker: &str, holds_files: bool) -> Result<Self, EvidenceError> {
        let claimed = ownership::claim(root, marker, holds_files)
            .map_err(EvidenceError::folder("claim it for this gateway"))?;
        durable::make_folders(root, Path::new(INCOMING))
            .map_err(EvidenceError::folder("create its folders"))?;
        let lock = lock(root).map_err(EvidenceError::folder("lock it"))?;
        Ok(Self {
            shared: Arc::new(FolderInner {
                root: root.to_owned(),
                marker: claimed.marker,
                claimed_by_operator: claimed.claimed_by_operator,
                _lock: lock,
                receives: UploadSlots::default(),
                validations: FairSlots::new(CONCURRENT_VALIDATIONS_MAX, 1),
                memory: Arc::new(Semaphore::new(WHOLE_FILES_MAX_BYTES)),
                active: Mutex::default(),
                durable: Mutex::default(),
                inspections: Mutex::default(),
            }),
        })
    }

    /// The [identity](Self::identity) of the folder in `root`, if it has this gateway's marker. It opens no store,
    /// because one may be open.
    ///
    /// # Errors
    /// [`EvidenceError::Folder`] where it does not.
    pub fn identity_at(root: &Path, marker: &str) -> Result<String, EvidenceError> {
        ownership::check(root, marker)
            .map(|marker| ownership::identity(&marker))
            .map_err(EvidenceError::folder("check the ownership marker"))
    }

    /// Whether an identity is that of a folder.
    pub fn is_folder_identity(place: &str) -> bool {
        place.split(' ').next() == Some(ownership::FOLDER)
    }

    /// Whether the folder in `root`, which may not exist, has no marker yet.
    ///
    /// # Errors
    /// [`EvidenceError::Folder`] where that cannot be read.
    pub fn is_unclaimed(root: &Path) -> Result<bool, EvidenceError> {
        ownership::is_missing(root).map_err(EvidenceError::folder("read the ownership marker"))
    }

    /// Whether the folder in `root` has an empty marker, by which an operator claims it for this gateway from the next
    /// start.
    ///
    /// # Errors
    /// [`EvidenceError::Folder`] where that cannot be read.
    pub fn has_empty_marker(root: &Path) -> Result<bool, EvidenceError> {
        ownership::has_empty_marker(root).map_err(EvidenceError::folder("read the ownership marker"))
    }

    /// The size in bytes of a file in the folder in `root`, without opening a store there; `None` if there is no file.
    /// Blocking.
    ///
    /// # Errors
    /// [`EvidenceError::Folder`] where that cannot be read.
    pub fn size_at(root: &Path, uri: &StorageUri) -> Result<Option<u64>, EvidenceError> {
        let metadata =
            found(fs::metadata(root.join(uri.key()))).map_err(EvidenceError::folder("read a file's size"))?;
        Ok(metadata.map(|metadata| metadata.len()))
    }

    /// The SHA-256 and the size of a file in the folder in `root`, read up to one byte over its scene's limit; `None`
    /// if there is no file. Blocking.
    ///
    /// # Errors
    /// [`EvidenceError::Folder`] where it cannot be read.
    pub fn sha256_at(root: &Path, uri: &StorageUri) -> Result<Option<([u8; 32], u64)>, EvidenceError> {
        let failed = || EvidenceError::folder("read a file");
        let Some(file) = found(durable::open_file(&root.join(uri.key()))).map_err(failed())? else {
            return Ok(None);
        };
        let mut content = Vec::new();
        file.take(uri.scene.max_bytes() + 1).read_to_end(&mut content).map_err(failed())?;
        Ok(Some((Sha256::digest(&content).into(), content.len() as u64)))
    }

    /// Identifies this folder among all evidence locations. It does not change when the folder is moved.
    pub fn identity(&self) -> String {
        ownership::identity(&self.shared.marker)
    }

    /// How many uploads are in progress.
    pub fn traffic(&self) -> UploadTraffic {
        self.shared.receives.traffic()
    }

    /// Whether this start claimed the folder because an operator had put an empty marker there.
    pub fn is_claimed_by_operator(&self) -> bool {
        self.shared.claimed_by_operator
    }

    /// Reads a file whole, up to its scene's limit; `None` if there is no file.
    ///
    /// # Errors
    /// [`EvidenceError::Folder`], also where the folder is not this gateway's, as when it is not mounted.
    pub async fn read(&self, uri: &StorageUri) -> Result<Option<Bytes>, EvidenceError> {
        let (shared, path, limit) = (Arc::clone(&self.shared), self.shared.path(uri), uri.scene.max_bytes());
        let read = move || {
            let Some(file) = found(durable::open_file(&path))? else {
                shared.is_there()?;
                return Ok(None);
            };
            let mut content = Vec::new();
            file.take(limit).read_to_end(&mut content)?;
            Ok(Some(content.into()))
        };
        blocking(move || read().map_err(EvidenceError::folder("read a file"))).await
    }

    /// Deletes a file. Whether one was there.
    ///
    /// A loss of power may undo the deletion; delete again then.
    pub async fn delete(&self, uri: &StorageUri) -> Result<bool, EvidenceError> {
        let path = self.shared.path(uri);
        let removed =
            blocking(move || found(fs::remove_file(path)).map_err(EvidenceError::folder("delete a file")));
        Ok(removed.await?.is_some())
    }

    /// Whether the folder is this gateway's and can be written to; for readiness checks.
    ///
    /// # Errors
    /// [`EvidenceError::Folder`] says what failed.
    pub async fn answers(&self) -> Result<(), EvidenceError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            shared.is_there().map_err(EvidenceError::folder("check the ownership marker"))?;
            try_out(&shared.root)
        })
        .await
    }

    /// Whether the folder in `root` can be written to. It opens no store, because one may be open. A restored folder
    /// has no `incoming/` yet; the next start creates it. Blocking.
    ///
    /// # Errors
    /// [`EvidenceError::Folder`] says what failed.
    pub fn takes_files(root: &Path) -> Result<(), EvidenceError> {
        match root.join(INCOMING).exists() {
            true => try_out(root),
            false => Ok(()),
        }
    }
}

impl FolderInner {
    fn path(&self, uri: &StorageUri) -> PathBuf {
        self.root.join(uri.key())
    }

    fn incoming_folder(&self) -> PathBuf {
        self.root.join(INCOMING)
    }

    /// Fails where the folder was unmounted, moved, replaced or deleted. Call it before a missing file counts as
    /// absent, and before a file is stored.
    fn is_there(&self) -> io::Result<()> {
        ownership::check(&self.root, &self.marker).map(drop)
    }

    fn incoming_path(&self, name: &str) -> PathBuf {
        self.incoming_folder().join(name)
    }
}

/// Does what an upload does, which a folder that was restored by another user may not allow: creates a file, links it
/// where the merchants' files are stored, and removes both names. They are not those of evidence.
fn try_out(root: &Path) -> Result<(), EvidenceError> {
    let name = incoming::random_name("try-out").map_err(EvidenceError::folder("create a file"))?;
    let (begun, given) = (root.join(INCOMING).join(&name), root.join(MERCHANTS).join(&name));
    File::create_new(&begun).map_err(EvidenceError::folder("create a file"))?;
    let linked = match fs::hard_link(&begun, &given) {
        // Created with the first upload.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => fs::remove_file(&given),
    };
    let removed = fs::remove_file(&begun);
    linked.map_err(EvidenceError::folder("link a file to its name"))?;
    removed.map_err(EvidenceError::folder("remove a file"))
}

fn lock(root: &Path) -> io::Result<File> {
    let incoming = File::open(root.join(INCOMING))?;
    match incoming.try_lock() {
        Ok(()) => Ok(incoming),
        Err(TryLockError::Error(error)) => Err(error),
        Err(TryLockError::WouldBlock) => {
            let taken = format!("another gateway stores its evidence in {}", root.display());
            Err(io::Error::new(io::ErrorKind::ResourceBusy, format!("{taken}; only a bucket can be shared")))
        }
    }
}

/// Turns "not found" into `None`.
fn found<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Runs file work where it may block. A caller that stops waiting does not stop the work.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EvidenceError> + Send + 'static,
) -> Result<T, EvidenceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(EvidenceError::folder("finish an operation")(io::Error::other(error))),
    }
}

#[cfg(test)]
mod tests;
