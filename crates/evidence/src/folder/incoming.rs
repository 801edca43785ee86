//! Uploads in progress: their files in `incoming/`, and what a process that died left there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rebuttal_protocol::{FileInspection, Scene, StorageUri, UnixMillis, hex_digits};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use super::{FILE_MODE, FolderInner, FolderStore, ReceivedFile, UNRECORDED_MAX, blocking, durable, found};
use crate::{EvidenceError, InvalidUpload, Judge};

/// Replaces the `/` of a key in an incoming name; no key contains it.
const SEPARATOR: &str = "+";
const SUFFIX_BYTES: usize = 8;

/// A name in `incoming/`: the address of the file, and a random suffix against collisions.
fn name_for(uri: &StorageUri) -> io::Result<String> {
    random_name(&uri.key().replace('/', SEPARATOR))
}

/// A unique name.
pub(super) fn random_name(beginning: &str) -> io::Result<String> {
    let mut suffix = [0; SUFFIX_BYTES];
    getrandom::fill(&mut suffix).map_err(io::Error::other)?;
    Ok(format!("{beginning}{SEPARATOR}{}", hex::encode(suffix)))
}

/// The address in an incoming name; `None` for a name of another form.
fn address_in(name: &str) -> Option<StorageUri> {
    let (key, suffix) = name.rsplit_once(SEPARATOR)?;
    hex_digits::parse::<SUFFIX_BYTES>(suffix)?;
    StorageUri::from_key(&key.replace(SEPARATOR, "/")).ok()
}

/// A file while it is written. Dropped before [`publish`](Self::publish), it removes itself.
pub(super) struct Incoming {
    shared: Arc<FolderInner>,
    uri: StorageUri,
    name: String,
    file: File,
    hasher: Sha256,
    size: u64,
    published: bool,
}

impl Incoming {
    /// Creates the file; refused if its address already has a file, or the folder is not this gateway's.
    pub(super) fn create(shared: Arc<FolderInner>, uri: StorageUri) -> Result<Self, EvidenceError> {
        shared.is_there().map_err(EvidenceError::folder("check the ownership marker"))?;
        let task = "create a file";
        if found(fs::symlink_metadata(shared.path(&uri))).map_err(EvidenceError::folder(task))?.is_some() {
            return Err(InvalidUpload::AlreadyUploaded.into());
        }
        let name = name_for(&uri).map_err(EvidenceError::folder(task))?;
        // Listed as active before it exists, so that no scan deletes it as abandoned.
        shared.active.lock().insert(name.clone());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(FILE_MODE);
        match options.open(shared.incoming_path(&name)) {
            Ok(file) => {
                Ok(Self { shared, uri, name, file, hasher: Sha256::new(), size: 0, published: false })
            }
            Err(source) => {
                shared.active.lock().remove(&name);
                Err(EvidenceError::Folder { task, source })
            }
        }
    }

    pub(super) fn write(&mut self, block: &[u8]) -> Result<(), EvidenceError> {
        self.hasher.update(block);
        self.size += block.len() as u64;
        self.file.write_all(block).map_err(EvidenceError::folder("write a file"))
    }

    /// Reads what was written.
    pub(super) fn read_back(&mut self) -> Result<Vec<u8>, EvidenceError> {
        let read = self.file.rewind().and_then(|()| read_whole(&mut self.file, self.size));
        read.map_err(EvidenceError::folder("read a file back"))
    }

    /// Makes the content durable, gives it its final name if that is free, and makes the name durable.
    ///
    /// The name in `incoming/` is older than the final one, in the same file system. A journaling file system keeps
    /// this order, so after a loss of power the final name never exists without the incoming one.
    pub(super) fn publish(mut self, inspection: FileInspection) -> Result<ReceivedFile, EvidenceError> {
        let folder_task = "create a merchant's folder";
        self.file.sync_all().map_err(EvidenceError::folder("sync a file"))?;
        let path = self.shared.path(&self.uri);
        let folder = path.parent().unwrap_or(&self.shared.root);
        let merchant = self.uri.merchant_id;
        if !self.shared.durable.lock().contains(&merchant) {
            let relative = folder.strip_prefix(&self.shared.root).unwrap_or(folder);
            durable::make_folders(&self.shared.root, relative).map_err(EvidenceError::folder(folder_task))?;
            self.shared.durable.lock().insert(merchant);
        }
        match fs::hard_link(self.shared.incoming_path(&self.name), &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(InvalidUpload::AlreadyUploaded.into());
            }
            outcome => outcome.map_err(EvidenceError::folder("link a file to its name"))?,
        }
        // From here on the file counts: after any failure it is found by its incoming name.
        self.published = true;
        durable::sync_folder(folder).map_err(EvidenceError::folder("sync a file's folder"))?;
        Ok(ReceivedFile {
            uri: self.uri,
            sha256: std::mem::take(&mut self.hasher).finalize().into(),
            size: self.size,
            inspection,
            incoming: self.name.clone(),
        })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.published
            && let Err(error) = fs::remove_file(self.shared.incoming_path(&self.name))
        {
            tracing::warn!(name = self.name, %error, "removing an abandoned incoming file failed");
        }
        self.shared.active.lock().remove(&self.name);
    }
}

impl FolderStore {
    /// Ends an upload whose record is durable: [`unrecorded`](Self::unrecorded) no longer finds it. Blocking.
    ///
    /// # Errors
    /// [`EvidenceError::Folder`] where its name in `incoming/` cannot be removed.
    pub fn confirm(&self, received: &ReceivedFile) -> Result<(), EvidenceError> {
        let removed = found(fs::remove_file(self.shared.incoming_path(&received.incoming)));
        removed.map_err(EvidenceError::folder("confirm a file"))?;
        self.remember(received);
        Ok(())
    }

    /// Finds files that got their final name but were never [confirmed](Self::confirm), because the process died or
    /// recording failed, hashed and judged again; at most [`UNRECORDED_MAX`] of them, so call again until there are
    /// none. Record each (it may have been recorded already) and confirm it. Files without a final name are deleted.
    ///
    /// Only files last written before `before` are read, never one that is being received: pass the current time at
    /// start, and later one further back than recording ever takes. Reads only `incoming/`, however many
    /// files are stored.
    pub async fn unrecorded(
        &self,
        before: UnixMillis,
        judge: Arc<dyn Judge>,
    ) -> Result<Vec<ReceivedFile>, EvidenceError> {
        let shared = Arc::clone(&self.shared);
        let permit = self.shared.validations.acquire_for_maintenance().await;
        blocking(move || {
            let _permit = permit;
            shared.scan(before, &*judge).map_err(EvidenceError::folder("list incoming files"))
        })
        .await
    }
}

impl FolderInner {
    fn scan(&self, before: UnixMillis, judge: &dyn Judge) -> io::Result<Vec<ReceivedFile>> {
        let mut unrecorded = Vec::new();
        for entry in fs::read_dir(self.incoming_folder())? {
            if unrecorded.len() == UNRECORDED_MAX {
                break;
            }
            let Ok(name) = entry?.file_name().into_string() else {
                continue;
            };
            let Some(uri) = address_in(&name) else {
                continue;
            };
            if self.active.lock().contains(&name) {
                continue;
            }
            // One file that cannot be read must not keep the others from being found.
            match self.settle(name, uri, before, judge) {
                Ok(found) => unrecorded.extend(found),
                Err(error) => {
                    tracing::warn!(%uri, %error, "reading an incoming file failed; it is tried again at the next start")
                }
            }
        }
        Ok(unrecorded)
    }

    /// Deletes or returns one incoming file that is not being written.
    fn settle(
        &self,
        name: String,
        uri: StorageUri,
        before: UnixMillis,
        judge: &dyn Judge,
    ) -> io::Result<Option<ReceivedFile>> {
        let path = self.incoming_path(&name);
        // Confirmed or removed since the folder was listed.
        let Some(incoming) = found(fs::symlink_metadata(&path))? else {
            return Ok(None);
        };
        let written_at = incoming.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        if UnixMillis(0) + written_at >= before {
            return Ok(None);
        }
        let stored = found(fs::symlink_metadata(self.path(&uri)))?;
        let identity = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
        if stored.as_ref().map(identity) != Some(identity(&incoming)) {
            found(fs::remove_file(&path))?;
            return Ok(None);
        }
        let content = read_whole(&mut durable::open_file(&path)?, incoming.len())?;
        let judged = Handle::current().block_on(judge.judge(&uri, &content)).map_err(io::Error::other)?;
        let inspection = match judged {
            Ok(inspection) => inspection,
            Err(invalid_file) => {
                // It was valid when it got its name, so the disk or the rules have changed. It is kept.
                tracing::warn!(%uri, %invalid_file, "a stored file without a record is invalid; it is kept and not recorded");
                return Ok(None);
            }
        };
        Ok(Some(ReceivedFile {
            uri,
            sha256: Sha256::digest(&content).into(),
            size: incoming.len(),
            inspection,
            incoming: name,
        }))
    }
}

/// Reads a file that must have exactly `size` bytes.
fn read_whole(file: &mut File, size: u64) -> io::Result<Vec<u8>> {
    let largest = Scene::max_bytes_of_any();
    let capacity = usize::try_from(size.min(largest)).unwrap_or_default();
    let mut content = Vec::with_capacity(capacity);
    file.take(largest).read_to_end(&mut content)?;
    if content.len() as u64 == size {
        Ok(content)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the file does not have the size that was written"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incoming_name_contains_its_address() {
        let uri: StorageUri =
            "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png".parse().unwrap();
        let name = name_for(&uri).unwrap();
        assert!(!name.contains('/'));
        assert_eq!(address_in(&name), Some(uri));
        assert_ne!(name, name_for(&uri).unwrap());
        for foreign in ["", "lost+found", ".DS_Store", &name[1..], &name[..name.len() - 1]] {
            assert_eq!(address_in(foreign), None, "{foreign:?} was taken");
        }
    }
}
